#include "controller/state/state_internal.h"

#define AHEAD_ROOM_MIN 16u

struct controller_ahead {
    struct meta_image *image; /* held */
};

err_t controller_init(struct controller_state *state, struct heap *heap,
                      const struct controller_settings *settings, uint64_t seed)
{
    assert(settings->session_timeout_ms > 0 && settings->suspicion_window_ms >= 0);
    assert(settings->suspicion_fences <= SUSPICION_FENCES_MAX);
    assert(settings->rebalance_check_ms >= 0 && settings->raise_check_ms >= 0);
    assert(settings->defaults.min_insync_replicas >= 1 && settings->defaults.num_partitions >= 1);
    assert(settings->defaults.replication_factor >= 1);
    *state = (struct controller_state){.heap = heap,
                                       .settings = *settings,
                                       .rebalance_ms = TIME_NEVER,
                                       .raise_ms = TIME_NEVER,
                                       .commit_offset = -1};
    meta_store_init(&state->store, heap);
    prng_init(&state->prng, seed);
    state->committed = meta_image_empty(&state->store);
    return state->committed == NULL ? ERR_NO_MEMORY : OK;
}

static void ahead_drop(struct controller_state *state)
{
    for (uint32_t i = 0; i < state->ahead_count; i++) {
        assert(meta_offset(state->ahead[i].image) > meta_offset(state->committed));
        meta_image_drop(&state->store, state->ahead[i].image);
    }
    state->ahead_count = 0;
}

void controller_release(struct controller_state *state)
{
    assert(state->heap != NULL);
    ahead_drop(state);
    heap_free(state->heap, state->ahead, state->ahead_room * sizeof(*state->ahead));
    session_clear(state);
    meta_image_drop(&state->store, state->committed);
    *state = (struct controller_state){0};
}

const struct meta_image *controller_committed(const struct controller_state *state)
{
    assert(state->committed != NULL);
    return state->committed;
}

const struct meta_image *controller_newest(const struct controller_state *state)
{
    return state->ahead_count == 0 ? state->committed : state->ahead[state->ahead_count - 1].image;
}

/* Takes over the hold. */
static err_t ahead_push(struct controller_state *state, struct meta_image *image)
{
    if (state->ahead_count == state->ahead_room) {
        uint32_t room = state->ahead_room == 0 ? AHEAD_ROOM_MIN : state->ahead_room * 2;
        struct controller_ahead *ahead = heap_resize(
            state->heap, state->ahead, state->ahead_room * sizeof(*ahead), room * sizeof(*ahead));
        if (ahead == NULL) {
            meta_image_drop(&state->store, image);
            return ERR_NO_MEMORY;
        }
        state->ahead = ahead;
        state->ahead_room = room;
    }
    assert(meta_offset(image) > meta_offset(controller_newest(state)));
    state->ahead[state->ahead_count++].image = image;
    return OK;
}

/* The committed image moves up to what the log has committed. */
static void commit_reached(struct controller_state *state)
{
    uint32_t passed = 0;
    while (passed < state->ahead_count &&
           meta_offset(state->ahead[passed].image) <= state->commit_offset) {
        meta_image_drop(&state->store, state->committed);
        state->committed = state->ahead[passed++].image;
    }
    assert(passed <= state->ahead_count);
    state->ahead_count -= passed;
    if (passed > 0) {
        memmove(state->ahead, state->ahead + passed, state->ahead_count * sizeof(*state->ahead));
    }
}

void controller_commit(struct controller_state *state, int64_t offset)
{
    assert(state->active || state->ahead_count > 0 || offset >= 0);
    state->commit_offset = max_i64(state->commit_offset, offset);
    commit_reached(state);
}

static err_t accept_batch(struct controller_state *state, struct decision *decision, int64_t offset,
                          int32_t epoch, time_ms now)
{
    struct meta_image *image = NULL;
    TRY(meta_image_apply(&state->store, controller_newest(state), decision->batch, offset, epoch,
                         NULL, NULL, &image));
    assert(meta_offset(image) == offset && meta_epoch(image) == epoch);
    TRY(ahead_push(state, image));
    commit_reached(state);
    session_changed(state, now);
    return OK;
}

err_t controller_accept(struct controller_state *state, struct decision *decision, int64_t offset,
                        int32_t epoch, time_ms now)
{
    assert(decision->batch.count <= METADATA_BATCH_RECORDS_MAX);
    assert(decision->arena != NULL && decision->answer.kind != 0);
    assert(state->active || decision->answer.kind == COMMAND_NEW_ACTIVE ||
           decision->answer.kind == COMMAND_BOOTSTRAP);
    if (decision->batch.count > 0) {
        assert(epoch >= meta_epoch(controller_newest(state)));
        assert(offset > meta_offset(controller_newest(state)));
        TRY(accept_batch(state, decision, offset, epoch, now));
    }
    for (uint32_t i = 0; i < decision->note_count; i++) {
        TRY(session_note(state, &decision->notes[i], meta_offset(controller_newest(state)), now));
    }
    struct register_broker_answer *registered = &decision->answer.register_broker;
    if (!decision->more && decision->answer.kind == COMMAND_REGISTER_BROKER &&
        registered->result.error == KAFKA_NONE && registered->broker_epoch == -1) {
        assert(decision->batch.count > 0);
        registered->broker_epoch = offset;
    }
    assert(!decision->more || decision->batch.count > 0 || decision->note_count == 0);
    state->deciding = decision->more;
    state->decisions += decision->more ? 0 : 1;
    return OK;
}

err_t controller_replay(struct controller_state *state, struct meta_batch batch, int64_t offset,
                        int32_t epoch, struct arena *scratch)
{
    assert(scratch != NULL); /* part of the contract; applying needs none today */
    assert(!state->active && state->ahead_count == 0);
    assert(offset >= 0 && epoch >= 0);
    ENSURE(offset > meta_offset(state->committed), ERR_CORRUPT);
    struct meta_image *image = NULL;
    TRY(meta_image_apply(&state->store, state->committed, batch, offset, epoch, NULL, NULL,
                         &image));
    meta_image_drop(&state->store, state->committed);
    state->committed = image;
    return OK;
}

void controller_restore(struct controller_state *state, struct meta_image *image)
{
    assert(!state->active && state->ahead_count == 0);
    assert(meta_offset(image) >= meta_offset(state->committed));
    meta_image_drop(&state->store, state->committed);
    state->committed = image;
}

void controller_resign(struct controller_state *state)
{
    ahead_drop(state);
    session_clear(state);
    assert(state->ahead_count == 0 && state->session_count == 0);
    state->active = false;
    state->deciding = false;
    state->rebalance_ms = TIME_NEVER;
    state->raise_ms = TIME_NEVER;
}

time_ms controller_deadline(const struct controller_state *state)
{
    if (!state->active) {
        return TIME_NEVER;
    }
    time_ms deadline = min_i64(state->rebalance_ms, state->raise_ms);
    const struct meta_image *image = controller_newest(state);
    for (const struct meta_broker *broker = meta_broker_next(image, META_NO_BROKER); broker != NULL;
         broker = meta_broker_next(image, broker->id)) {
        if (!broker->fenced) {
            assert(broker->dir_count > 0);
            deadline = min_i64(deadline, session_deadline(state, broker->id));
        }
    }
    return deadline;
}
