#include "tests/sim/dirs.h"

#include <stdio.h>

const char *const dirs_paths[DIRS_MAX] = {"/data", "/more"};

bool dirs_find(struct host *host, const char *topic, int32_t index, bool for_good,
               struct dirs_folder *ret)
{
    char name[PATH_ROOM / 2];
    uint32_t found = 0;
    (void)snprintf(name, sizeof(name), "%s-%d", topic, index);
    for (uint32_t i = 0; i < DIRS_MAX; i++) {
        const struct inode *dir = tree_find(host, dirs_paths[i]);
        const struct inode *folder =
            dir == NULL ? NULL : names_get(for_good ? &dir->safe_names : &dir->live_names, name);
        if (folder != NULL) {
            *ret = (struct dirs_folder){.dir = dir, .folder = folder};
            (void)snprintf(ret->path, sizeof(ret->path), "%s/%s", dirs_paths[i], name);
            found++;
        }
    }
    return found == 1;
}
