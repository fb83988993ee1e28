#include "controlplane/policy/tracing_settings.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/unit/controlplane/policy/policy_fixture.h"

#define ENV(...) ((char *const[]){__VA_ARGS__, NULL})
#define ENDPOINT "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317"

/* NULL: there are mistakes, in *ret_mistakes, which the caller frees. */
static struct gw_settings *load(char *const *environment, char **ret_mistakes) {
  clearenv();
  for (; *environment != NULL; environment++)
    assert_int_equal(putenv(*environment), 0);
  struct gw_errors errors;
  struct gw_settings *settings = NULL;
  gw_errors_init(&errors);
  gw_settings_load("/dev/null", NULL, &errors, &settings);
  *ret_mistakes = gw_errors_format(&errors);
  gw_errors_done(&errors);
  return settings;
}

static void assert_refused(char *const *environment, const char *wanted) {
  char *mistakes;
  struct gw_settings *settings = load(environment, &mistakes);
  if (settings != NULL || strstr(mistakes, wanted) == NULL) fail_msg("no \"%s\" in:\n%s", wanted, mistakes);
  free(mistakes);
}

struct read {
  struct gw_settings *settings;
  struct gw_arena arena;
  const struct gw_tracing *tracing;
};

static struct read translate(char *const *environment) {
  struct read read = {.settings = NULL};
  char *mistakes;
  read.settings = load(environment, &mistakes);
  if (read.settings == NULL) fail_msg("%s", mistakes);
  free(mistakes);
  assert_true(gw_tracing_is_on(read.settings));
  gw_arena_init(&read.arena, 1024);
  read.tracing = gw_tracing_translate(read.settings, &read.arena);
  return read;
}

static void done(struct read *read) {
  gw_arena_done(&read->arena);
  gw_settings_free(read->settings);
}

static void assert_text(struct gw_str got, const char *wanted) {
  if (!gw_str_equal(got, gw_str_from(wanted))) fail_msg("\"%.*s\" instead of \"%s\"", GW_STR_ARG(got), wanted);
}

static void test_off_without_an_endpoint_or_when_switched_off(void **state) {
  (void)state;
  char *mistakes;
  struct gw_settings *settings = load(ENV("OTEL_SERVICE_NAME=a"), &mistakes);
  assert_false(gw_tracing_is_on(settings));
  gw_settings_free(settings);
  free(mistakes);
  settings = load(ENV(ENDPOINT, "OTEL_SDK_DISABLED=true"), &mistakes);
  assert_false(gw_tracing_is_on(settings));
  gw_settings_free(settings);
  free(mistakes);
}

static void test_defaults_are_opentelemetry_s(void **state) {
  (void)state;
  struct read read = translate(ENV(ENDPOINT));
  assert_false(read.tracing->is_http); /* by the port */
  assert_true(read.tracing->heeds_parent && read.tracing->samples_errors && read.tracing->tells_client && read.tracing->has_attempt_spans);
  assert_int_equal(read.tracing->sampled_millionths, GW_TRACING_ALL);
  assert_int_equal(read.tracing->propagation, GW_PROPAGATE_W3C);
  assert_int_equal(read.tracing->timeout_ms, 10000);
  assert_text(read.tracing->service_name, "gateway");
  assert_text(read.tracing->cluster, GW_TRACING_CLUSTER);
  assert_text(read.tracing->authority, "127.0.0.1:4317");
  assert_int_equal(read.tracing->headers_secret.len, 0);
  done(&read);
}

static void test_base_url_gets_the_path_of_traces_and_a_whole_one_does_not(void **state) {
  (void)state;
  struct read read = translate(ENV("OTEL_EXPORTER_OTLP_ENDPOINT=http://otel.example:4318/base/"));
  assert_true(read.tracing->is_http);
  assert_text(read.tracing->path, "/base/v1/traces");
  assert_text(read.tracing->authority, "otel.example:4318");
  done(&read);
  read = translate(ENV(ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://[::1]/api/t",
                       "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=500"));
  assert_text(read.tracing->path, "/api/t");
  assert_int_equal(read.tracing->timeout_ms, 500);
  done(&read);
}

static void test_samplers_and_their_arguments(void **state) {
  (void)state;
  struct read read = translate(ENV(ENDPOINT, "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.01"));
  assert_int_equal(read.tracing->sampled_millionths, 10000);
  assert_false(read.tracing->heeds_parent);
  done(&read);
  read = translate(ENV(ENDPOINT, "OTEL_TRACES_SAMPLER=parentbased_always_off"));
  assert_int_equal(read.tracing->sampled_millionths, 0);
  assert_true(read.tracing->heeds_parent);
  done(&read);
  read = translate(ENV(ENDPOINT, "OTEL_TRACES_SAMPLER=parentbased_ratelimited", "OTEL_TRACES_SAMPLER_ARG=2.5"));
  assert_true(read.tracing->sampled_per_s == 2.5);
  done(&read);
  assert_refused(ENV("OTEL_TRACES_SAMPLER=jaeger_remote"), "OTEL_TRACES_SAMPLER: one of always_on,");
  assert_refused(ENV("OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=2"), "OTEL_TRACES_SAMPLER_ARG: a share from 0 to 1");
  assert_refused(ENV("OTEL_TRACES_SAMPLER=ratelimited", "OTEL_TRACES_SAMPLER_ARG=0"), "a number of traces a second");
}

