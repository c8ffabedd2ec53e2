#include "broker/api/fetch_session.h"

#include "common/base/limits.h"

#define KEY_MAX (sizeof(struct uuid) + sizeof(int32_t) + TOPIC_NAME_MAX + 1)

#define EPOCH_FULL  0
#define EPOCH_FINAL (-1)

/* A partition in a session. */
struct place {
    struct list_node node; /* in the order of fairness */
    struct fetch_want want;
    int64_t high_watermark_told;
    int64_t log_start_told;
};

struct fetch_session {
    struct list_node node;
    int32_t id;
    int32_t epoch; /* of the next request */
    bool by_id;
    bool follower;
    time_us used_at;
    struct list places;
    struct map by_key;
};

struct place_key {
    uint8_t bytes[KEY_MAX];
    size_t n;
};

static bool key_of(const struct fetch_want *want, struct place_key *ret_key)
{
    if (want->topic.n > TOPIC_NAME_MAX) {
        return false;
    }
    uint8_t *p = ret_key->bytes;
    memcpy(p, want->topic_id.b, sizeof(want->topic_id.b));
    memcpy(p + sizeof(want->topic_id.b), &want->index, sizeof(want->index));
    ret_key->n = sizeof(want->topic_id.b) + sizeof(want->index);
    if (want->topic.n > 0) {
        memcpy(p + ret_key->n, want->topic.p, want->topic.n);
        ret_key->n += want->topic.n;
    }
    return true;
}

static struct slice key_slice(const struct place_key *key)
{
    return slice_of(key->bytes, key->n);
}

static struct place *place_find(const struct fetch_session *session, const struct fetch_want *want)
{
    struct place_key key;
    return key_of(want, &key) ? map_get(&session->by_key, key_slice(&key)) : NULL;
}

static void place_free(struct fetch_session *session, struct place *place)
{
    struct heap *heap = session->by_key.heap;
    list_remove(&place->node);
    heap_free(heap, (void *)place->want.topic.p, place->want.topic.n);
    heap_free(heap, place, sizeof(*place));
}

static struct place *place_add(struct fetch_session *session, const struct fetch_want *want)
{
    struct heap *heap = session->by_key.heap;
    struct place_key key;
    struct place *place = key_of(want, &key) ? HEAP_NEW(heap, struct place) : NULL;
    if (place == NULL) {
        return NULL;
    }
    place->want = *want;
    place->high_watermark_told = -1;
    place->log_start_told = -1;
    if (!heap_copy(heap, want->topic, &place->want.topic)) {
        heap_free(heap, place, sizeof(*place));
        return NULL;
    }
    if (!map_put(&session->by_key, key_slice(&key), place)) {
        place_free(session, place);
        return NULL;
    }
    list_push(&session->places, &place->node);
    return place;
}

static bool place_set(struct fetch_session *session, const struct fetch_want *want)
{
    struct place *place = place_find(session, want);
    if (place == NULL) {
        return place_add(session, want) != NULL;
    }
    struct slice name = place->want.topic;
    place->want = *want;
    place->want.topic = name;
    return true;
}

static void place_forget(struct fetch_session *session, const struct fetch_want *want)
{
    struct place_key key;
    struct place *place = key_of(want, &key) ? map_remove(&session->by_key, key_slice(&key)) : NULL;
    if (place != NULL) {
        place_free(session, place);
    }
}

/* ---- sessions ---- */

void fetch_sessions_init(struct fetch_sessions *sessions, struct heap *heap, uint32_t max,
                         uint64_t seed)
{
    *sessions = (struct fetch_sessions){.heap = heap, .max = max};
    prng_init(&sessions->prng, seed);
    sessions->hash_key.k0 = prng_u64(&sessions->prng);
    sessions->hash_key.k1 = prng_u64(&sessions->prng);
    map_init(&sessions->by_id, heap, sessions->hash_key);
    list_init(&sessions->used);
}

static struct fetch_session *session_find(const struct fetch_sessions *sessions, int32_t id)
{
    return map_get_u64(&sessions->by_id, (uint64_t)(uint32_t)id);
}

