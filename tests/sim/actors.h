/* What agents do: producers write, consumers read, the administrator changes things. All in the history. */
#ifndef ODRADEK_TESTS_SIM_ACTORS_H
#define ODRADEK_TESTS_SIM_ACTORS_H

#include "tests/sim/agent.h"

#define WINDOW_MAX 5

/* One batch of a producer to one partition. */
struct shipment {
    struct agent_call call;
    struct lane *lane;
    uint64_t first_value;
    int64_t first_number;
    int32_t sequence;
    int32_t records;
    time_us began_us;
    bool open;  /* not known yet what became of it */
    bool acked; /* ... by an answer that came before an earlier one's */
    int64_t offset;
    time_us acked_us;
    time_us
        known_us; /* when it began: the cluster had known the producer then, by its own account */
};

/* A producer's way to one partition: batches in order, at most `window` of them not known. */
struct lane {
    struct producer *producer;
    uint32_t partition;
    uint32_t session;
    int32_t next_sequence;
    int64_t numbers; /* records so far in this session */
    struct shipment ring[WINDOW_MAX];
    uint32_t first; /* oldest in the ring */
    uint32_t count;
    uint32_t sent; /* of those, from the oldest on; the others are to be sent (again) */
    uint32_t out;
    bool lost;   /* of a weak topic: the cluster has lost what came before */
    bool broken; /* an answer was bad: wait for what is out, then send all again */
    time_us rest_until;
    time_us next_at;
    time_us heard_us; /* the cluster knew it then, by its own account */
    int64_t producer_id;
    int16_t producer_epoch;
    int16_t last_error; /* -1: no answer */
};

struct producer {
    struct agent agent;
    bool idempotent;
    bool near_wrap; /* its sequences begin short of 2^31 */
    int16_t acks;
    uint32_t window;
    int32_t records_max;
    time_us pace_us;
    uint64_t values;
    struct agent_call id_call;
    int64_t producer_id; /* -1: to be asked for */
    int16_t producer_epoch;
    time_us give_up_us; /* 0: never */
    struct lane lanes[PARTITIONS_MAX];
    uint64_t acked;
};

void producer_open(struct producer *, struct field *, const char *address, uint16_t number);
/* What keeps it from being idle, as a sentence. */
void producer_ails(const struct producer *, char *ret_sentence, size_t room);
/* All that was begun is known. */
bool producer_idle(const struct producer *);
/* What is not known at the end goes into the history. */
void producer_close(struct producer *);

struct consumer {
    struct agent agent;
    struct agent_call calls[BROKERS_MAX];
    struct consumer_part {
        int64_t next; /* -1: not begun */
        uint32_t session;
        int64_t notes;
        int64_t asked; /* the offset of the fetch under way */
        const struct agent_call *asked_by;
        bool off;    /* not read */
        int64_t end; /* final readers: where it ends; -1: not known */
        int64_t start;
        time_us rest_until;
        time_us asked_us; /* where it begins or ends */
        time_us end_asked_us;
        int32_t asked_epoch;
        int16_t last_error; /* of a fetch */
        bool whole;
    } parts[PARTITIONS_MAX];
    struct agent_call ends_call;
    uint32_t ends_partition;
    bool ends_latest;
    bool final;
    bool stranger;
    uint32_t group; /* 0: none; else it reads what it was given, from where it was told */
    int32_t bytes_max;
    uint32_t restart_per_mille;
    int32_t session_ms; /* of a member, whose heartbeats wait behind its fetches; 0: of none */
    uint64_t read;
};

/* final: reads everything once, after all is quiet. */
void consumer_open(struct consumer *, struct field *, const char *address, uint16_t number,
                   bool final);
/* Of a final one: what it has not read, as a sentence. */
void consumer_ails(const struct consumer *, char *ret_sentence, size_t room);
bool consumer_finished(const struct consumer *);
void consumer_close(struct consumer *);
/* Of a group's: reads this partition from there on (-1: from the earliest), or not any more. */
void consumer_take(struct consumer *, uint32_t partition, int64_t offset);
void consumer_drop(struct consumer *, uint32_t partition);
void consumer_work(struct consumer *);

struct administrator {
    struct agent agent;
    struct agent_call call;
    uint32_t topic; /* being created; topic_count: all are there */
    time_us next_at;
    time_us pace_us; /* of his whims; 0: none */
    uint32_t side_topics;
};

/* Another one: topics grow, settings of the whole cluster change, brokers that stay away are struck off. */
struct overseer {
    struct agent agent;
    struct agent_call call;
    time_us next_at;
    time_us pace_us;            /* 0: never */
    uint32_t asked[TOPICS_MAX]; /* partitions, the most for each topic */
};

void overseer_open(struct overseer *, struct field *, const char *address, uint16_t number,
                   time_us pace_us);
void overseer_close(struct overseer *);

void administrator_open(struct administrator *, struct field *, const char *address,
                        uint16_t number, time_us pace_us);
bool administrator_ready(const struct administrator *);
void administrator_close(struct administrator *);

#endif
