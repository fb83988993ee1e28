#include "controlplane/fetch/fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/list.h"
#include "common/base/mem.h"
#include "common/event/timer.h"

#define REDIRECTS_MAX 3u
#define CONNECT_TIMEOUT_MS 5000L
#define HEADER_BYTES_MAX ((size_t)64 * 1024)
#define KEEPALIVE_S 15L

struct gw_fetcher {
  struct gw_loop *loop;
  CURLM *multi;
  struct gw_timer timer;
  struct gw_task task; /* looks who has finished */
  struct gw_list fetches;
  struct gw_list sockets;
};

struct watched {
  struct gw_list node;
  struct gw_fetcher *fetcher;
  curl_socket_t fd;
  struct gw_io *io;
};

struct gw_fetch {
  struct gw_list node;
  struct gw_fetcher *fetcher;
  CURL *easy;
  gw_fetch_fn fn;
  void *arg;
  size_t bytes_max;
  struct gw_str sent; /* the request's body, owned */
  struct curl_slist *headers;
  bool takes_any_status;
  bool is_get;
  struct gw_strbuf header;
  struct gw_strbuf body;
  uint32_t redirects;
  bool is_too_large;
  char error[CURL_ERROR_SIZE];
};

/* ---- the loop ---- */

static void act(struct gw_fetcher *fetcher, curl_socket_t fd, int events) {
  int running;
  curl_multi_socket_action(fetcher->multi, fd, events, &running);
  gw_loop_at_turn_end(fetcher->loop, &fetcher->task);
}

static void on_io(void *arg, unsigned ready) {
  const struct watched *watched = arg;
  int events = ((ready & GW_IO_READ) != 0 ? CURL_CSELECT_IN : 0) | ((ready & GW_IO_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
  act(watched->fetcher, watched->fd, events);
}

static void unwatch(struct watched *watched) {
  gw_list_remove(&watched->node);
  gw_io_free(watched->io);
  free(watched);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg) {
  (void)easy;
  struct gw_fetcher *fetcher = arg;
  struct watched *watched = socket_arg;
  if (what == CURL_POLL_REMOVE) {
    if (watched != NULL) unwatch(watched);
    curl_multi_assign(fetcher->multi, fd, NULL);
    return 0;
  }
  if (watched == NULL) {
    watched = gw_calloc(1, sizeof(*watched));
    watched->fetcher = fetcher;
    watched->fd = fd;
    watched->io = gw_io_new(fetcher->loop, fd, on_io, watched);
    gw_list_add_last(&fetcher->sockets, &watched->node);
    curl_multi_assign(fetcher->multi, fd, watched);
  }
  gw_io_set(watched->io, ((what & CURL_POLL_IN) != 0 ? GW_IO_READ : 0) | ((what & CURL_POLL_OUT) != 0 ? GW_IO_WRITE : 0));
  return 0;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *arg) {
  (void)multi;
  struct gw_fetcher *fetcher = arg;
  if (timeout_ms < 0)
    gw_timer_stop(&fetcher->timer);
  else
    gw_timer_start(fetcher->loop, &fetcher->timer, (uint64_t)timeout_ms);
  return 0;
}

static void on_timer(struct gw_timer *timer) {
  act(GW_CONTAINER_OF(timer, struct gw_fetcher, timer), CURL_SOCKET_TIMEOUT, 0);
}

/* ---- one fetch ---- */

static size_t on_body(char *data, size_t size, size_t count, void *arg) {
  struct gw_fetch *fetch = arg;
  size_t len = size * count;
  fetch->is_too_large = len > fetch->bytes_max - fetch->body.len;
  if (fetch->is_too_large) return 0;
  gw_strbuf_append(&fetch->body, data, len);
  return len;
}

static struct gw_str trim_line(struct gw_str line) {
  while (line.len > 0 && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == '\n'))
    line.len--;
  return line;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg) {
  struct gw_fetch *fetch = arg;
  struct gw_str line = {data, size * count};
  /* Those of a 1xx or of a redirect came before. */
  if (gw_str_has_prefix(line, GW_STR("HTTP/"))) gw_strbuf_clear(&fetch->header);
  fetch->is_too_large = line.len > HEADER_BYTES_MAX - fetch->header.len;
  if (fetch->is_too_large) return 0;
  gw_strbuf_append_str(&fetch->header, line);
  return line.len;
}

struct gw_str gw_fetch_find_header(const struct gw_fetch_result *result, struct gw_str name) {
  struct gw_str rest = result->header, line;
  while (gw_str_split_next(&rest, '\n', &line)) {
    if (line.len <= name.len || line.data[name.len] != ':') continue;
    if (gw_str_equal_nocase((struct gw_str){line.data, name.len}, name)) return gw_str_trim(trim_line(gw_str_skip(line, name.len + 1)));
  }
  return (struct gw_str){"", 0};
}

static void find_max_age(struct gw_fetch_result *result) {
  struct gw_str rest = gw_fetch_find_header(result, GW_STR("cache-control")), directive, prefix = GW_STR("max-age=");
  while (gw_str_split_next(&rest, ',', &directive)) {
    directive = gw_str_trim(directive);
    if (directive.len > prefix.len && gw_str_equal_nocase((struct gw_str){directive.data, prefix.len}, prefix) &&
        gw_str_parse_u64(gw_str_skip(directive, prefix.len), &result->max_age_s) == GW_OK)
      result->has_max_age = true;
  }
}

void gw_fetch_append_encoded(struct gw_strbuf *url, struct gw_str text) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    bool is_unreserved =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (is_unreserved)
      gw_strbuf_append_char(url, c);
    else
      gw_strbuf_printf(url, "%%%02X", (unsigned char)c);
  }
}

