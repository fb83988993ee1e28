#include "common/otlp/span_sink.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/event/timer.h"

struct gw_span_sink {
  struct gw_loop *loop;
  struct gw_mailbox *mailbox;
  struct gw_span_budget *budget;
  struct gw_timer timer;      /* runs while a batch is open */
  struct gw_span_batch *open; /* one a destination, by mail.next */
};

void gw_span_budget_init(struct gw_span_budget *budget, size_t max_bytes) {
  *budget = (struct gw_span_budget){.max_bytes = max_bytes};
  atomic_init(&budget->used_bytes, 0);
  atomic_init(&budget->dropped_total, 0);
}

void gw_span_batch_free(struct gw_span_batch *batch, struct gw_span_budget *budget) {
  gw_bytes_unref(batch->spans);
  free(batch);
  atomic_fetch_sub_explicit(&budget->used_bytes, GW_SPAN_BATCH_BYTES, memory_order_relaxed);
}

static struct gw_span_batch *batch_of(const struct gw_mail *mail) {
  return mail != NULL ? GW_CONTAINER_OF(mail, struct gw_span_batch, mail) : NULL;
}

/* NULL: the budget is used up. */
static struct gw_span_batch *new_batch(struct gw_span_sink *sink, uint64_t destination) {
  struct gw_span_budget *budget = sink->budget;
  size_t used = atomic_fetch_add_explicit(&budget->used_bytes, GW_SPAN_BATCH_BYTES, memory_order_relaxed);
  if (used + GW_SPAN_BATCH_BYTES > budget->max_bytes) {
    atomic_fetch_sub_explicit(&budget->used_bytes, GW_SPAN_BATCH_BYTES, memory_order_relaxed);
    return NULL;
  }
  struct gw_span_batch *batch = gw_calloc(1, sizeof(*batch));
  batch->destination = destination;
  batch->spans = gw_bytes_new(NULL, GW_SPAN_BATCH_BYTES);
  batch->spans->len = 0;
  batch->mail.next = sink->open != NULL ? &sink->open->mail : NULL;
  sink->open = batch;
  if (!gw_timer_is_running(&sink->timer)) gw_timer_start(sink->loop, &sink->timer, GW_SPAN_BATCH_DELAY_MS);
  return batch;
}

static struct gw_span_batch *find_open(const struct gw_span_sink *sink, uint64_t destination) {
  struct gw_span_batch *batch = sink->open;
  while (batch != NULL && batch->destination != destination)
    batch = batch_of(batch->mail.next);
  return batch;
}

static void post(struct gw_span_sink *sink, struct gw_span_batch *batch) {
  if (sink->open == batch) {
    sink->open = batch_of(batch->mail.next);
  } else {
    struct gw_span_batch *before = sink->open;
    while (before->mail.next != &batch->mail)
      before = batch_of(before->mail.next);
    before->mail.next = batch->mail.next;
  }
  gw_mailbox_post(sink->mailbox, &batch->mail);
}

static void post_all(struct gw_span_sink *sink) {
  while (sink->open != NULL)
    post(sink, sink->open);
}

static void on_timer(struct gw_timer *timer) {
  post_all(GW_CONTAINER_OF(timer, struct gw_span_sink, timer));
}

void gw_span_sink_add(struct gw_span_sink *sink, uint64_t destination, struct gw_str spans, uint32_t count) {
  struct gw_span_batch *batch = find_open(sink, destination);
  if (batch != NULL && batch->spans->len + spans.len > GW_SPAN_BATCH_BYTES) {
    post(sink, batch);
    batch = NULL;
  }
  if (batch == NULL && spans.len <= GW_SPAN_BATCH_BYTES) batch = new_batch(sink, destination);
  if (batch == NULL) {
    atomic_fetch_add_explicit(&sink->budget->dropped_total, count, memory_order_relaxed);
    return;
  }
  memcpy(batch->spans->data + batch->spans->len, spans.data, spans.len);
  batch->spans->len += spans.len;
  batch->count += count;
}

struct gw_span_sink *gw_span_sink_new(struct gw_loop *loop, struct gw_mailbox *mailbox, struct gw_span_budget *budget) {
  struct gw_span_sink *sink = gw_calloc(1, sizeof(*sink));
  sink->loop = loop;
  sink->mailbox = mailbox;
  sink->budget = budget;
  gw_timer_init(&sink->timer, on_timer);
  return sink;
}

void gw_span_sink_free(struct gw_span_sink *sink) {
  if (sink == NULL) return;
  gw_timer_stop(&sink->timer);
  post_all(sink);
  free(sink);
}
