/* Why: how threads talk: any thread posts, the loop that owns the mailbox is woken and gets the mail in order.
 * Life: gw_mailbox_new … gw_mailbox_free (when no other thread can post any more; undelivered mail is handed to fn first).
 * Thread: post: any. All else: the loop's own. */
#ifndef GW_COMMON_EVENT_MAILBOX_H
#define GW_COMMON_EVENT_MAILBOX_H

#include "common/event/loop.h"

struct gw_mailbox;

/* Embedded in what is sent; the receiver owns the letter once it is delivered. */
struct gw_mail {
  struct gw_mail *next;
};

typedef void (*gw_mailbox_fn)(void *arg, struct gw_mail *mail);

struct gw_mailbox *gw_mailbox_new(struct gw_loop *loop, gw_mailbox_fn fn, void *arg);
void gw_mailbox_free(struct gw_mailbox *mailbox);
void gw_mailbox_post(struct gw_mailbox *mailbox, struct gw_mail *mail);

#endif