/* Headers and bodies may hold tokens. */
static void wipe(struct gw_fetch *fetch) {
  for (struct curl_slist *item = fetch->headers; item != NULL; item = item->next)
    explicit_bzero(item->data, strlen(item->data));
  curl_slist_free_all(fetch->headers);
  if (fetch->sent.data != NULL) explicit_bzero((char *)(uintptr_t)fetch->sent.data, fetch->sent.len);
  free((char *)(uintptr_t)fetch->sent.data);
  gw_strbuf_wipe(&fetch->body);
}

static void release(struct gw_fetch *fetch) {
  gw_list_remove(&fetch->node);
  curl_multi_remove_handle(fetch->fetcher->multi, fetch->easy);
  curl_easy_cleanup(fetch->easy);
  gw_strbuf_wipe(&fetch->header); /* a token may be in it */
  wipe(fetch);
  free(fetch);
}

struct gw_str gw_fetch_origin(struct gw_str url) {
  const char *slashes = memmem(url.data, url.len, "://", 3);
  if (slashes == NULL) return (struct gw_str){url.data, 0};
  size_t len = (size_t)(slashes - url.data) + 3;
  while (len < url.len && strchr("/?#", url.data[len]) == NULL)
    len++;
  return (struct gw_str){url.data, len};
}

/* False: it goes on with what it was sent to. */
static bool is_over(struct gw_fetch *fetch, long status, const char **ret_words) {
  char *next = NULL, *now = NULL;
  if (status < 300 || status >= 400 || !fetch->is_get) return true;
  curl_easy_getinfo(fetch->easy, CURLINFO_REDIRECT_URL, &next);
  curl_easy_getinfo(fetch->easy, CURLINFO_EFFECTIVE_URL, &now);
  if (next == NULL || now == NULL) return true;
  if (!gw_str_equal_nocase(gw_fetch_origin(gw_str_from(next)), gw_fetch_origin(gw_str_from(now)))) {
    *ret_words = "it redirects to another host, which is not followed";
    return true;
  }
  if (++fetch->redirects > REDIRECTS_MAX) {
    *ret_words = "it redirects again and again";
    return true;
  }
  gw_strbuf_clear(&fetch->body);
  curl_multi_remove_handle(fetch->fetcher->multi, fetch->easy);
  curl_easy_setopt(fetch->easy, CURLOPT_URL, next);
  curl_multi_add_handle(fetch->fetcher->multi, fetch->easy);
  return false;
}

static void finish(struct gw_fetch *fetch, CURLcode code) {
  long status = 0;
  char text[64] = "";
  char *local_ip = NULL;
  const char *words = "";
  curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_OK && !is_over(fetch, status, &words)) return;
  if (fetch->is_too_large) {
    words = "its answer is too large";
  } else if (code != CURLE_OK) {
    words = fetch->error[0] != '\0' ? fetch->error : curl_easy_strerror(code);
  } else if (words[0] == '\0' && status != 200 && !fetch->takes_any_status) {
    snprintf(text, sizeof(text), "it answers %ld", status);
    words = text;
  }
  gw_strbuf_append(&fetch->body, "", 0);
  curl_easy_getinfo(fetch->easy, CURLINFO_LOCAL_IP, &local_ip);
  struct gw_fetch_result result = {.is_good = words[0] == '\0',
                                   .status = code == CURLE_OK ? (uint32_t)status : 0,
                                   .body = gw_strbuf_str(&fetch->body),
                                   .header = gw_strbuf_str(&fetch->header),
                                   .local_ip = gw_str_from(local_ip),
                                   .words = words};
  find_max_age(&result);
  gw_list_remove(&fetch->node);
  fetch->fn(fetch->arg, &result);
  release(fetch);
}

