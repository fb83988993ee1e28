#include "controlplane/discovery/nacos_config.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/crypto/digest.h"
#include "common/event/timer.h"

#define TEXT_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define GET_TIMEOUT_MS 5000u
/* Short, so that a server that has frozen is noticed: it answers half a second before. */
#define POLL_MS "10000"
#define POLL_TIMEOUT_MS 15000u
#define POLL_BYTES_MAX 65536u
#define RETRY_MIN_MS 500u
#define RETRY_MAX_MS 8000u
/* Between two gets: who says "it is another" again and again must not be asked without a pause. */
#define GET_PAUSE_MS 500u
#define WORD_SEPARATOR '\x02'
#define LINE_SEPARATOR '\x01'

struct gw_nacos_config {
  struct gw_loop *loop;
  struct gw_nacos_client *client;
  struct gw_report *report;
  char *data_id;
  char *group;
  char *tenant;
  struct gw_nacos_call *call;
  struct gw_timer timer;
  uint64_t retry_ms;
  uint64_t got_ms;            /* when the text was asked for last */
  char md5[GW_MD5_TEXT_SIZE]; /* of what was had last; empty: nothing */
};

static void poll_for_change(struct gw_nacos_config *config);

void gw_nacos_config_append_listening(struct gw_strbuf *form, struct gw_str data_id, struct gw_str group, struct gw_str tenant,
                                      struct gw_str md5) {
  struct gw_strbuf line;
  gw_strbuf_init(&line);
  gw_strbuf_printf(&line, "%.*s%c%.*s%c%.*s", GW_STR_ARG(data_id), WORD_SEPARATOR, GW_STR_ARG(group), WORD_SEPARATOR, GW_STR_ARG(md5));
  if (tenant.len > 0) gw_strbuf_printf(&line, "%c%.*s", WORD_SEPARATOR, GW_STR_ARG(tenant));
  gw_strbuf_append_char(&line, LINE_SEPARATOR);
  gw_nacos_append_param(form, "Listening-Configs", gw_strbuf_str(&line));
  gw_strbuf_done(&line);
}

static void fail(struct gw_nacos_config *config, const char *words) {
  gw_report_failure(config->report, words);
  config->retry_ms = config->retry_ms == 0 ? RETRY_MIN_MS : config->retry_ms * 2;
  if (config->retry_ms > RETRY_MAX_MS) config->retry_ms = RETRY_MAX_MS;
  gw_timer_start(config->loop, &config->timer, config->retry_ms);
}

static void on_text(struct gw_nacos_config *config, struct gw_str text) {
  /* Without MD5 each poll says at once that it is another, which the pause makes a slow poll. */
  if (!gw_digest_md5(text, config->md5)) config->md5[0] = '\0';
  gw_report_text(config->report, text);
  poll_for_change(config);
}

static void on_absent(struct gw_nacos_config *config) {
  char *words = gw_asprintf("there is no %s in group %s of Nacos%s%s", config->data_id, config->group,
                            config->tenant[0] != '\0' ? ", namespace " : "", config->tenant);
  gw_report_failure(config->report, words);
  free(words);
  config->md5[0] = '\0';
  poll_for_change(config);
}

static void on_get(void *arg, const struct gw_nacos_answer *answer) {
  struct gw_nacos_config *config = arg;
  config->call = NULL;
  if (answer->is_good || answer->status == 404) config->retry_ms = 0;
  if (answer->is_good)
    on_text(config, answer->body);
  else if (answer->status == 404)
    on_absent(config);
  else
    fail(config, answer->words);
}

static void get_soon(struct gw_nacos_config *config) {
  uint64_t since_ms = gw_loop_now_ms(config->loop) - config->got_ms;
  gw_timer_start(config->loop, &config->timer, since_ms < GET_PAUSE_MS ? GET_PAUSE_MS - since_ms : 0);
}

static void on_poll(void *arg, const struct gw_nacos_answer *answer) {
  struct gw_nacos_config *config = arg;
  config->call = NULL;
  if (!answer->is_good)
    fail(config, answer->words);
  else if (answer->body.len > 0)
    get_soon(config);
  else
    poll_for_change(config);
}

static void get(struct gw_nacos_config *config) {
  struct gw_strbuf query;
  gw_strbuf_init(&query);
  gw_nacos_append_param(&query, "dataId", gw_str_from(config->data_id));
  gw_nacos_append_param(&query, "group", gw_str_from(config->group));
  if (config->tenant[0] != '\0') gw_nacos_append_param(&query, "tenant", gw_str_from(config->tenant));
  const struct gw_nacos_request request = {.method = "GET",
                                           .path = "/v1/cs/configs",
                                           .query = gw_strbuf_str(&query),
                                           .timeout_ms = GET_TIMEOUT_MS,
                                           .bytes_max = TEXT_BYTES_MAX};
  config->got_ms = gw_loop_now_ms(config->loop);
  config->call = gw_nacos_client_call(config->client, &request, on_get, config);
  gw_strbuf_done(&query);
}

static void poll_for_change(struct gw_nacos_config *config) {
  struct gw_strbuf form;
  gw_strbuf_init(&form);
  gw_nacos_config_append_listening(&form, gw_str_from(config->data_id), gw_str_from(config->group), gw_str_from(config->tenant),
                                   gw_str_from(config->md5));
  const struct gw_nacos_request request = {.method = "POST",
                                           .path = "/v1/cs/configs/listener",
                                           .form = gw_strbuf_str(&form),
                                           .header = "Long-Pulling-Timeout: " POLL_MS,
                                           .timeout_ms = POLL_TIMEOUT_MS,
                                           .bytes_max = POLL_BYTES_MAX,
                                           .is_long_poll = true};
  config->call = gw_nacos_client_call(config->client, &request, on_poll, config);
  gw_strbuf_done(&form);
}

/* After a failure as well: the text itself tells all. */
static void on_timer(struct gw_timer *timer) {
  get(GW_CONTAINER_OF(timer, struct gw_nacos_config, timer));
}

/* The public namespace has an id among services, and none among configurations. */
static struct gw_str tenant_of(struct gw_str namespace) {
  return gw_str_equal(namespace, GW_STR("public")) ? GW_STR("") : namespace;
}

struct gw_nacos_config *gw_nacos_config_watch(struct gw_loop *loop, struct gw_nacos_client *client, struct gw_str name,
                                              struct gw_str namespace, struct gw_str group, struct gw_report *report) {
  struct gw_nacos_config *config = gw_calloc(1, sizeof(*config));
  struct gw_str parts[3] = {0}, rest = name;
  uint32_t count = 0;
  while (count < GW_ARRAY_LEN(parts) && gw_str_split_next(&rest, '/', &parts[count]))
    count++;
  *config = (struct gw_nacos_config){.loop = loop,
                                     .client = client,
                                     .report = report,
                                     .data_id = gw_str_dup(count > 0 ? parts[count - 1] : name),
                                     .group = gw_str_dup(count > 1 ? parts[count - 2] : group),
                                     .tenant = gw_str_dup(tenant_of(count > 2 ? parts[0] : namespace))};
  gw_timer_init(&config->timer, on_timer);
  get(config);
  return config;
}

void gw_nacos_config_unwatch(struct gw_nacos_config *config) {
  if (config == NULL) return;
  gw_timer_stop(&config->timer);
  gw_nacos_call_cancel(config->call);
  free(config->data_id);
  free(config->group);
  free(config->tenant);
  free(config);
}
