/* gatewayctl history and diff. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/loosenings.h"
#include "controlplane/ctl/message_json.h"
#include "controlplane/ctl/table.h"
#include "controlplane/ctl/terminal_text.h"
#include "controlplane/ctl/text_diff.h"

#define PAGE_MAX 1000u
#define HASH_SHOWN 12

typedef Gateway__Admin__V1__Revision Revision;
typedef Gateway__Admin__V1__ListRevisionsResponse Page;

/* ---- history ---- */

static void add_revision(struct gw_table *table, const Revision *revision, uint64_t current) {
  char at[GW_CLOCK_RFC3339_SIZE];
  gw_clock_format_rfc3339(revision->at_ms * 1000, at);
  at[10] = ' ';
  at[19] = '\0';
  gw_table_printf(table, "%llu%s", (unsigned long long)revision->number, revision->number == current ? " *" : "");
  gw_table_add(table, at);
  gw_table_add(table, revision->author);
  gw_table_printf(table, "%.*s", HASH_SHOWN, revision->hash);
  if (revision->rollback_to > 0)
    gw_table_printf(table, "rollback to %llu%s%s", (unsigned long long)revision->rollback_to, revision->message[0] != '\0' ? ": " : "",
                    revision->message);
  else
    gw_table_add(table, revision->message);
}

static void print_foot(const Page *page) {
  printf("\n* in force at this control plane; source of truth: %s\n", page->config_source);
  if (page->problem[0] != '\0') printf("there may be others: %s\n", page->problem);
}

/* Page after page, as one list. */
static int list(const struct gw_ctl *ctl, struct gw_arena *arena, Page *all) {
  uint64_t before = 0;
  uint32_t left = ctl->change.limit > 0 ? ctl->change.limit : UINT32_MAX;
  for (bool is_last = false; !is_last;) {
    Gateway__Admin__V1__ListRevisionsRequest request = GATEWAY__ADMIN__V1__LIST_REVISIONS_REQUEST__INIT;
    request.page_size = left < PAGE_MAX ? left : PAGE_MAX;
    request.before = before;
    ProtobufCMessage *reply;
    int exit_code =
        gw_admin_client_ask(ctl, "ListRevisions", &request.base, &gateway__admin__v1__list_revisions_response__descriptor, arena, &reply);
    if (exit_code != GW_CTL_OK) return exit_code;
    const Page *page = (const void *)reply;
    Revision **revisions = gw_arena_calloc(arena, all->n_revisions + page->n_revisions, sizeof(void *));
    for (size_t i = 0; i < all->n_revisions; i++)
      revisions[i] = all->revisions[i];
    for (size_t i = 0; i < page->n_revisions; i++)
      revisions[all->n_revisions + i] = page->revisions[i];
    size_t count = all->n_revisions + page->n_revisions;
    *all = *page;
    all->revisions = revisions;
    all->n_revisions = count;
    left -= (uint32_t)page->n_revisions;
    is_last = page->n_revisions < request.page_size || left == 0;
    if (page->n_revisions > 0) before = page->revisions[page->n_revisions - 1]->number;
  }
  return GW_CTL_OK;
}

static void print_history(const Page *page) {
  static const char *const heads[] = {"REVISION", "WHEN (UTC)", "WHO", "HASH", "WHY"};
  if (page->n_revisions == 0) {
    puts("there is no revision yet");
  } else {
    struct gw_table table;
    gw_table_init(&table, heads, GW_ARRAY_LEN(heads));
    for (size_t i = 0; i < page->n_revisions; i++)
      add_revision(&table, page->revisions[i], page->current);
    gw_table_print(&table, stdout);
    gw_table_done(&table);
  }
  print_foot(page);
}

int gw_ctl_history(const struct gw_ctl *ctl) {
  struct gw_arena arena;
  gw_arena_init(&arena, 16384);
  Page all = GATEWAY__ADMIN__V1__LIST_REVISIONS_RESPONSE__INIT;
  int exit_code = list(ctl, &arena, &all);
  if (exit_code == GW_CTL_OK && ctl->is_json)
    gw_message_json_print(&all.base);
  else if (exit_code == GW_CTL_OK)
    print_history(&all);
  gw_arena_done(&arena);
  return exit_code;
}

/* ---- diff ---- */

static struct gw_str text_of(ProtobufCBinaryData data) {
  return (struct gw_str){(const char *)data.data, data.len};
}