static void look(void *arg) {
  struct gw_fetcher *fetcher = arg;
  int left;
  for (CURLMsg *message; (message = curl_multi_info_read(fetcher->multi, &left)) != NULL;) {
    char *fetch = NULL;
    if (message->msg != CURLMSG_DONE) continue;
    CURLcode code = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
    finish((struct gw_fetch *)(void *)fetch, code);
  }
}

static void set_request(struct gw_fetch *fetch, const struct gw_fetch_request *request) {
  CURL *easy = fetch->easy;
  fetch->is_get = request->method == NULL && request->body.data == NULL;
  fetch->takes_any_status = request->takes_any_status;
  for (uint32_t i = 0; i < request->header_count; i++) {
    fetch->headers = curl_slist_append(fetch->headers, request->headers[i]);
    GW_ASSERT(fetch->headers != NULL);
  }
  if (request->body.data != NULL) {
    fetch->sent = (struct gw_str){gw_str_dup(request->body), request->body.len};
    fetch->headers = curl_slist_append(fetch->headers, "Expect:"); /* no waiting for 100 Continue */
    GW_ASSERT(fetch->headers != NULL);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->sent.data);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->sent.len);
  }
  if (request->method != NULL) curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->headers);
}

static void set_tls(CURL *easy, const struct gw_fetch_request *request) {
  if (request->ca_file != NULL) curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
  if (request->ca_file != NULL) curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  if (request->cert_file != NULL) curl_easy_setopt(easy, CURLOPT_SSLCERT, request->cert_file);
  if (request->key_file != NULL) curl_easy_setopt(easy, CURLOPT_SSLKEY, request->key_file);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static void set_bounds(struct gw_fetch *fetch, const struct gw_fetch_request *request) {
  CURL *easy = fetch->easy;
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
  /* A machine that went away without a word is noticed before a long poll ends. */
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_S);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->error);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
}

struct gw_fetch *gw_fetch_start(struct gw_fetcher *fetcher, const struct gw_fetch_request *request, gw_fetch_fn fn, void *arg) {
  struct gw_fetch *fetch = gw_calloc(1, sizeof(*fetch));
  CURL *easy = curl_easy_init();
  GW_ASSERT(easy != NULL);
  *fetch = (struct gw_fetch){.fetcher = fetcher, .easy = easy, .fn = fn, .arg = arg, .bytes_max = request->bytes_max};
  curl_easy_setopt(easy, CURLOPT_URL, request->url);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)fetch);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* what the environment says of proxies is about other programs */
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "gateway-controlplane/" GW_VERSION);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  set_tls(easy, request);
  set_bounds(fetch, request);
  set_request(fetch, request);
  gw_list_add_last(&fetcher->fetches, &fetch->node);
  curl_multi_add_handle(fetcher->multi, easy);
  return fetch;
}

void gw_fetch_cancel(struct gw_fetch *fetch) {
  if (fetch != NULL) release(fetch);
}

/* ---- life ---- */

struct gw_fetcher *gw_fetcher_new(struct gw_loop *loop) {
  struct gw_fetcher *fetcher = gw_calloc(1, sizeof(*fetcher));
  GW_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  fetcher->loop = loop;
  fetcher->multi = curl_multi_init();
  GW_ASSERT(fetcher->multi != NULL);
  gw_list_init(&fetcher->fetches);
  gw_list_init(&fetcher->sockets);
  gw_timer_init(&fetcher->timer, on_timer);
  gw_task_init(&fetcher->task, look, fetcher);
  curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher);
  curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
  curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher);
  return fetcher;
}

void gw_fetcher_free(struct gw_fetcher *fetcher) {
  if (fetcher == NULL) return;
  GW_LIST_FOR_EACH(node, &fetcher->fetches) release(GW_LIST_ITEM(node, struct gw_fetch, node));
  curl_multi_cleanup(fetcher->multi);
  GW_LIST_FOR_EACH(node, &fetcher->sockets) unwatch(GW_LIST_ITEM(node, struct watched, node));
  gw_timer_stop(&fetcher->timer);
  gw_task_cancel(&fetcher->task);
  curl_global_cleanup();
  free(fetcher);
}
