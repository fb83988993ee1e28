/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include "common/base/mem.h"
#include "dataplane/pipeline/forwarded.h"
#include "dataplane/pipeline/frozen_parts.h"

#define RANGES_MAX 4

/* A request from `peer` to a listener that trusts as `http` says; every string lives in the test. */
struct scene {
  struct gw_listener model;
  struct gw_cidr ranges[RANGES_MAX];
  struct gw_frozen_http http;
  struct gw_frozen_listener listener;
  struct gw_transport transport;
  struct gw_address peer;
  struct gw_stream stream;
};

static struct gw_http_connection_manager *scene_init(struct scene *scene, const char *peer) {
  memset(scene, 0, sizeof(*scene));
  scene->http.model = &scene->model;
  scene->http.trusted_cidrs = scene->ranges;
  scene->listener.http = &scene->http;
  assert_int_equal(gw_address_parse_ip(gw_str_from(peer), 4321, &scene->peer), GW_OK);
  gw_arena_init(&scene->stream.arena, 1024);
  scene->stream.listener = &scene->listener;
  scene->stream.peer = &scene->peer;
  scene->stream.transport = &scene->transport;
  scene->stream.request.scheme = GW_STR("http");
  scene->stream.request.authority = GW_STR("asked.test");
  scene->model.http.use_remote_address = true;
  return &scene->model.http;
}

static void trust(struct scene *scene, const char *range) {
  struct gw_http_connection_manager *http = &scene->model.http;
  assert_true(http->trusted_cidr_count < RANGES_MAX);
  assert_int_equal(gw_cidr_parse(gw_str_from(range), &scene->ranges[http->trusted_cidr_count++]), GW_OK);
}

static void send_field(struct scene *scene, enum gw_header_id id, const char *name, const char *value) {
  gw_headers_add(&scene->stream.request.headers, &scene->stream.arena, id, gw_str_from(name), gw_str_from(value));
}

static void send_forwarded_for(struct scene *scene, const char *value) {
  send_field(scene, GW_HEADER_X_FORWARDED_FOR, "x-forwarded-for", value);
}

static void assert_field(const struct scene *scene, const char *name, const char *want) {
  const struct gw_header *field = gw_headers_find_name(&scene->stream.request.headers, gw_str_from(name));
  struct gw_str got = field == NULL ? GW_STR("(none)") : field->value;
  if (!gw_str_equal(got, gw_str_from(want))) fail_msg("%s is \"%.*s\", not \"%s\"", name, GW_STR_ARG(got), want);
}

static void assert_remote(const struct scene *scene, const char *want) {
  char text[GW_ADDRESS_TEXT_SIZE];
  struct gw_str got = gw_address_format_ip(&scene->stream.remote, text);
  if (!gw_str_equal(got, gw_str_from(want))) fail_msg("the client is %.*s, not %s", GW_STR_ARG(got), want);
}

static void scene_done(struct scene *scene) {
  gw_arena_done(&scene->stream.arena);
}

static void test_nobody_is_believed_who_is_not_trusted(void **state) {
  (void)state;
  struct scene scene;
  scene_init(&scene, "192.0.2.9");
  send_forwarded_for(&scene, "10.0.0.1");
  send_field(&scene, GW_HEADER_X_FORWARDED_PROTO, "x-forwarded-proto", "https");
  send_field(&scene, GW_HEADER_X_FORWARDED_HOST, "x-forwarded-host", "claimed.test");
  gw_forwarded_apply(&scene.stream);
  assert_remote(&scene, "192.0.2.9");
  assert_false(scene.stream.is_remote_forwarded);
  assert_field(&scene, "x-forwarded-for", "10.0.0.1, 192.0.2.9");
  assert_field(&scene, "x-forwarded-proto", "http");
  assert_field(&scene, "x-forwarded-host", "asked.test");
  scene_done(&scene);
}

