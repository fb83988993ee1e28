/* Runs a fuzz target over files and folders without libFuzzer: the unit run replays the corpus with it, under any compiler. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The block ends where the input ends, so that the address sanitizer sees a read behind it; an empty input lies at the end of a byte. */
static int replay_file(const char *path) {
  FILE *file = fopen(path, "rb");
  struct stat status;
  if (file == NULL || fstat(fileno(file), &status) != 0) {
    perror(path);
    exit(1);
  }
  size_t size = (size_t)status.st_size;
  uint8_t *block = gw_malloc(size > 0 ? size : 1);
  if (fread(block, 1, size, file) != size) {
    fprintf(stderr, "%s: cannot be read\n", path);
    exit(1);
  }
  fclose(file);
  LLVMFuzzerTestOneInput(size > 0 ? block : block + 1, size);
  free(block);
  return 1;
}

static int replay_folder(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL) return replay_file(path);
  int count = 0;
  for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    char *file = gw_asprintf("%s/%s", path, entry->d_name);
    count += replay_file(file);
    free(file);
  }
  closedir(folder);
  return count;
}

int main(int argc, char **argv) {
  int count = 0;
  for (int i = 1; i < argc; i++)
    count += replay_folder(argv[i]);
  printf("%d inputs\n", count);
  return count > 0 ? 0 : 1;
}
