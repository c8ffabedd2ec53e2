/*
 * Random lives and deaths of what a controller keeps on disk (controller/node/raft_disk.h): entries that are appended and cut,
 * votes, snapshots of its own and of others, logs whose beginning goes. It dies at any moment, with or without the machine's power,
 * and what was told to be durable must be there again: every entry as it was written, the vote, the snapshot. At the end a bit flips
 * under it: nothing rotten is read.
 */
#ifndef ODRADEK_TESTS_STORE_LIVES_H
#define ODRADEK_TESTS_STORE_LIVES_H

#include <stdint.h>

struct store_lives {
    uint64_t steps;
    uint64_t deaths;
    uint64_t entries;   /* that were found again */
    uint64_t snapshots; /* that came from somebody else */
};

/* One seed; what is wrong fails an assertion. */
void store_lives_run(uint64_t seed, struct store_lives *ret_lives);

#endif