static void test_client_by_ranges(void **state) {
  (void)state;
  static const struct {
    const char *peer, *sent, *remote, *passed_on;
  } cases[] = {
      {"10.0.0.1", "203.0.113.7", "203.0.113.7", "203.0.113.7, 10.0.0.1"},
      {"10.0.0.1", "203.0.113.7, 10.9.9.9", "203.0.113.7", "203.0.113.7, 10.9.9.9, 10.0.0.1"},
      /* What stands before the first stranger anybody may have written. */
      {"10.0.0.1", "10.1.1.1, 203.0.113.7, 2001:db8::5", "203.0.113.7", "10.1.1.1, 203.0.113.7, 2001:db8::5, 10.0.0.1"},
      {"10.0.0.1", "10.1.1.1", "10.1.1.1", "10.1.1.1, 10.0.0.1"},
      {"10.0.0.1", "nonsense", "10.0.0.1", "nonsense, 10.0.0.1"},
      {"10.0.0.1", "203.0.113.7, nonsense", "10.0.0.1", "203.0.113.7, nonsense, 10.0.0.1"},
      {"2001:db8::1", "203.0.113.7", "203.0.113.7", "203.0.113.7, 2001:db8::1"},
      {"::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7", "203.0.113.7, 10.0.0.1"},
      /* A stranger's own list is thrown away: it would look like ours further on. */
      {"203.0.113.8", "10.0.0.1", "203.0.113.8", "203.0.113.8"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct scene scene;
    scene_init(&scene, cases[i].peer);
    trust(&scene, "10.0.0.0/8");
    trust(&scene, "2001:db8::/32");
    send_forwarded_for(&scene, cases[i].sent);
    gw_forwarded_apply(&scene.stream);
    assert_remote(&scene, cases[i].remote);
    assert_field(&scene, "x-forwarded-for", cases[i].passed_on);
    scene_done(&scene);
  }
}

static void test_client_by_several_fields_is_in_the_last(void **state) {
  (void)state;
  struct scene scene;
  scene_init(&scene, "10.0.0.1");
  trust(&scene, "10.0.0.0/8");
  send_forwarded_for(&scene, "198.51.100.1");
  send_forwarded_for(&scene, "203.0.113.7 , 10.2.2.2");
  gw_forwarded_apply(&scene.stream);
  assert_remote(&scene, "203.0.113.7");
  assert_true(scene.stream.is_remote_forwarded);
  assert_field(&scene, "x-forwarded-for", "198.51.100.1, 203.0.113.7 , 10.2.2.2, 10.0.0.1");
  scene_done(&scene);
}

static void test_client_by_hops(void **state) {
  (void)state;
  static const struct {
    uint32_t hops;
    bool uses_remote;
    const char *remote;
  } cases[] = {
      {0, true, "192.0.2.9"}, {1, true, "3.3.3.3"},  {2, true, "2.2.2.2"},  {3, true, "1.1.1.1"},
      {4, true, "192.0.2.9"}, {0, false, "3.3.3.3"}, {2, false, "1.1.1.1"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct scene scene;
    struct gw_http_connection_manager *http = scene_init(&scene, "192.0.2.9");
    http->xff_num_trusted_hops = cases[i].hops;
    http->use_remote_address = cases[i].uses_remote;
    send_forwarded_for(&scene, "1.1.1.1, 2.2.2.2, 3.3.3.3");
    gw_forwarded_apply(&scene.stream);
    assert_remote(&scene, cases[i].remote);
    assert_field(&scene, "x-forwarded-for", cases[i].uses_remote ? "1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.9" : "1.1.1.1, 2.2.2.2, 3.3.3.3");
    scene_done(&scene);
  }
}

static void test_proxy_that_is_trusted_says_how_the_client_came(void **state) {
  (void)state;
  struct scene scene;
  scene_init(&scene, "10.0.0.1");
  trust(&scene, "10.0.0.0/8");
  send_field(&scene, GW_HEADER_X_FORWARDED_PROTO, "x-forwarded-proto", "https");
  send_field(&scene, GW_HEADER_X_FORWARDED_HOST, "x-forwarded-host", "front.test");
  gw_forwarded_apply(&scene.stream);
  assert_field(&scene, "x-forwarded-proto", "https");
  assert_field(&scene, "x-forwarded-host", "front.test");
  assert_remote(&scene, "10.0.0.1");
  scene_done(&scene);
}

/* Without a certificate of its own nobody's word on certificates is passed on, unless the listener is told to. */
static void test_client_certificate_field_of_who_has_shown_none(void **state) {
  (void)state;
  static const struct {
    enum gw_client_cert_forwarding forwarding;
    const char *want;
  } cases[] = {
      {GW_CLIENT_CERT_SANITIZE, "(none)"},     {GW_CLIENT_CERT_FORWARD_ONLY, "(none)"},        {GW_CLIENT_CERT_APPEND_FORWARD, "(none)"},
      {GW_CLIENT_CERT_SANITIZE_SET, "(none)"}, {GW_CLIENT_CERT_ALWAYS_FORWARD_ONLY, "Hash=1"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct scene scene;
    scene_init(&scene, "192.0.2.9")->client_cert_forwarding = cases[i].forwarding;
    send_field(&scene, GW_HEADER_OTHER, "x-forwarded-client-cert", "Hash=1");
    gw_forwarded_apply(&scene.stream);
    assert_field(&scene, "x-forwarded-client-cert", cases[i].want);
    scene_done(&scene);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nobody_is_believed_who_is_not_trusted),
      cmocka_unit_test(test_client_by_ranges),
      cmocka_unit_test(test_client_by_several_fields_is_in_the_last),
      cmocka_unit_test(test_client_by_hops),
      cmocka_unit_test(test_proxy_that_is_trusted_says_how_the_client_came),
      cmocka_unit_test(test_client_certificate_field_of_who_has_shown_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
