#include "common/base/clock.h"

#include <time.h>

#include "common/base/err.h"

static uint64_t read_us(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time) != 0) GW_PANIC("the clock cannot be read");
  return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_nsec / 1000u;
}

uint64_t gw_clock_monotonic_us(void) {
  return read_us(CLOCK_MONOTONIC);
}

uint64_t gw_clock_wall_us(void) {
  return read_us(CLOCK_REALTIME);
}

struct civil {
  unsigned year;
  unsigned month; /* from 1 */
  unsigned day;   /* from 1 */
  unsigned weekday;
  unsigned hour;
  unsigned minute;
  unsigned second;
};

/* The proleptic Gregorian calendar in eras of 400 years that begin on a 1 March (gmtime_r takes libc's time zone lock, and logs ask
 * for every line). */
static struct civil civil_of(uint64_t wall_us) {
  uint64_t seconds = wall_us / 1000000u;
  uint64_t days = seconds / 86400u;
  unsigned second_of_day = (unsigned)(seconds % 86400u);
  uint64_t shifted = days + 719468u;
  uint64_t era = shifted / 146097u;
  unsigned day_of_era = (unsigned)(shifted % 146097u);
  unsigned year_of_era = (day_of_era - day_of_era / 1460u + day_of_era / 36524u - day_of_era / 146096u) / 365u;
  unsigned day_of_year = day_of_era - (365u * year_of_era + year_of_era / 4u - year_of_era / 100u);
  unsigned shifted_month = (5u * day_of_year + 2u) / 153u;
  unsigned month = shifted_month < 10u ? shifted_month + 3u : shifted_month - 9u;
  return (struct civil){
      .year = (unsigned)(era * 400u) + year_of_era + (month <= 2u),
      .month = month,
      .day = day_of_year - (153u * shifted_month + 2u) / 5u + 1u,
      .weekday = (unsigned)((days + 4u) % 7u),
      .hour = second_of_day / 3600u,
      .minute = second_of_day / 60u % 60u,
      .second = second_of_day % 60u,
  };
}

/* `width` decimal digits of value. Returns where to go on. */
static char *put_digits(char *at, unsigned value, unsigned width) {
  for (unsigned i = width; i-- > 0;) {
    at[i] = (char)('0' + value % 10u);
    value /= 10u;
  }
  return at + width;
}

static char *put_char(char *at, char c) {
  *at = c;
  return at + 1;
}

static char *put_name(char *at, const char name[3]) {
  for (size_t i = 0; i < 3; i++)
    at[i] = name[i];
  return at + 3;
}

static char *put_time(char *at, const struct civil *t) {
  at = put_char(put_digits(at, t->hour, 2), ':');
  at = put_char(put_digits(at, t->minute, 2), ':');
  return put_digits(at, t->second, 2);
}

void gw_clock_format_rfc3339(uint64_t wall_us, char ret_text[GW_CLOCK_RFC3339_SIZE]) {
  struct civil t = civil_of(wall_us);
  char *at = put_char(put_digits(ret_text, t.year, 4), '-');
  at = put_char(put_digits(at, t.month, 2), '-');
  at = put_char(put_digits(at, t.day, 2), 'T');
  at = put_char(put_time(at, &t), '.');
  at = put_digits(at, (unsigned)(wall_us / 1000u % 1000u), 3);
  put_char(put_char(at, 'Z'), '\0');
}

void gw_clock_format_http_date(uint64_t wall_us, char ret_text[GW_CLOCK_HTTP_DATE_SIZE]) {
  static const char weekdays[] = "SunMonTueWedThuFriSat";
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  struct civil t = civil_of(wall_us);
  char *at = put_name(ret_text, weekdays + (size_t)t.weekday * 3);
  at = put_char(put_char(at, ','), ' ');
  at = put_char(put_digits(at, t.day, 2), ' ');
  at = put_char(put_name(at, months + (size_t)(t.month - 1) * 3), ' ');
  at = put_char(put_digits(at, t.year, 4), ' ');
  at = put_char(put_time(at, &t), ' ');
  put_char(put_name(at, "GMT"), '\0');
}
