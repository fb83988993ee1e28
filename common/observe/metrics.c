#include "common/observe/metrics.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/mem.h"

static const struct {
  uint64_t max_us;
  const char *label; /* of le, in seconds */
} bounds[GW_HISTOGRAM_BUCKETS - 1] = {
    {500, "0.0005"}, {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"}, {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},
    {100000, "0.1"}, {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},  {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"},
};

void gw_histogram_add(struct gw_histogram *histogram, uint64_t value_us) {
  size_t i = 0;
  while (i < GW_ARRAY_LEN(bounds) && value_us > bounds[i].max_us)
    i++;
  histogram->buckets[i]++;
  histogram->sum_us += value_us;
}

void gw_histogram_merge(struct gw_histogram *histogram, const struct gw_histogram *from) {
  for (size_t i = 0; i < GW_HISTOGRAM_BUCKETS; i++)
    histogram->buckets[i] += from->buckets[i];
  histogram->sum_us += from->sum_us;
}

/* How many bytes go as they are. */
static size_t plain_len(struct gw_str s) {
  size_t len = 0;
  while (len < s.len && s.data[len] != '\n' && s.data[len] != '\\' && s.data[len] != '"' && (unsigned char)s.data[len] < 0x80)
    len++;
  return len;
}

/* Escaped as the format wants it; bytes that are not UTF-8 become U+FFFD, since one such byte makes a scraper refuse everything. */
static void append_escaped(struct gw_strbuf *buf, struct gw_str s, bool is_quoted) {
  while (s.len > 0) {
    size_t len = plain_len(s);
    if (len > 0) {
      gw_strbuf_append(buf, s.data, len);
    } else if ((len = gw_str_utf8_len(s)) == 0) {
      gw_strbuf_append(buf, "\xEF\xBF\xBD", 3);
      len = 1;
    } else if (s.data[0] == '\n') {
      gw_strbuf_append(buf, "\\n", 2);
    } else {
      if (s.data[0] == '\\' || (is_quoted && s.data[0] == '"')) gw_strbuf_append_char(buf, '\\');
      gw_strbuf_append(buf, s.data, len);
    }
    s = gw_str_skip(s, len);
  }
}

void gw_metrics_family(struct gw_metrics_writer *writer, const char *name, const char *type, const char *help) {
  gw_strbuf_printf(writer->buf, "# HELP %s ", name);
  append_escaped(writer->buf, gw_str_from(help), false);
  gw_strbuf_printf(writer->buf, "\n# TYPE %s %s\n", name, type);
}

static void append_label(struct gw_strbuf *buf, const char *name, struct gw_str value) {
  gw_strbuf_append_str(buf, gw_str_from(name));
  gw_strbuf_append(buf, "=\"", 2);
  append_escaped(buf, value, true);
  gw_strbuf_append_char(buf, '"');
}

/* name+suffix{labels,le="…"} and a space; `le` may be NULL. */
static void begin_sample(struct gw_metrics_writer *writer, const char *name, const char *suffix, const struct gw_label *labels,
                         size_t label_count, const char *le) {
  struct gw_strbuf *buf = writer->buf;
  gw_strbuf_append_str(buf, gw_str_from(name));
  gw_strbuf_append_str(buf, gw_str_from(suffix));
  if (label_count > 0 || le != NULL) {
    char separator = '{';
    for (size_t i = 0; i < label_count; i++) {
      gw_strbuf_append_char(buf, separator);
      append_label(buf, labels[i].name, labels[i].value);
      separator = ',';
    }
    if (le != NULL) {
      gw_strbuf_append_char(buf, separator);
      append_label(buf, "le", gw_str_from(le));
    }
    gw_strbuf_append_char(buf, '}');
  }
  gw_strbuf_append_char(buf, ' ');
}

void gw_metrics_u64(struct gw_metrics_writer *writer, const char *name, const struct gw_label *labels, size_t label_count, uint64_t value) {
  begin_sample(writer, name, "", labels, label_count, NULL);
  gw_strbuf_append_u64(writer->buf, value);
  gw_strbuf_append_char(writer->buf, '\n');
}

static void append_double(struct gw_strbuf *buf, double value) {
  if (isnan(value)) {
    gw_strbuf_append(buf, "NaN", 3);
  } else if (isinf(value)) {
    gw_strbuf_append(buf, value > 0 ? "+Inf" : "-Inf", 4);
  } else {
    gw_strbuf_printf(buf, "%.15g", value);
  }
}

void gw_metrics_double(struct gw_metrics_writer *writer, const char *name, const struct gw_label *labels, size_t label_count,
                       double value) {
  begin_sample(writer, name, "", labels, label_count, NULL);
  append_double(writer->buf, value);
  gw_strbuf_append_char(writer->buf, '\n');
}

/* One line of a histogram; `head` is the name and the labels, rendered once for all of them: with thousands of routes this is where the
 * time goes. */
static void append_count(struct gw_strbuf *buf, struct gw_str head, const char *le, uint64_t count) {
  gw_strbuf_append_str(buf, head);
  gw_strbuf_append_str(buf, gw_str_from(le));
  gw_strbuf_append(buf, "\"} ", 3);
  gw_strbuf_append_u64(buf, count);
  gw_strbuf_append_char(buf, '\n');
}

void gw_metrics_histogram(struct gw_metrics_writer *writer, const char *name, const struct gw_label *labels, size_t label_count,
                          const struct gw_histogram *histogram) {
  uint64_t count = 0;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf head = {0};
  struct gw_metrics_writer head_writer = {&head};
  begin_sample(&head_writer, name, "_bucket", labels, label_count, "");
  head.len -= strlen("\"} "); /* what comes in between is the bound */
  gw_strbuf_reserve(writer->buf, (head.len + 32) * (GW_HISTOGRAM_BUCKETS + 2));
  for (size_t i = 0; i < GW_HISTOGRAM_BUCKETS; i++) {
    count += histogram->buckets[i];
    append_count(writer->buf, gw_strbuf_str(&head), i < GW_ARRAY_LEN(bounds) ? bounds[i].label : "+Inf", count);
  }
  begin_sample(writer, name, "_sum", labels, label_count, NULL);
  gw_strbuf_printf(writer->buf, "%llu.%06llu\n", (unsigned long long)(histogram->sum_us / 1000000u),
                   (unsigned long long)(histogram->sum_us % 1000000u));
  begin_sample(writer, name, "_count", labels, label_count, NULL);
  gw_strbuf_append_u64(writer->buf, count);
  gw_strbuf_append_char(writer->buf, '\n');
}

/* The first line of `path` that begins with `prefix`, up to `size` - 1 bytes; false when there is none. */
static bool read_line(const char *path, const char *prefix, char *ret_line, int size) {
  FILE *file = fopen(path, "re");
  if (file == NULL) return false;
  bool is_found = false;
  while (!is_found && fgets(ret_line, size, file) != NULL)
    is_found = strncmp(ret_line, prefix, strlen(prefix)) == 0;
  fclose(file);
  return is_found;
}

struct memory {
  uint64_t virtual_bytes;
  uint64_t resident_bytes;
};

static struct memory read_memory(void) {
  char line[256];
  if (!read_line("/proc/self/statm", "", line, sizeof(line))) return (struct memory){0};
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  char *at = line;
  uint64_t virtual = strtoull(at, &at, 10);
  return (struct memory){virtual * page, strtoull(at, NULL, 10) * page};
}

static uint64_t open_fd_count(void) {
  DIR *directory = opendir("/proc/self/fd");
  if (directory == NULL) return 0;
  uint64_t count = 0;
  const struct dirent *entry;
  while ((entry = readdir(directory)) != NULL)
    count += entry->d_name[0] != '.';
  closedir(directory);
  return count > 0 ? count - 1 : 0; /* without the one that reads */
}

static double cpu_seconds(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Seconds since 1970: the boot's, plus field 22 of /proc/self/stat in clock ticks after it. */
static double start_time_seconds(void) {
  char line[1024];
  if (!read_line("/proc/stat", "btime ", line, sizeof(line))) return 0;
  double boot = strtod(line + strlen("btime "), NULL);
  if (!read_line("/proc/self/stat", "", line, sizeof(line))) return 0;
  const char *at = strrchr(line, ')'); /* the program's name may hold spaces and parentheses; field 3 follows */
  for (int field = 2; at != NULL && field < 22; field++) {
    at = strchr(at + 1, ' ');
  }
  return at == NULL ? 0 : boot + strtod(at, NULL) / (double)sysconf(_SC_CLK_TCK);
}

void gw_metrics_process(struct gw_metrics_writer *writer, const char *program) {
  struct memory memory = read_memory();
  gw_metrics_family(writer, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
  gw_metrics_u64(writer, "process_resident_memory_bytes", NULL, 0, memory.resident_bytes);
  gw_metrics_family(writer, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.");
  gw_metrics_u64(writer, "process_virtual_memory_bytes", NULL, 0, memory.virtual_bytes);
  gw_metrics_family(writer, "process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.");
  gw_metrics_double(writer, "process_cpu_seconds_total", NULL, 0, cpu_seconds());
  gw_metrics_family(writer, "process_open_fds", "gauge", "Number of open file descriptors.");
  gw_metrics_u64(writer, "process_open_fds", NULL, 0, open_fd_count());
  struct rlimit limit = {0};
  gw_metrics_family(writer, "process_max_fds", "gauge", "Maximum number of open file descriptors.");
  gw_metrics_u64(writer, "process_max_fds", NULL, 0, getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0);
  gw_metrics_family(writer, "process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.");
  gw_metrics_double(writer, "process_start_time_seconds", NULL, 0, start_time_seconds());
  const struct gw_label labels[] = {{"program", gw_str_from(program)}, {"version", gw_str_from(GW_VERSION)}};
  gw_metrics_family(writer, "gateway_build_info", "gauge", "The program and its version; the value is always 1.");
  gw_metrics_u64(writer, "gateway_build_info", labels, GW_ARRAY_LEN(labels), 1);
}
