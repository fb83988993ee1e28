/* Why: makes the folders that a file of ours is to lie in.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_BASE_FOLDER_H
#define GW_COMMON_BASE_FOLDER_H

/* All folders above the file `path` that are missing, with mode 0700. 0, or errno. */
int gw_folder_make_for(const char *path);

#endif
