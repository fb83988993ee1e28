#include "common/event/mailbox.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/event/loop_internal.h"

/* A lock-free stack that the receiver takes as a whole and turns round. Whoever posts onto the empty stack wakes the loop; all
 * others know that it is awake or about to be. */
struct gw_mailbox {
  struct gw_loop *loop;
  gw_mailbox_fn fn;
  void *arg;
  _Atomic(struct gw_mail *) newest;
  int fd;
  struct event event;
};

static struct gw_mail *take_all(struct gw_mailbox *mailbox) {
  struct gw_mail *newest = atomic_exchange_explicit(&mailbox->newest, NULL, memory_order_acquire);
  struct gw_mail *oldest = NULL;
  while (newest != NULL) {
    struct gw_mail *next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

static void on_mail(evutil_socket_t fd, short what, void *arg) {
  (void)fd, (void)what;
  struct gw_mailbox *mailbox = arg;
  struct gw_mail *mail = take_all(mailbox);
  while (mail != NULL) {
    struct gw_mail *next = mail->next;
    mail->next = NULL;
    gw_loop_enter_callback(mailbox->loop);
    mailbox->fn(mailbox->arg, mail);
    gw_loop_leave_callback(mailbox->loop);
    mail = next;
  }
}

struct gw_mailbox *gw_mailbox_new(struct gw_loop *loop, gw_mailbox_fn fn, void *arg) {
  struct gw_mailbox *mailbox = gw_malloc(sizeof(*mailbox));
  *mailbox = (struct gw_mailbox){.loop = loop, .fn = fn, .arg = arg, .fd = gw_loop_new_counter()};
  atomic_init(&mailbox->newest, NULL);
  gw_loop_watch_counter(loop, &mailbox->event, mailbox->fd, on_mail, mailbox);
  return mailbox;
}

void gw_mailbox_free(struct gw_mailbox *mailbox) {
  if (mailbox == NULL) return;
  /* Mail may be answered with mail. */
  while (atomic_load_explicit(&mailbox->newest, memory_order_relaxed) != NULL)
    on_mail(mailbox->fd, 0, mailbox);
  event_del(&mailbox->event);
  close(mailbox->fd);
  free(mailbox);
}

void gw_mailbox_post(struct gw_mailbox *mailbox, struct gw_mail *mail) {
  struct gw_mail *newest = atomic_load_explicit(&mailbox->newest, memory_order_relaxed);
  do {
    mail->next = newest;
  } while (!atomic_compare_exchange_weak_explicit(&mailbox->newest, &newest, mail, memory_order_release, memory_order_relaxed));
  if (newest == NULL) gw_loop_raise_counter(mailbox->fd);
}
