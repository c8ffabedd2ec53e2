#include "controller/state/state_internal.h"

#define SESSIONS_ROOM_MIN 8u

/* Where this broker's session is, or belongs. */
static uint32_t session_place(const struct controller_state *state, int32_t broker)
{
    uint32_t low = 0;
    uint32_t high = state->session_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (state->sessions[middle].broker < broker) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct controller_session *session_find(const struct controller_state *state, int32_t broker)
{
    uint32_t at = session_place(state, broker);
    assert(at <= state->session_count);
    return at < state->session_count && state->sessions[at].broker == broker ? &state->sessions[at]
                                                                             : NULL;
}

/* The session, made if there is none; NULL: out of memory. */
static struct controller_session *session_own(struct controller_state *state, int32_t broker)
{
    assert(broker >= 0);
    uint32_t at = session_place(state, broker);
    if (at < state->session_count && state->sessions[at].broker == broker) {
        return &state->sessions[at];
    }
    if (state->session_count == state->session_room) {
        uint32_t room = state->session_room == 0 ? SESSIONS_ROOM_MIN : state->session_room * 2;
        struct controller_session *sessions = heap_resize(state->heap, state->sessions,
                                                          state->session_room * sizeof(*sessions),
                                                          room * sizeof(*sessions));
        if (sessions == NULL) {
            return NULL;
        }
        state->sessions = sessions;
        state->session_room = room;
    }
    assert(state->session_count < state->session_room && at <= state->session_count);
    struct controller_session *session = &state->sessions[at];
    memmove(session + 1, session, (state->session_count - at) * sizeof(*session));
    state->session_count++;
    *session = (struct controller_session){.broker = broker,
                                           .contact_ms = 0,
                                           .reached = -1,
                                           .measured_end = -1,
                                           .shutdown_offset = -1};
    return session;
}

void session_clear(struct controller_state *state)
{
    heap_free(state->heap, state->sessions, state->session_room * sizeof(*state->sessions));
    state->sessions = NULL;
    state->session_count = 0;
    state->session_room = 0;
}

/* When something that is looked at every so often (0: never) is due next. */
static time_ms next_look(time_ms now, time_ms period)
{
    assert(period >= 0);
    return period > 0 ? now + period : TIME_NEVER;
}

/* A full session for everyone; whoever was shutting down waits for everything that was written so far. */
static err_t sessions_begin(struct controller_state *state, int64_t newest_offset, time_ms now)
{
    assert(!state->active && newest_offset == meta_offset(controller_newest(state)));
    session_clear(state);
    const struct meta_image *image = controller_newest(state);
    for (const struct meta_broker *broker = meta_broker_next(image, META_NO_BROKER); broker != NULL;
         broker = meta_broker_next(image, broker->id)) {
        struct controller_session *session = session_own(state, broker->id);
        ENSURE(session != NULL, ERR_NO_MEMORY);
        session->contact_ms = MUTANT(99) ? 0 : now;
        session->shutdown_offset = broker->shutting_down ? newest_offset : -1;
    }
    assert(state->session_count == meta_broker_count(image));
    state->active = true;
    state->awake_ms = now;
    state->rebalance_ms = next_look(now, state->settings.rebalance_check_ms);
    session_changed(state, now);
    return OK;
}

void session_changed(struct controller_state *state, time_ms now)
{
    time_ms due = next_look(now, state->settings.raise_check_ms);
    state->raise_ms = state->active ? min_i64(state->raise_ms, due) : TIME_NEVER;
}

/* Another look comes with the next change of the metadata; where some wait, also when patience with the others ends. */
static void session_raised(struct controller_state *state, uint32_t busy, time_ms now)
{
    bool moves = busy == 0 || busy != state->raise_busy;
    bool stuck = !moves && now - state->raise_busy_ms >= RAISE_PATIENCE_MS;
    assert(state->settings.raise_check_ms > 0);
    state->raise_stuck = stuck ? busy : (uint32_t)min_i64(state->raise_stuck, busy);
    state->raise_busy = busy;
    state->raise_busy_ms = moves || stuck ? now : state->raise_busy_ms;
    state->raise_ms = busy == 0 ? TIME_NEVER
                      : stuck   ? next_look(now, state->settings.raise_check_ms)
                                : state->raise_busy_ms + RAISE_PATIENCE_MS;
}

static void session_forget(struct controller_state *state, int32_t broker)
{
    uint32_t at = session_place(state, broker);
    if (at < state->session_count && state->sessions[at].broker == broker) {
        struct controller_session *session = &state->sessions[at];
        assert(meta_broker(controller_newest(state), broker) == NULL);
        state->session_count--;
        memmove(session, session + 1, (state->session_count - at) * sizeof(*session));
    }
}

/* Caught up when it has what there was at its heartbeat before. */
static void session_measure(struct controller_session *session, int64_t reached,
                            int64_t newest_offset, time_ms now)
{
    bool all = reached >= newest_offset;
    if (all || (session->measured_end >= 0 && reached >= session->measured_end)) {
        session->was_caught_up = true;
        session->caught_up_ms = all ? now : session->contact_ms;
    }
    assert(!session->was_caught_up || session->caught_up_ms <= now);
    session->measured_end = newest_offset;
}

bool controller_contact(const struct controller_state *state, int32_t broker,
                        struct controller_contact *ret_contact)
{
    const struct controller_session *session = session_find(state, broker);
    if (session == NULL || session->reached < 0) {
        return false;
    }
    assert(session->broker == broker && state->active);
    *ret_contact = (struct controller_contact){.reached = session->reached,
                                               .contact_ms = session->contact_ms,
                                               .was_caught_up = session->was_caught_up,
                                               .caught_up_ms = session->caught_up_ms};
    return true;
}

static err_t session_note_broker(struct controller_state *state, const struct decision_note *note,
                                 int64_t newest_offset, time_ms now)
{
    struct controller_session *session = session_own(state, note->broker);
    ENSURE(session != NULL, ERR_NO_MEMORY);
    switch (note->kind) {
    case NOTE_CONTACT:
        assert(note->value >= -1);
        session_measure(session, note->value, newest_offset, now);
        session->contact_ms = now;
        session->reached = max_i64(session->reached, note->value);
        return OK;
    case NOTE_REGISTERED:
        session->contact_ms = now;
        session->was_caught_up = false;
        session->measured_end = -1;
        session->reached = -1;
        session->shutdown_offset = -1;
        return OK;
    case NOTE_SUSPECTED:
        assert(meta_broker(controller_newest(state), note->broker) != NULL);
        session->fenced_ms[session->fence_count % SUSPICION_FENCES_MAX] = now;
        session->fence_count++;
        return OK;
    case NOTE_SHUTDOWN: session->shutdown_offset = newest_offset; return OK;
    default: assert(!"a note about a broker"); return OK;
    }
}

err_t session_note(struct controller_state *state, const struct decision_note *note,
                   int64_t newest_offset, time_ms now)
{
    assert(note->kind == NOTE_NEW_ACTIVE || state->active);
    switch (note->kind) {
    case NOTE_NEW_ACTIVE: return sessions_begin(state, newest_offset, now);
    case NOTE_GONE: session_forget(state, note->broker); return OK;
    case NOTE_SLEPT:
        assert(note->value > 0);
        state->awake_ms = now + min_i64(note->value, state->settings.session_timeout_ms);
        return OK;
    case NOTE_BALANCED:
        assert(state->settings.rebalance_check_ms > 0);
        state->rebalance_ms = next_look(now, state->settings.rebalance_check_ms);
        return OK;
    case NOTE_RAISED: session_raised(state, (uint32_t)note->value, now); return OK;
    default: return session_note_broker(state, note, newest_offset, now);
    }
}

time_ms session_deadline(const struct controller_state *state, int32_t broker)
{
    const struct controller_session *session = session_find(state, broker);
    assert(state->active);
    assert(session != NULL); /* every broker of the image has one while we are active */
    return max_i64(session->contact_ms + state->settings.session_timeout_ms, state->awake_ms);
}

uint32_t session_suspicions(const struct controller_state *state, int32_t broker, time_ms now)
{
    const struct controller_session *session = session_find(state, broker);
    assert(session != NULL);
    uint32_t known = session->fence_count < SUSPICION_FENCES_MAX ? session->fence_count
                                                                 : SUSPICION_FENCES_MAX;
    uint32_t recent = 0;
    for (uint32_t i = 0; i < known; i++) {
        assert(session->fenced_ms[i] <= now);
        recent += now - session->fenced_ms[i] < state->settings.suspicion_window_ms;
    }
    return recent;
}
