/* Why: certificates for tests, made on the spot, and the files they lie in.
 * Life: pairs are freed by gw_pki_pair_done; the folder with pki_remove_folder.
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_COMMON_CRYPTO_PKI_FIXTURE_H
#define GW_TESTS_UNIT_COMMON_CRYPTO_PKI_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/pki.h"

#define PKI_HOUR_S 3600

static inline int64_t pki_now_s(void) {
  return (int64_t)(gw_clock_wall_us() / 1000000);
}

static inline struct gw_pki_pair pki_make_ca(const char *name) {
  struct gw_pki_request request = {.common_name = name,
                                   .is_ca = true,
                                   .not_before_s = pki_now_s() - PKI_HOUR_S,
                                   .not_after_s = pki_now_s() + 24 * PKI_HOUR_S};
  struct gw_pki_pair pair;
  assert_int_equal(gw_pki_issue(&request, NULL, &pair), GW_OK);
  return pair;
}

/* With one more name: "URI…" by its "://", an address when it begins with a digit or ':', else DNS. */
static inline struct gw_certificate_name pki_name(const char *text) {
  bool is_address = (text[0] >= '0' && text[0] <= '9') || text[0] == ':';
  enum gw_certificate_name_kind kind = strstr(text, "://") != NULL ? GW_CERTIFICATE_URI
                                       : is_address                ? GW_CERTIFICATE_IP
                                                                   : GW_CERTIFICATE_DNS;
  return (struct gw_certificate_name){kind, gw_str_from(text)};
}

static inline struct gw_pki_pair pki_issue_for(const struct gw_pki_pair *ca, const char *common_name, const char *const *names,
                                               size_t name_count, int64_t not_before_s, int64_t not_after_s) {
  struct gw_certificate_name list[8];
  assert_true(name_count <= GW_ARRAY_LEN(list));
  for (size_t i = 0; i < name_count; i++)
    list[i] = pki_name(names[i]);
  struct gw_pki_request request = {.common_name = common_name,
                                   .for_servers = true,
                                   .for_clients = true,
                                   .names = list,
                                   .name_count = name_count,
                                   .not_before_s = not_before_s,
                                   .not_after_s = not_after_s};
  struct gw_pki_pair pair;
  assert_int_equal(gw_pki_issue(&request, ca, &pair), GW_OK);
  return pair;
}

static inline struct gw_pki_pair pki_issue(const struct gw_pki_pair *ca, const char *common_name, const char *name) {
  return pki_issue_for(ca, common_name, &name, name != NULL, pki_now_s() - PKI_HOUR_S, pki_now_s() + PKI_HOUR_S);
}

static inline void pki_make_folder(char ret_folder[64]) {
  snprintf(ret_folder, 64, "/tmp/gw-pki-XXXXXX");
  assert_non_null(mkdtemp(ret_folder));
}

static inline void pki_remove_folder(const char *folder) {
  DIR *entries = opendir(folder);
  assert_non_null(entries);
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
    if (entry->d_name[0] != '.') unlinkat(dirfd(entries), entry->d_name, 0);
  }
  closedir(entries);
  assert_int_equal(rmdir(folder), 0);
}

/* By rename, as careful tools do. */
static inline void pki_put(const char *folder, const char *name, const char *text, mode_t mode) {
  char *path = gw_asprintf("%s/%s", folder, name), *fresh = gw_asprintf("%s/%s.new", folder, name);
  int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  assert_int_equal(fchmod(fd, mode), 0);
  close(fd);
  assert_int_equal(rename(fresh, path), 0);
  free(path);
  free(fresh);
}

#endif
