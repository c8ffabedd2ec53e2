/* Does harm to a cluster as a plan says, one fault at a time, between events; and repairs everything at the end. */
#ifndef ODRADEK_TESTS_SIM_NEMESIS_H
#define ODRADEK_TESTS_SIM_NEMESIS_H

#include "tests/sim/plan.h"

#define NODES_MAX (CONTROLLERS_MAX + BROKERS_MAX)

struct nemesis {
    const struct plan *plan;
    struct cluster *cluster;
    struct field *field;
    struct prng prng;
    struct prng gaps;   /* between faults */
    struct prng tempo;  /* of the clients, about them */
    struct prng starts; /* which disks cannot be read at them */
    time_us next_at;
    time_us end_at; /* no fault begins from here on */
    bool loud;
    uint32_t node_count;
    struct nemesis_node {
        struct host *host;
        uint32_t number; /* in its kind */
        bool broker;
        bool down;
        bool off;
        time_us up_at;
        uint32_t loops;  /* crashes to come right after its next starts */
        bool stopping;   /* a controlled shutdown */
        bool hurt;       /* its disk failed: it may halt */
        time_us well_at; /* its disk is as it was */
        time_us clog_at; /* it loses touch; 0: not */
        time_us clog_until;
        bool kept_down; /* not of the core that is repaired first; or replaced, or not there yet */
        bool outsider;  /* a controller with an emptied directory that is no voter yet */
    } nodes[NODES_MAX];
    bool folder_lost;
    bool controller_wiped;
    uint32_t wiped;
    struct host *clients[16];
    uint32_t client_count;
    uint32_t done[FAULTS];
    uint32_t drawn;  /* faults numbered so far */
    uint32_t total;  /* ... and done */
    char wrong[200]; /* empty: nothing */
};

void nemesis_open(struct nemesis *, const struct plan *, struct cluster *, struct field *,
                  bool loud);
/* The cluster is there: faults come from now on, for as long as the plan says. */
void nemesis_begin(struct nemesis *);
/* After each event, from the first one on. */
void nemesis_look(struct nemesis *);
/* Everything is repaired, every node is started. */
void nemesis_heal(struct nemesis *);
/* Before that: a majority of the controllers and some brokers, as many as it takes that every partition can be led; the others'
 * processes end. Partitions may change their minds: grow until there is no more to add. */
void nemesis_core_begin(struct nemesis *);
/* true: one more was needed. Ask again when a controller is active. */
bool nemesis_core_grow(struct nemesis *);
bool nemesis_core_up(const struct nemesis *);
/* All nodes run. */
bool nemesis_all_up(const struct nemesis *);

#endif