static void add_diff(const Gateway__Admin__V1__CompareRevisionsResponse *m, bool is_services, struct gw_strbuf *out) {
  GW_CLEANUP(gw_free_ptr)
  char *from =
      gw_asprintf("%s\trevision %llu", is_services ? m->from->services_name : m->from->routes_name, (unsigned long long)m->from->number);
  GW_CLEANUP(gw_free_ptr)
  char *to = gw_asprintf("%s\trevision %llu", is_services ? m->to->services_name : m->to->routes_name, (unsigned long long)m->to->number);
  if (is_services)
    gw_text_diff(text_of(m->from_services), text_of(m->to_services), from, to, out);
  else
    gw_text_diff(text_of(m->from_routes), text_of(m->to_routes), from, to, out);
}

static void print_diff_json(const Gateway__Admin__V1__CompareRevisionsResponse *m, const struct gw_strbuf *diff) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  struct gw_json_writer json;
  gw_json_writer_init(&json, &text);
  gw_json_object_begin(&json);
  gw_json_key(&json, "from");
  gw_message_json_write(&json, &m->from->base);
  gw_json_key(&json, "to");
  gw_message_json_write(&json, &m->to->base);
  gw_json_key(&json, "diff");
  gw_json_string(&json, gw_strbuf_str(diff));
  gw_json_key(&json, "loosenings");
  gw_json_array_begin(&json);
  for (size_t i = 0; i < m->n_loosenings; i++)
    gw_message_json_write(&json, &m->loosenings[i]->base);
  gw_json_array_end(&json);
  gw_json_key(&json, "problem");
  gw_json_string(&json, gw_str_from(m->problem));
  gw_json_object_end(&json);
  puts(text.data);
  gw_strbuf_done(&text);
}

/* Line by line: texts may hold what a terminal would obey, but their line ends stay. */
static void print_lines(const struct gw_strbuf *diff) {
  struct gw_str rest = gw_strbuf_str(diff), line;
  struct gw_strbuf clean;
  gw_strbuf_init(&clean);
  while (gw_str_split_next(&rest, '\n', &line)) {
    if (line.len == 0 && rest.len == 0) break;
    gw_strbuf_clear(&clean);
    gw_terminal_text_append(&clean, line);
    printf("%.*s\n", (int)clean.len, clean.data != NULL ? clean.data : "");
  }
  gw_strbuf_done(&clean);
}

static void print_diff(const Gateway__Admin__V1__CompareRevisionsResponse *m, const struct gw_strbuf *diff) {
  if (diff->len == 0)
    printf("revisions %llu and %llu are the same\n", (unsigned long long)m->from->number, (unsigned long long)m->to->number);
  print_lines(diff);
  if (m->problem[0] != '\0') printf("\nwhich protections are loosened is not known: %s\n", m->problem);
  if (m->n_loosenings > 0) {
    puts("\nprotections that are loosened:");
    gw_loosenings_print(m->loosenings, m->n_loosenings);
  } else if (m->problem[0] == '\0' && diff->len > 0) {
    puts("\nno protection is loosened");
  }
}

static int read_number(const char *word, uint64_t *ret_number) {
  if (gw_str_parse_u64(gw_str_from(word), ret_number) == GW_OK && *ret_number > 0) return GW_CTL_OK;
  return gw_ctl_fail_usage("diff %s: the number of a revision is wanted (gatewayctl history lists them)", word);
}

int gw_ctl_diff(const struct gw_ctl *ctl) {
  Gateway__Admin__V1__CompareRevisionsRequest request = GATEWAY__ADMIN__V1__COMPARE_REVISIONS_REQUEST__INIT;
  int exit_code = read_number(ctl->words[0], &request.from);
  if (exit_code == GW_CTL_OK && ctl->word_count == 2) exit_code = read_number(ctl->words[1], &request.to);
  if (exit_code != GW_CTL_OK) return exit_code;
  struct gw_arena arena;
  struct gw_strbuf diff;
  gw_arena_init(&arena, 65536);
  gw_strbuf_init(&diff);
  ProtobufCMessage *reply;
  exit_code = gw_admin_client_ask(ctl, "CompareRevisions", &request.base, &gateway__admin__v1__compare_revisions_response__descriptor,
                                  &arena, &reply);
  if (exit_code == GW_CTL_OK) {
    const Gateway__Admin__V1__CompareRevisionsResponse *m = (const void *)reply;
    add_diff(m, false, &diff);
    add_diff(m, true, &diff);
    if (ctl->is_json)
      print_diff_json(m, &diff);
    else
      print_diff(m, &diff);
  }
  gw_strbuf_done(&diff);
  gw_arena_done(&arena);
  return exit_code;
}
