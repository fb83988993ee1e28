/* What a listener's filters are refused for, word by word. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "dataplane/pipeline/chain.h"

static const void *build_route(const struct gw_filter_build *build, const struct gw_route_filters *model) {
  (void)build;
  return model;
}

static const struct gw_filter router = {.name = "router", .kind = GW_FILTER_ROUTER};
static const struct gw_filter by_route = {.name = "by_route", .kind = GW_FILTER_RBAC, .build_route = build_route, .state_size = 20};
static const struct gw_filter of_listener = {.name = "of_listener", .kind = GW_FILTER_NODE_ENDPOINTS, .state_size = 1};
static const struct gw_filter *const registry[] = {&by_route, &of_listener, &router, NULL};

static const struct gw_http_filter rbac = {.name = GW_STR("rbac"), .kind = GW_FILTER_RBAC},
                                   again = {.name = GW_STR("rbac2"), .kind = GW_FILTER_RBAC},
                                   endpoints = {.name = GW_STR("endpoints"), .kind = GW_FILTER_NODE_ENDPOINTS},
                                   limits = {.name = GW_STR("limits"), .kind = GW_FILTER_LIMITS},
                                   cors = {.name = GW_STR("cors"), .kind = GW_FILTER_CORS},
                                   last = {.name = GW_STR("router"), .kind = GW_FILTER_ROUTER};

struct made {
  struct gw_arena arena;
  struct gw_errors errors;
  struct gw_chain chain;
  char *told;
};

static void make(struct made *made, const struct gw_http_filter *filters, uint32_t count) {
  gw_arena_init(&made->arena, 1024);
  gw_errors_init(&made->errors);
  const struct gw_http_connection_manager http = {.filters = filters, .filter_count = count};
  const struct gw_filter_build build = {.arena = &made->arena, .errors = &made->errors, .place = "listener gateway"};
  gw_chain_build(&made->chain, &http, registry, &build);
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf text = {0};
  for (size_t i = 0; i < made->errors.count; i++)
    gw_strbuf_printf(&text, "%s: %s\n", made->errors.items[i].place, made->errors.items[i].sentence);
  made->told = gw_strdup(text.data != NULL ? text.data : "");
}

static void done(struct made *made) {
  gw_chain_done(&made->chain);
  gw_errors_done(&made->errors);
  gw_arena_done(&made->arena);
  free(made->told);
}

static void test_two_filters_whose_settings_routes_have_are_refused(void **state) {
  (void)state;
  const struct gw_http_filter filters[] = {rbac, endpoints, again, last};
  struct made made;
  make(&made, filters, 4);
  assert_string_equal(made.told,
                      "listener gateway: http_filters[2]: filter \"rbac2\" is of the same kind as http_filters[0]: routes have settings "
                      "for one of a kind\n");
  done(&made);
}

static void test_two_filters_that_routes_say_nothing_of_stand_side_by_side(void **state) {
  (void)state;
  const struct gw_http_filter filters[] = {endpoints, limits, rbac, endpoints, last};
  struct made made;
  make(&made, filters, 5);
  assert_string_equal(made.told, "");
  assert_int_equal(made.chain.count, 4); /* limits are no step */
  assert_ptr_equal(made.chain.items[1].filter, &by_route);
  assert_int_equal(made.chain.items[1].state_offset, 16);
  assert_int_equal(made.chain.items[2].state_offset, 48);
  assert_int_equal(made.chain.state_size, 64);
  done(&made);
}

static void test_router_is_the_last_and_only_the_last(void **state) {
  (void)state;
  const struct {
    struct gw_http_filter filters[2];
    uint32_t count;
    const char *told;
  } cases[] = {
      {{rbac}, 1, "listener gateway: http_filters[0]: the router is the last filter, and only the last one\n"},
      {{last, rbac},
       2,
       "listener gateway: http_filters[0]: the router is the last filter, and only the last one\n"
       "listener gateway: http_filters[1]: the router is the last filter, and only the last one\n"},
      {{last}, 0, "listener gateway: http_filters: at least the router is needed\n"},
      {{cors, last}, 2, "listener gateway: http_filters[0]: filter \"cors\" is not available\n"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct made made;
    make(&made, cases[i].filters, cases[i].count);
    assert_string_equal(made.told, cases[i].told);
    done(&made);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_two_filters_whose_settings_routes_have_are_refused),
      cmocka_unit_test(test_two_filters_that_routes_say_nothing_of_stand_side_by_side),
      cmocka_unit_test(test_router_is_the_last_and_only_the_last),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
