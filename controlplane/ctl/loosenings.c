#include "controlplane/ctl/loosenings.h"

#include "common/base/mem.h"
#include "controlplane/ctl/table.h"

void gw_loosenings_print(Gateway__Admin__V1__Loosening *const *items, size_t count) {
  static const char *const heads[] = {"LOOSENED", "ROUTE", "WHAT", "WRITTEN AT"};
  struct gw_table table;
  gw_table_init(&table, heads, GW_ARRAY_LEN(heads));
  for (size_t i = 0; i < count; i++) {
    gw_table_add(&table, items[i]->kind);
    gw_table_add(&table, items[i]->route);
    gw_table_add(&table, items[i]->words);
    gw_table_add(&table, items[i]->place);
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}
