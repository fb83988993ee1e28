#include "common/message/status.h"

#include "common/base/mem.h"

#define STATUS_MIN 100
#define STATUS_MAX 511

static const struct gw_str reasons[STATUS_MAX - STATUS_MIN + 1] = {
    [100 - STATUS_MIN] = GW_STR("Continue"),
    [101 - STATUS_MIN] = GW_STR("Switching Protocols"),
    [102 - STATUS_MIN] = GW_STR("Processing"),
    [103 - STATUS_MIN] = GW_STR("Early Hints"),
    [200 - STATUS_MIN] = GW_STR("OK"),
    [201 - STATUS_MIN] = GW_STR("Created"),
    [202 - STATUS_MIN] = GW_STR("Accepted"),
    [203 - STATUS_MIN] = GW_STR("Non-Authoritative Information"),
    [204 - STATUS_MIN] = GW_STR("No Content"),
    [205 - STATUS_MIN] = GW_STR("Reset Content"),
    [206 - STATUS_MIN] = GW_STR("Partial Content"),
    [207 - STATUS_MIN] = GW_STR("Multi-Status"),
    [208 - STATUS_MIN] = GW_STR("Already Reported"),
    [226 - STATUS_MIN] = GW_STR("IM Used"),
    [300 - STATUS_MIN] = GW_STR("Multiple Choices"),
    [301 - STATUS_MIN] = GW_STR("Moved Permanently"),
    [302 - STATUS_MIN] = GW_STR("Found"),
    [303 - STATUS_MIN] = GW_STR("See Other"),
    [304 - STATUS_MIN] = GW_STR("Not Modified"),
    [305 - STATUS_MIN] = GW_STR("Use Proxy"),
    [307 - STATUS_MIN] = GW_STR("Temporary Redirect"),
    [308 - STATUS_MIN] = GW_STR("Permanent Redirect"),
    [400 - STATUS_MIN] = GW_STR("Bad Request"),
    [401 - STATUS_MIN] = GW_STR("Unauthorized"),
    [402 - STATUS_MIN] = GW_STR("Payment Required"),
    [403 - STATUS_MIN] = GW_STR("Forbidden"),
    [404 - STATUS_MIN] = GW_STR("Not Found"),
    [405 - STATUS_MIN] = GW_STR("Method Not Allowed"),
    [406 - STATUS_MIN] = GW_STR("Not Acceptable"),
    [407 - STATUS_MIN] = GW_STR("Proxy Authentication Required"),
    [408 - STATUS_MIN] = GW_STR("Request Timeout"),
    [409 - STATUS_MIN] = GW_STR("Conflict"),
    [410 - STATUS_MIN] = GW_STR("Gone"),
    [411 - STATUS_MIN] = GW_STR("Length Required"),
    [412 - STATUS_MIN] = GW_STR("Precondition Failed"),
    [413 - STATUS_MIN] = GW_STR("Content Too Large"),
    [414 - STATUS_MIN] = GW_STR("URI Too Long"),
    [415 - STATUS_MIN] = GW_STR("Unsupported Media Type"),
    [416 - STATUS_MIN] = GW_STR("Range Not Satisfiable"),
    [417 - STATUS_MIN] = GW_STR("Expectation Failed"),
    [421 - STATUS_MIN] = GW_STR("Misdirected Request"),
    [422 - STATUS_MIN] = GW_STR("Unprocessable Content"),
    [423 - STATUS_MIN] = GW_STR("Locked"),
    [424 - STATUS_MIN] = GW_STR("Failed Dependency"),
    [425 - STATUS_MIN] = GW_STR("Too Early"),
    [426 - STATUS_MIN] = GW_STR("Upgrade Required"),
    [428 - STATUS_MIN] = GW_STR("Precondition Required"),
    [429 - STATUS_MIN] = GW_STR("Too Many Requests"),
    [431 - STATUS_MIN] = GW_STR("Request Header Fields Too Large"),
    [451 - STATUS_MIN] = GW_STR("Unavailable For Legal Reasons"),
    [500 - STATUS_MIN] = GW_STR("Internal Server Error"),
    [501 - STATUS_MIN] = GW_STR("Not Implemented"),
    [502 - STATUS_MIN] = GW_STR("Bad Gateway"),
    [503 - STATUS_MIN] = GW_STR("Service Unavailable"),
    [504 - STATUS_MIN] = GW_STR("Gateway Timeout"),
    [505 - STATUS_MIN] = GW_STR("HTTP Version Not Supported"),
    [506 - STATUS_MIN] = GW_STR("Variant Also Negotiates"),
    [507 - STATUS_MIN] = GW_STR("Insufficient Storage"),
    [508 - STATUS_MIN] = GW_STR("Loop Detected"),
    [511 - STATUS_MIN] = GW_STR("Network Authentication Required"),
};

struct gw_str gw_status_reason(uint32_t status) {
  if (status < STATUS_MIN || status > STATUS_MAX || reasons[status - STATUS_MIN].len == 0) return GW_STR("");
  return reasons[status - STATUS_MIN];
}

uint32_t gw_status_to_grpc(uint32_t status) {
  switch (status) {
  case 400: return 13; /* INTERNAL */
  case 401: return 16; /* UNAUTHENTICATED */
  case 403: return 7;  /* PERMISSION_DENIED */
  case 404: return 12; /* UNIMPLEMENTED */
  case 429:
  case 502:
  case 503:
  case 504: return 14; /* UNAVAILABLE */
  default: return 2;   /* UNKNOWN */
  }
}

uint32_t gw_status_from_grpc(struct gw_str code) {
  static const uint16_t statuses[] = {200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401};
  uint32_t number = 0;
  for (size_t i = 0; i < code.len; i++) {
    if (code.data[i] < '0' || code.data[i] > '9' || code.len > 2) return 500;
    number = number * 10 + (uint32_t)(code.data[i] - '0');
  }
  return code.len > 0 && number < GW_ARRAY_LEN(statuses) ? statuses[number] : 500;
}
