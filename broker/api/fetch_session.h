/*
 * Fetch sessions (KIP-227): a client that reads many partitions names only what changed since its last fetch, and is told only
 * of partitions that have something new.
 *
 *     session id, epoch of the request
 *     any, -1     no session; the one with this id ends
 *     any, 0      a full fetch: all partitions are named and told, and a new session begins (the one with this id ends)
 *     id, n       goes on with session `id`, whose next epoch must be n; after 2^31 - 1 comes 1
 *
 * One cache a reactor, since a connection stays on its reactor; whoever comes by another one is told
 * FETCH_SESSION_ID_NOT_FOUND and begins anew. When the cache is full the session that was idle longest gives way if it was idle
 * for FETCH_SESSION_IDLE_US, or to a follower if it is a consumer's; otherwise the newcomer has no session (id 0).
 *
 * Pure: memory from the heap, ids from the prng given. Sessions own copies of all names.
 */
#ifndef ODRADEK_API_FETCH_SESSION_H
#define ODRADEK_API_FETCH_SESSION_H

#include "common/base/list.h"
#include "common/base/map.h"
#include "common/base/prng.h"
#include "common/base/uuid.h"
#include "common/wire/kafka_error.h"

/* min.incremental.fetch.session.eviction.ms */
#define FETCH_SESSION_IDLE_US ((time_us)120 * 1000000)

/* One partition of a request. */
struct fetch_want {
    struct slice topic; /* NULL if asked by id */
    struct uuid topic_id;
    int32_t index;
    int32_t current_leader_epoch;
    int32_t last_fetched_epoch;
    int32_t bytes_max;
    int64_t fetch_offset;
    int64_t log_start;
    int64_t durable_offset;
    int64_t high_watermark;
    int64_t bad_crc_offset;
    int64_t producers_below;
};

/* What is about to be told of it. */
struct fetch_told {
    enum kafka_error error;
    bool records;
    bool diverging;
    bool redirected; /* to a preferred read replica */
    bool
        news; /* the answer comes at once because of it: whoever asks does not know, whatever it was told */
    int64_t high_watermark;
    int64_t log_start;
};

struct fetch_session;

struct fetch_sessions {
    struct heap *heap;
    struct prng prng;
    uint32_t max;
    struct map by_id;
    struct list used; /* longest idle first */
    struct hash_key hash_key;
};

struct fetch_sessions_ask {
    int32_t id;
    int32_t epoch;
    bool by_id; /* topics by id: Fetch v13+ */
    bool follower;
    time_us now;
    const struct fetch_want *wants;
    size_t want_count;
    const struct fetch_want *forgotten; /* topic and index count */
    size_t forgotten_count;
};

enum fetch_session_kind {
    FETCH_SESSIONLESS,
    FETCH_FULL,        /* begins a session with the answer */
    FETCH_INCREMENTAL, /* of session `id` */
};

/* What a request means. */
struct fetch_turn {
    enum fetch_session_kind kind;
    enum kafka_error error; /* the whole answer */
    int32_t id;             /* to be told; 0: none */
    bool by_id;
    bool follower;
};

void fetch_sessions_init(struct fetch_sessions *, struct heap *, uint32_t max, uint64_t seed);
void fetch_sessions_release(struct fetch_sessions *);
uint32_t fetch_sessions_count(const struct fetch_sessions *);

/* Takes a request in. Out of memory: partitions that did not fit are missing from the session; UNKNOWN_SERVER_ERROR. */
struct fetch_turn fetch_session_ask(struct fetch_sessions *, const struct fetch_sessions_ask *);

/* Of an incremental turn: how many partitions it means, and which, in the order of fairness. Names borrow from the
 * session, until the next call. */
size_t fetch_session_size(const struct fetch_sessions *, const struct fetch_turn *);
void fetch_session_wants(const struct fetch_sessions *, const struct fetch_turn *,
                         struct fetch_want *ret_wants);

/* Incremental: whether this partition has anything to tell; it is noted as told. Call once for each, in order. */
bool fetch_session_tells(struct fetch_sessions *, const struct fetch_turn *,
                         const struct fetch_want *, const struct fetch_told *);

/* Full: begins the session with all that was wanted and is told. turn->id is it, or 0. */
void fetch_session_begin(struct fetch_sessions *, struct fetch_turn *, time_us now,
                         const struct fetch_want *, const struct fetch_told *, size_t count);

void fetch_sessions_check(const struct fetch_sessions *);

#endif
