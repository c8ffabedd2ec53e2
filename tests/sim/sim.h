/*
 * The fake world: many nodes in one process and one thread, on virtual time. Linked instead of common/host, it implements
 * every door of common/port; files are those of tests/lib/fake_disk.
 *
 * Each node stands on a `struct host` of its own. A loop is an actor; every event (a letter, a timer, bytes that arrived, a
 * disk job) is one turn of one actor, run to its end by the scheduler, which then moves the clock to the next event. Delays
 * of letters, disk jobs and the network, the fragmentation of streams and all entropy come from the seed, so that one seed is
 * one run; the hash over its events says whether two runs were the same.
 *
 * At a lock's release and at a letter posted to another loop, a turn (or a disk job) may be left standing while everything else
 * goes on for a while; such standing turns lie one upon the other, the last one left goes on first.
 *
 * Monitor rules are asserted (port/lock.h): never two locks at once, none held at the end of a turn.
 */
#ifndef ODRADEK_TESTS_SIM_H
#define ODRADEK_TESTS_SIM_H

#include "common/base/prng.h"
#include "common/port/loop.h"
#include "common/port/net.h"
#include "tests/lib/fake_disk.h"

struct world;

/* How this world is when nobody meddles with it; zero: as a good machine is. */
struct world_habits {
    time_us wake_us;     /* most that a letter, a timer or a new loop waits for its turn */
    uint32_t letters;    /* most letters of one turn */
    time_us link_min_us; /* of a segment's way */
    time_us link_max_us;
    uint32_t whole_per_mille; /* segments and reads that are as large as they can be */
    size_t window_bytes;      /* under way or unread */
    uint32_t
        switch_per_mille; /* lock releases and posted letters at which the others go on first */
    time_us switch_us;    /* ... for at most so long */
};

struct world_hash {
    uint64_t high;
    uint64_t low;
};

/* verbose: events and log lines go to standard error. */
struct world *world_open(uint64_t seed, bool verbose);
void world_habits(struct world *, const struct world_habits *);
/* Log lines of nodes go to standard error, or do not, from now on. */
void world_loud(struct world *, bool);
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

/* ---- faults; none of them from a turn ---- */

/* The power of this machine goes: its process dies without a word to anyone, what was not synced is kept as `cut` says
 * (fake_disk.h). Nothing reaches it until world_power_on; then it has booted anew. */
void world_power_cut(struct host *, enum fake_cut);
void world_power_on(struct host *);
/* Nothing gets from one machine to the other until then; streams go on where they were. 0: heals. */
void world_cut(struct host *from, struct host *to, time_us until);
/* What is sent on some of the streams that there are now (the i-th, if bit i of `which` is set) stays on the way until then, and arrives
 * in order; other streams, and newer ones, go on. How many streams there are. */
uint32_t world_clog(struct host *from, struct host *to, uint64_t which, time_us until);
/* All of them go on. */
void world_unclog(struct world *);
/* The process that died here has not let go of its listeners yet: they take connections, which nobody serves, until it has (false).
 * One machine at a time. */
void world_linger(struct host *, bool lingers);
/* All streams between these machines end on both sides; what was under way arrives or not. */
void world_reset(struct host *, struct host *);
/* Its process does not run until then. */
void world_pause(struct host *, time_us until);
/* Whether a letter is about to be delivered on one of its loops. */
bool world_letter_waits(struct host *);
/* Whether none of its loops runs any more. */
bool world_ended(struct host *);
/* By when all has arrived that cuts and sleeps have ever held up: healing them does not make it come sooner. */
time_us world_held_until(const struct world *);
/* Its monotonic clock goes this much faster from now on. */
void world_clock_rate(struct host *, int64_t ppm);
/* Its wall clock jumps. */
void world_clock_jump(struct host *, time_ms by_ms);
/* How long its disk jobs take; 0, 0: as at the beginning. */
void world_disk_pace(struct host *, time_us least_us, time_us most_us);

time_us world_now_us(const struct world *);
uint64_t world_events(const struct world *);
struct world_hash world_hash(const struct world *);
/* Adds something that must be alike in every run of the seed. */
void world_note(struct world *, uint64_t value);

#endif
