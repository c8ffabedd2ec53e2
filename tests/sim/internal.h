/* What the files of the fake world share. */
#ifndef ODRADEK_TESTS_SIM_INTERNAL_H
#define ODRADEK_TESTS_SIM_INTERNAL_H

#include "common/port/disk.h"
#include "tests/lib/fake_disk_internal.h"
#include "tests/sim/sim.h"

#define MACHINES_MAX 32

enum event_kind {
    EVENT_START,    /* a loop's first event */
    EVENT_MAIL,     /* letters of a loop */
    EVENT_TIMERS,   /* a loop's earliest timer may be due */
    EVENT_WORK,     /* a disk job's turn on the pool */
    EVENT_CONNECT,  /* a dial reaches the other side */
    EVENT_OPENED,   /* ... and is answered */
    EVENT_SEGMENT,  /* bytes arrive */
    EVENT_FIN,      /* the other side has closed */
    EVENT_PUMP,     /* what arrived is read */
    EVENT_WRITABLE, /* the window is open again */
};

struct event {
    time_us at;
    enum event_kind kind;
    uint32_t next_free; /* of a slot that nothing is in: another one's number + 1 */
    struct loop *loop;  /* the actor; NULL: found by the event */
    union {
        struct disk_job *job;
        struct net_conn *conn;
    };
    uint8_t *bytes;
    size_t n;
    uint64_t order; /* of what travels on one stream */
};

/* Where an event stands in the order of all. */
struct event_key {
    time_us at;
    uint64_t order; /* of events of one instant; its last bits are the event's slot */
};

/* One stream of chance for each subsystem, so that a fault taken away moves nothing elsewhere. */
enum stream {
    STREAM_SCHEDULE, /* letters, timers, turns */
    STREAM_NETWORK,  /* delays, fragments */
    STREAM_DISK,     /* how long jobs take */
    STREAM_MACHINE,  /* entropy, clocks */
    STREAM_SWITCH,   /* where turns are left standing */
    STREAMS,
};

struct world {
    struct prng prng[STREAMS];
    struct world_habits habits;
    bool verbose;
    time_us now;
    struct event_key *heap;
    size_t event_count;
    struct event *slots;
    uint32_t slot_count;
    uint32_t slots_free; /* the first one's number + 1 */
    uint64_t event_number;
    uint64_t events_run;
    struct world_hash hash;
    struct list machines;
    struct list loops;       /* freed with the world: late events still name them */
    struct list conns;       /* those that are not closed */
    struct list closed;      /* freed with the world, too */
    struct list listeners;   /* open ones */
    struct machine *lingers; /* its dead process still takes connections; NULL */
    struct loop *running;
    struct lock *held;
    bool stepping;      /* an event is being run */
    time_us stepped_at; /* since then */
    uint32_t standing;  /* turns and jobs left in their middle */
    uint64_t switches;
    uint64_t seed;
    uint32_t loop_numbers;
    uint16_t next_port;
    uint32_t machine_count;
    time_us cut_until[MACHINES_MAX][MACHINES_MAX]; /* from, to */
    time_us
        held_until; /* what a cut or a sleep held up has arrived by then, also where it was healed before */
};

/* One machine: what a host has besides its disk. */
struct machine {
    struct list_node node;
    struct world *world;
    struct host *host;
    const char *address;
    uint32_t number;
    bool off; /* without power */
    uint32_t boots;
    time_us paused_until; /* no turn before */
    /* Its monotonic clock: what it showed at a moment of the world, and how fast it goes. */
    time_us mono_then;
    time_us mono_since;
    int64_t mono_ppm;
    time_us work_min_us; /* a disk job */
    time_us work_max_us;
    struct prng entropy;
    time_ms wall_skew_ms;
    struct list memory; /* pieces taken */
    struct list locks;
    struct list disk_locks;
};

struct loop {
    struct list_node node;
    struct machine *machine;
    struct world *world;
    uint32_t number;
    char name[24];
    void (*first)(void *arg);
    void *first_arg;
    bool started;
    bool stopping;
    bool ended;
    bool joined;
    time_us standing_until; /* in the middle of a turn; 0: no */
    time_us now;
    struct mail *mail_head;
    struct mail *mail_tail;
    bool mail_coming;   /* an event will deliver */
    struct list timers; /* by time */
    time_us timers_at;  /* the earliest event for them */
    uint64_t timers_pushed;
    struct list turn_ends;
};

struct machine *fake_machine_of(struct host *);

void world_push(struct world *, time_us at, struct event);
/* Whoever runs may be left standing here while others go on. Nothing happens while a lock is held. */
void world_switch(struct world *);
time_us world_delay(struct world *, enum stream, time_us least, time_us most);
struct machine *machine_at(struct world *, const char *address);
time_us machine_now(const struct machine *);
/* The first moment of the world at which its clock shows this. */
time_us machine_moment(const struct machine *, time_us mono);
void world_mix(struct world *, uint64_t value);
void world_mix_bytes(struct world *, const uint8_t *p, size_t n);

void actor_begin(struct loop *);
void actor_end(struct loop *);
void loop_event(struct loop *, const struct event *);
/* Nothing happens on it any more; `crash`: its memory is not to be touched. */
void loop_end(struct loop *, bool crash, bool silent);
/* true: held up, it will come again and keeps its bytes. */
bool net_event(struct world *, const struct event *);
/* silent: peers are told nothing. */
void net_loop_end(struct loop *, bool crash, bool silent);
/* The loop whose turn it is to be; NULL: nobody's. */
struct loop *net_event_loop(struct world *, const struct event *);
/* The machine that an event happens on; NULL: on the wire. */
struct machine *net_event_machine(struct world *, const struct event *);
/* Something of this machine waits to be sent: ranges of files, perhaps, that were found good. */
bool net_sending(const struct machine *);
void net_release(struct world *);
void job_run(struct loop *, struct disk_job *);
void fake_machine_drop(struct machine *);
void fake_machine_close(struct machine *);

#endif