static void test_resource_headers_and_propagators(void **state) {
  (void)state;
  struct read read = translate(ENV(ENDPOINT, "OTEL_RESOURCE_ATTRIBUTES=service.name=shop,zone=b%2C1",
                                   "OTEL_EXPORTER_OTLP_HEADERS=api-key=x", "OTEL_PROPAGATORS=b3, b3multi"));
  assert_text(read.tracing->service_name, "shop");
  assert_int_equal(read.tracing->attribute_count, 1);
  assert_text(read.tracing->attributes[0].value, "b,1");
  assert_text(read.tracing->headers_secret, GW_SECRET_NAME_OTLP_HEADERS);
  assert_int_equal(read.tracing->propagation, GW_PROPAGATE_B3 | GW_PROPAGATE_B3_MULTI);
  struct gw_policy_secret secrets[GW_TRACING_SECRETS_MAX];
  assert_int_equal(gw_tracing_translate_secrets(read.settings, &read.arena, secrets), 1);
  assert_text(secrets[0].keys->text, "api-key=x");
  done(&read);
}

static void test_https_needs_whom_to_believe(void **state) {
  (void)state;
  struct read read = translate(ENV("OTEL_EXPORTER_OTLP_ENDPOINT=https://otel.example", "OTEL_EXPORTER_OTLP_CERTIFICATE=/ca.pem"));
  struct gw_cluster cluster = gw_tracing_translate_cluster(read.settings, &read.arena);
  assert_int_equal(cluster.kind, GW_CLUSTER_STRICT_DNS);
  assert_text(cluster.tls->sni, "otel.example");
  assert_text(cluster.tls->params.validation, GW_TRACING_CA);
  assert_int_equal(cluster.inline_endpoints->items[0].port, 4318);
  struct gw_policy_secret secrets[GW_TRACING_SECRETS_MAX];
  assert_int_equal(gw_tracing_translate_secrets(read.settings, &read.arena, secrets), 1);
  assert_string_equal(secrets[0].paths[0], "/ca.pem");
  const char *ca_file;
  struct gw_otlp_options options = gw_tracing_export_options(read.settings, &read.arena, GW_STR("me"), &ca_file);
  assert_string_equal(ca_file, "/ca.pem");
  assert_text(options.targets[0], "otel.example:4318");
  assert_text(options.resource[0].value, "gateway-controlplane");
  done(&read);
}

static void test_mistakes_are_told(void **state) {
  (void)state;
  assert_refused(ENV("OTEL_EXPORTER_OTLP_ENDPOINT=127.0.0.1:4317"),
                 "environment OTEL_EXPORTER_OTLP_ENDPOINT: OTEL_EXPORTER_OTLP_ENDPOINT: a URL");
  assert_refused(ENV("OTEL_EXPORTER_OTLP_ENDPOINT=http://u:p@otel"), "a URL is allowed");
  assert_refused(ENV(ENDPOINT, "OTEL_EXPORTER_OTLP_HEADERS=a"), "OTEL_EXPORTER_OTLP_HEADERS: name=value");
  assert_refused(ENV(ENDPOINT, "OTEL_EXPORTER_OTLP_HEADERS=a b=c"), "the names of headers");
  assert_refused(ENV(ENDPOINT, "OTEL_RESOURCE_ATTRIBUTES==b"), "OTEL_RESOURCE_ATTRIBUTES: name=value");
  assert_refused(ENV(ENDPOINT, "OTEL_PROPAGATORS=jaeger"), "OTEL_PROPAGATORS: tracecontext");
  assert_refused(ENV(ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL=http/json"), "OTEL_EXPORTER_OTLP_PROTOCOL: one of");
}

static void test_headers_are_masked(void **state) {
  (void)state;
  char *mistakes;
  struct gw_settings *settings = load(ENV(ENDPOINT, "OTEL_EXPORTER_OTLP_HEADERS=api-key=sesame"), &mistakes);
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_settings_print(settings, &text);
  assert_null(strstr(text.data, "sesame"));
  gw_strbuf_done(&text);
  gw_settings_free(settings);
  free(mistakes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_off_without_an_endpoint_or_when_switched_off),
      cmocka_unit_test(test_defaults_are_opentelemetry_s),
      cmocka_unit_test(test_base_url_gets_the_path_of_traces_and_a_whole_one_does_not),
      cmocka_unit_test(test_samplers_and_their_arguments),
      cmocka_unit_test(test_resource_headers_and_propagators),
      cmocka_unit_test(test_https_needs_whom_to_believe),
      cmocka_unit_test(test_mistakes_are_told),
      cmocka_unit_test(test_headers_are_masked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
