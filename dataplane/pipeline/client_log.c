#include "dataplane/pipeline/client_log.h"

void gw_client_log_write(struct gw_client_log *client_log, struct gw_log *log, uint64_t now_ms, const struct gw_address *peer,
                         const char *what, struct gw_str why) {
  char text[GW_ADDRESS_TEXT_SIZE];
  if (client_log->second != now_ms / 1000) {
    client_log->second = now_ms / 1000;
    client_log->line_count = 0;
  }
  if (client_log->line_count == GW_CLIENT_LOG_LINES_PER_SECOND) {
    client_log->left_out++;
    return;
  }
  client_log->line_count++;
  struct gw_str address = gw_address_format(peer, text);
  if (client_log->left_out == 0) {
    GW_LOG_INFO(log, "client %.*s: %s: %.*s", GW_STR_ARG(address), what, GW_STR_ARG(why));
  } else {
    GW_LOG_INFO(log, "client %.*s: %s: %.*s (%llu more like it were left out)", GW_STR_ARG(address), what, GW_STR_ARG(why),
                (unsigned long long)client_log->left_out);
  }
  client_log->left_out = 0;
}