static void session_end(struct fetch_sessions *sessions, struct fetch_session *session)
{
    while (!list_empty(&session->places)) {
        place_free(session, CONTAINER_OF(list_first(&session->places), struct place, node));
    }
    map_release(&session->by_key);
    list_remove(&session->node);
    (void)map_remove_u64(&sessions->by_id, (uint64_t)(uint32_t)session->id);
    heap_free(sessions->heap, session, sizeof(*session));
}

void fetch_sessions_release(struct fetch_sessions *sessions)
{
    while (!list_empty(&sessions->used)) {
        session_end(sessions,
                    CONTAINER_OF(list_first(&sessions->used), struct fetch_session, node));
    }
    map_release(&sessions->by_id);
}

uint32_t fetch_sessions_count(const struct fetch_sessions *sessions)
{
    return sessions->by_id.count;
}

static bool room_make(struct fetch_sessions *sessions, bool follower, time_us now)
{
    if (sessions->by_id.count < sessions->max) {
        return true;
    }
    LIST_EACH(&sessions->used, node)
    {
        struct fetch_session *session = CONTAINER_OF(node, struct fetch_session, node);
        if (now - session->used_at >= FETCH_SESSION_IDLE_US || (follower && !session->follower)) {
            session_end(sessions, session);
            return true;
        }
        if (!follower) {
            return false; /* all others were used later */
        }
    }
    return false;
}

static struct fetch_session *session_new(struct fetch_sessions *sessions)
{
    struct fetch_session *session = HEAP_NEW(sessions->heap, struct fetch_session);
    if (session == NULL) {
        return NULL;
    }
    do {
        session->id = (int32_t)(1 + prng_below(&sessions->prng, INT32_MAX));
    } while (session_find(sessions, session->id) != NULL);
    list_init(&session->places);
    map_init(&session->by_key, sessions->heap, sessions->hash_key);
    if (!map_put_u64(&sessions->by_id, (uint64_t)(uint32_t)session->id, session)) {
        heap_free(sessions->heap, session, sizeof(*session));
        return NULL;
    }
    list_push(&sessions->used, &session->node);
    return session;
}

/* ---- requests ---- */

static struct fetch_turn refusal(enum kafka_error error)
{
    return (struct fetch_turn){.kind = FETCH_SESSIONLESS, .error = error};
}

