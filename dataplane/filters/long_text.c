#include "dataplane/filters/long_text.h"

#include "dataplane/pipeline/local_reply.h"

#define PIECE_SIZE ((size_t)64 * 1024)

static void go_on(struct gw_long_text *answer) {
  if (answer->text != NULL && !answer->is_paused) gw_loop_at_leisure(answer->stream->pipeline->loop, &answer->task);
}

static void on_step(void *arg) {
  struct gw_long_text *answer = arg;
  if (answer->stream->is_aborted) return;
  struct gw_str rest = gw_str_skip(gw_bytes_str(answer->text), answer->sent);
  struct gw_str piece = {rest.data, rest.len < PIECE_SIZE ? rest.len : PIECE_SIZE};
  answer->sent += piece.len;
  gw_stream_respond_body(answer->stream, piece);
  if (piece.len < rest.len)
    go_on(answer);
  else
    gw_stream_respond_end(answer->stream);
}

void gw_long_text_start(struct gw_long_text *answer, struct gw_stream *stream, struct gw_str content_type, struct gw_bytes *text) {
  *answer = (struct gw_long_text){.stream = stream};
  gw_task_init(&answer->task, on_step, answer);
  if (!gw_local_reply_begin_text(stream, 200, content_type, text->len)) return;
  answer->text = gw_bytes_ref(text);
  go_on(answer);
}

void gw_long_text_set_paused(struct gw_long_text *answer, bool is_paused) {
  answer->is_paused = is_paused;
  if (is_paused)
    gw_task_cancel(&answer->task);
  else if (answer->text != NULL && answer->sent < answer->text->len)
    go_on(answer);
}

void gw_long_text_done(struct gw_long_text *answer) {
  gw_task_cancel(&answer->task);
  gw_bytes_unref(answer->text);
  answer->text = NULL;
}
