#include "common/event/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

#define POSTERS 4
#define LETTERS 20000

struct letter {
  struct gw_mail mail;
  size_t poster;
  size_t number;
};

struct receiver {
  struct gw_loop *loop;
  struct gw_mailbox *mailbox;
  size_t next[POSTERS];
  size_t count;
  bool answers;
};

static void post(struct receiver *receiver, size_t poster, size_t number) {
  struct letter *letter = gw_calloc(1, sizeof(*letter));
  letter->poster = poster;
  letter->number = number;
  gw_mailbox_post(receiver->mailbox, &letter->mail);
}

static void on_mail(void *arg, struct gw_mail *mail) {
  struct receiver *receiver = arg;
  struct letter *letter = GW_CONTAINER_OF(mail, struct letter, mail);
  assert_int_equal(letter->number, receiver->next[letter->poster]++);
  receiver->count++;
  if (receiver->answers && letter->poster == 0 && letter->number < 3) post(receiver, letter->poster, letter->number + 1);
  free(letter);
}

static void receiver_init(struct receiver *receiver) {
  *receiver = (struct receiver){.loop = gw_loop_new()};
  receiver->mailbox = gw_mailbox_new(receiver->loop, on_mail, receiver);
}

static void receiver_done(struct receiver *receiver) {
  gw_mailbox_free(receiver->mailbox);
  gw_loop_free(receiver->loop);
}

static void run_until(struct receiver *receiver, size_t count) {
  uint64_t end_us = gw_clock_monotonic_us() + 60000000u;
  while (receiver->count < count && gw_clock_monotonic_us() < end_us)
    gw_loop_run_once(receiver->loop, 1000);
  assert_int_equal(receiver->count, count);
}

struct poster {
  struct receiver *receiver;
  size_t number;
};

static void *post_all(void *arg) {
  const struct poster *poster = arg;
  for (size_t i = 0; i < LETTERS; i++)
    post(poster->receiver, poster->number, i);
  return NULL;
}

static void test_post_from_many_threads_arrives_in_each_ones_order(void **state) {
  (void)state;
  struct receiver receiver;
  struct poster posters[POSTERS];
  pthread_t threads[POSTERS];
  receiver_init(&receiver);
  for (size_t i = 0; i < POSTERS; i++) {
    posters[i] = (struct poster){&receiver, i};
    assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
  }
  run_until(&receiver, (size_t)POSTERS * LETTERS);
  for (size_t i = 0; i < POSTERS; i++)
    pthread_join(threads[i], NULL);
  receiver_done(&receiver);
}

static void test_post_from_the_receiver_is_delivered_later(void **state) {
  (void)state;
  struct receiver receiver;
  receiver_init(&receiver);
  receiver.answers = true;
  post(&receiver, 0, 0);
  run_until(&receiver, 4);
  receiver_done(&receiver);
}

static void test_free_hands_over_what_was_not_delivered(void **state) {
  (void)state;
  struct receiver receiver;
  receiver_init(&receiver);
  for (size_t i = 0; i < 10; i++)
    post(&receiver, 1, i);
  receiver.answers = true;
  post(&receiver, 0, 0);
  receiver_done(&receiver);
  assert_int_equal(receiver.next[1], 10);
  assert_int_equal(receiver.next[0], 4);
  gw_mailbox_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_post_from_many_threads_arrives_in_each_ones_order),
      cmocka_unit_test(test_post_from_the_receiver_is_delivered_later),
      cmocka_unit_test(test_free_hands_over_what_was_not_delivered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