static struct fetch_turn go_on(struct fetch_sessions *sessions,
                               const struct fetch_sessions_ask *ask)
{
    struct fetch_session *session = session_find(sessions, ask->id);
    if (session == NULL) {
        return refusal(KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    }
    if (session->by_id != ask->by_id) {
        return refusal(KAFKA_FETCH_SESSION_TOPIC_ID_ERROR);
    }
    if (session->epoch != ask->epoch) {
        return refusal(KAFKA_INVALID_FETCH_SESSION_EPOCH);
    }
    for (size_t i = 0; i < ask->want_count; i++) {
        if (!place_set(session, &ask->wants[i])) {
            return refusal(KAFKA_UNKNOWN_SERVER_ERROR);
        }
    }
    for (size_t i = 0; i < ask->forgotten_count; i++) {
        place_forget(session, &ask->forgotten[i]);
    }
    session->epoch = session->epoch == INT32_MAX ? 1 : session->epoch + 1;
    session->used_at = ask->now;
    list_remove(&session->node);
    list_push(&sessions->used, &session->node);
    if (list_empty(&session->places)) {
        session_end(sessions, session);
        return (struct fetch_turn){.kind = FETCH_SESSIONLESS};
    }
    return (struct fetch_turn){.kind = FETCH_INCREMENTAL,
                               .id = session->id,
                               .by_id = ask->by_id,
                               .follower = session->follower};
}

struct fetch_turn fetch_session_ask(struct fetch_sessions *sessions,
                                    const struct fetch_sessions_ask *ask)
{
    if (ask->epoch != EPOCH_FULL && ask->epoch != EPOCH_FINAL) {
        return go_on(sessions, ask);
    }
    struct fetch_session *old = ask->id == 0 ? NULL : session_find(sessions, ask->id);
    if (old != NULL) {
        session_end(sessions, old);
    }
    return (struct fetch_turn){.kind = ask->epoch == EPOCH_FULL ? FETCH_FULL : FETCH_SESSIONLESS,
                               .by_id = ask->by_id,
                               .follower = ask->follower};
}

size_t fetch_session_size(const struct fetch_sessions *sessions, const struct fetch_turn *turn)
{
    assert(turn->kind == FETCH_INCREMENTAL);
    const struct fetch_session *session = session_find(sessions, turn->id);
    return session == NULL ? 0 : session->by_key.count;
}

void fetch_session_wants(const struct fetch_sessions *sessions, const struct fetch_turn *turn,
                         struct fetch_want *ret_wants)
{
    assert(turn->kind == FETCH_INCREMENTAL);
    const struct fetch_session *session = session_find(sessions, turn->id);
    assert(session != NULL);
    size_t n = 0;
    LIST_EACH(&session->places, node)
    {
        ret_wants[n++] = CONTAINER_OF(node, const struct place, node)->want;
    }
    assert(n == session->by_key.count);
}

/* ---- answers ---- */

/* What a partition has to say; errors are said again until they are over, and then the bounds once more. */
static bool place_tells(struct place *place, const struct fetch_told *told)
{
    bool tells = told->error != KAFKA_NONE || told->records || told->diverging ||
                 told->redirected || told->news ||
                 told->high_watermark != place->high_watermark_told ||
                 told->log_start != place->log_start_told;
    place->high_watermark_told = told->error == KAFKA_NONE ? told->high_watermark : -1;
    place->log_start_told = told->log_start;
    return tells;
}

bool fetch_session_tells(struct fetch_sessions *sessions, const struct fetch_turn *turn,
                         const struct fetch_want *want, const struct fetch_told *told)
{
    assert(turn->kind == FETCH_INCREMENTAL);
    struct fetch_session *session = session_find(sessions, turn->id);
    struct place *place = session == NULL ? NULL : place_find(session, want);
    if (place == NULL) {
        return true; /* it went while the request waited */
    }
    if (told->records) { /* who got something stands behind who waits */
        list_remove(&place->node);
        list_push(&session->places, &place->node);
    }
    return place_tells(place, told);
}

void fetch_session_begin(struct fetch_sessions *sessions, struct fetch_turn *turn, time_us now,
                         const struct fetch_want *wants, const struct fetch_told *told,
                         size_t count)
{
    assert(turn->kind == FETCH_FULL && turn->id == 0);
    if (!room_make(sessions, turn->follower, now)) {
        return;
    }
    struct fetch_session *session = session_new(sessions);
    if (session == NULL) {
        return;
    }
    session->epoch = 1;
    session->by_id = turn->by_id;
    session->follower = turn->follower;
    session->used_at = now;
    for (size_t i = 0; i < count; i++) {
        if (!place_set(session, &wants[i])) {
            session_end(sessions, session);
            return;
        }
        (void)place_tells(place_find(session, &wants[i]), &told[i]);
    }
    turn->id = session->id;
}

void fetch_sessions_check(const struct fetch_sessions *sessions)
{
    uint32_t count = 0;
    time_us before = INT64_MIN;
    assert(sessions->by_id.count <= sessions->max);
    LIST_EACH(&sessions->used, node)
    {
        const struct fetch_session *session = CONTAINER_OF(node, const struct fetch_session, node);
        uint32_t places = 0;
        LIST_EACH(&session->places, at)
        {
            const struct place *place = CONTAINER_OF(at, const struct place, node);
            assert(place_find(session, &place->want) == place);
            assert(session->by_id == (place->want.topic.p == NULL));
            places++;
        }
        assert(places == session->by_key.count);
        assert(session_find(sessions, session->id) == session);
        assert(session->id > 0 && session->epoch > 0 && session->used_at >= before);
        before = session->used_at;
        count++;
    }
    assert(count == sessions->by_id.count);
}
