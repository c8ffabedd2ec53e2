/* What the files of the nemesis share. */
#ifndef ODRADEK_TESTS_SIM_NEMESIS_INTERNAL_H
#define ODRADEK_TESTS_SIM_NEMESIS_INTERNAL_H

#include "tests/sim/nemesis.h"

PRINTF_LIKE(2, 3) void nemesis_say(struct nemesis *, const char *format, ...);
/* Its process dies and comes back after this time. */
void nemesis_crash(struct nemesis *, struct nemesis_node *, time_us back_us);
/* A hand takes that folder from its disk, whose process is dead: n->folder_lost says whether it was there. */
void nemesis_folder_goes(struct nemesis *, struct nemesis_node *, const char *topic, int32_t index);
/* No broker may be going on without one of its two disks: what it has there nobody can be copied from. */
bool nemesis_dirs_well(const struct nemesis *);
/* Its process is about to start: one of its two disks may refuse to be read meanwhile. */
void nemesis_odd_start(struct nemesis *, struct nemesis_node *);
/* Bits: those that nobody keeps down, be they up or not. */
uint32_t nemesis_brokers_there(const struct nemesis *);
/* FAULT_REFIT, FAULT_REPLACE. */
void nemesis_admin(struct nemesis *, enum fault, struct nemesis_node *);
/* From FAULT_WIPE on. */
void nemesis_late(struct nemesis *, enum fault, struct nemesis_node *);

#endif
