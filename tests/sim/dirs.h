/* Log directories of simulated brokers: one each, or two where the seed says so. */
#ifndef ODRADEK_TESTS_SIM_DIRS_H
#define ODRADEK_TESTS_SIM_DIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/lib/fake_disk_internal.h"

#define DIRS_MAX  2
#define PATH_ROOM 192

/* Paths; controllers have the first one only. */
extern const char *const dirs_paths[DIRS_MAX];

struct dirs_folder {
    const struct inode *dir;
    const struct inode *folder;
    char path[PATH_ROOM];
};

/* Where a replica's folder is, for good (as a power cut would leave it) or as processes see it. false: nowhere, or in two places,
 * of which the metadata says which one counts. */
bool dirs_find(struct host *, const char *topic, int32_t index, bool for_good,
               struct dirs_folder *ret_folder);

#endif
