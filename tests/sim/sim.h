/*
 * The fake world: many nodes in one process and one thread, on virtual time. Linked instead of common/host, it implements
 * every door of common/port; files are those of tests/lib/fake_disk.
 *
 * Each node stands on a `struct host` of its own. A loop is an actor; every event (a letter, a timer, bytes that arrived, a
 * disk job) is one turn of one actor, run to its end by the scheduler, which then moves the clock to the next event. Delays
 * of letters, disk jobs and the network, the fragmentation of streams and all entropy come from the seed, so that one seed is
 * one run; the hash over its events says whether two runs were the same.
 *
 * Monitor rules are asserted (port/lock.h): never two locks at once, none held at the end of a turn.
 */
#ifndef ODRADEK_TESTS_SIM_H
#define ODRADEK_TESTS_SIM_H

#include "common/base/prng.h"
#include "common/port/loop.h"
#include "common/port/net.h"

struct world;

struct world_hash {
    uint64_t high;
    uint64_t low;
};

/* verbose: events and log lines go to standard error. */
struct world *world_open(uint64_t seed, bool verbose);
/* Frees everything. Nodes must have been joined or crashed; asserts that none left memory or open files behind. */
void world_close(struct world *);

/* A machine: an empty disk and an address for its listeners. name must outlive the world. */
struct host *world_host(struct world *, const char *address);

/* Runs the next event; false when nothing is left to happen. */
bool world_step(struct world *);
/* Runs until `done` says so (looked at after every event); false: the virtual time is over. */
bool world_run(struct world *, bool (*done)(void *ctx), void *ctx, time_us most_us);
/* Lets virtual time pass. */
void world_sleep(struct world *, time_us us);

/* The process on this machine dies: its actors, connections, locks and memory go, peers see a FIN, the disk's page cache
 * stays. The machine can be started on again. Not from one of its own turns. */
void world_crash(struct host *);

time_us world_now_us(const struct world *);
uint64_t world_events(const struct world *);
struct world_hash world_hash(const struct world *);
/* Adds something that must be alike in every run of the seed. */
void world_note(struct world *, uint64_t value);

#endif
