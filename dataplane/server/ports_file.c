#include "dataplane/server/ports_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/json.h"
#include "common/base/mem.h"

void gw_ports_file_init(struct gw_ports_file *file, const char *path) {
  *file = (struct gw_ports_file){.path = path};
  gw_strbuf_init(&file->written);
}

void gw_ports_file_done(struct gw_ports_file *file) {
  gw_strbuf_done(&file->written);
}

static void write_listeners(struct gw_json_writer *json, const struct gw_snapshot *snapshot, const struct gw_listen_set *listeners) {
  gw_json_object_begin(json);
  uint32_t count = snapshot != NULL && listeners != NULL ? snapshot->lists[GW_RESOURCE_LISTENER].count : 0;
  for (uint32_t i = 0; i < count; i++) {
    struct gw_str name = snapshot->lists[GW_RESOURCE_LISTENER].items[i]->name;
    struct gw_address address;
    if (gw_listen_set_address(listeners, name, &address) != GW_OK) continue;
    char *key = gw_str_dup(name);
    gw_json_key(json, key);
    gw_json_u64(json, gw_address_port(&address));
    free(key);
  }
  gw_json_object_end(json);
}

static void format(const struct gw_ports_file *file, const struct gw_snapshot *snapshot, const struct gw_listen_set *listeners,
                   struct gw_strbuf *buf) {
  struct gw_json_writer json;
  gw_json_writer_init(&json, buf);
  gw_json_object_begin(&json);
  gw_json_key(&json, "pid");
  gw_json_i64(&json, getpid());
  gw_json_key(&json, "listeners");
  write_listeners(&json, snapshot, listeners);
  gw_json_key(&json, "status_http");
  gw_json_u64(&json, file->status_http);
  gw_json_key(&json, "admin_http");
  gw_json_u64(&json, file->admin_http);
  gw_json_key(&json, "admin_grpc");
  gw_json_u64(&json, file->admin_grpc);
  gw_json_object_end(&json);
  gw_strbuf_append_char(buf, '\n');
}

static enum gw_err replace(const char *path, struct gw_str text) {
  GW_CLEANUP(gw_free_ptr) char *beside = gw_asprintf("%s.%ld", path, (long)getpid());
  FILE *stream = fopen(beside, "we");
  if (stream == NULL) return GW_ERR_IO;
  bool is_written = fwrite(text.data, 1, text.len, stream) == text.len;
  is_written = fclose(stream) == 0 && is_written;
  if (is_written && rename(beside, path) == 0) return GW_OK;
  int failure = errno;
  unlink(beside);
  errno = failure;
  return GW_ERR_IO;
}

enum gw_err gw_ports_file_update(struct gw_ports_file *file, const struct gw_snapshot *snapshot, const struct gw_listen_set *listeners) {
  if (file->path == NULL) return GW_OK;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  format(file, snapshot, listeners, &text);
  enum gw_err err = GW_OK;
  if (!gw_str_equal(gw_strbuf_str(&text), gw_strbuf_str(&file->written))) {
    err = replace(file->path, gw_strbuf_str(&text));
    if (err == GW_OK) {
      gw_strbuf_clear(&file->written);
      gw_strbuf_append_str(&file->written, gw_strbuf_str(&text));
    }
  }
  gw_strbuf_done(&text);
  return err;
}
