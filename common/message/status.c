#include "common/message/status.h"

struct gw_str gw_status_reason(uint32_t status) {
  switch (status) {
  case 100: return GW_STR("Continue");
  case 101: return GW_STR("Switching Protocols");
  case 102: return GW_STR("Processing");
  case 103: return GW_STR("Early Hints");
  case 200: return GW_STR("OK");
  case 201: return GW_STR("Created");
  case 202: return GW_STR("Accepted");
  case 203: return GW_STR("Non-Authoritative Information");
  case 204: return GW_STR("No Content");
  case 205: return GW_STR("Reset Content");
  case 206: return GW_STR("Partial Content");
  case 207: return GW_STR("Multi-Status");
  case 208: return GW_STR("Already Reported");
  case 226: return GW_STR("IM Used");
  case 300: return GW_STR("Multiple Choices");
  case 301: return GW_STR("Moved Permanently");
  case 302: return GW_STR("Found");
  case 303: return GW_STR("See Other");
  case 304: return GW_STR("Not Modified");
  case 305: return GW_STR("Use Proxy");
  case 307: return GW_STR("Temporary Redirect");
  case 308: return GW_STR("Permanent Redirect");
  case 400: return GW_STR("Bad Request");
  case 401: return GW_STR("Unauthorized");
  case 402: return GW_STR("Payment Required");
  case 403: return GW_STR("Forbidden");
  case 404: return GW_STR("Not Found");
  case 405: return GW_STR("Method Not Allowed");
  case 406: return GW_STR("Not Acceptable");
  case 407: return GW_STR("Proxy Authentication Required");
  case 408: return GW_STR("Request Timeout");
  case 409: return GW_STR("Conflict");
  case 410: return GW_STR("Gone");
  case 411: return GW_STR("Length Required");
  case 412: return GW_STR("Precondition Failed");
  case 413: return GW_STR("Content Too Large");
  case 414: return GW_STR("URI Too Long");
  case 415: return GW_STR("Unsupported Media Type");
  case 416: return GW_STR("Range Not Satisfiable");
  case 417: return GW_STR("Expectation Failed");
  case 421: return GW_STR("Misdirected Request");
  case 422: return GW_STR("Unprocessable Content");
  case 423: return GW_STR("Locked");
  case 424: return GW_STR("Failed Dependency");
  case 425: return GW_STR("Too Early");
  case 426: return GW_STR("Upgrade Required");
  case 428: return GW_STR("Precondition Required");
  case 429: return GW_STR("Too Many Requests");
  case 431: return GW_STR("Request Header Fields Too Large");
  case 451: return GW_STR("Unavailable For Legal Reasons");
  case 500: return GW_STR("Internal Server Error");
  case 501: return GW_STR("Not Implemented");
  case 502: return GW_STR("Bad Gateway");
  case 503: return GW_STR("Service Unavailable");
  case 504: return GW_STR("Gateway Timeout");
  case 505: return GW_STR("HTTP Version Not Supported");
  case 506: return GW_STR("Variant Also Negotiates");
  case 507: return GW_STR("Insufficient Storage");
  case 508: return GW_STR("Loop Detected");
  case 511: return GW_STR("Network Authentication Required");
  default: return GW_STR("");
  }
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
