/*
 * Sessions of brokers: heartbeats, fencing, coming back, controlled shutdown, suspicion (KIP-500, 631, 841; docs/RULES.md).
 */
#include "controller/state/state_internal.h"

err_t broker_change(const struct controller_state *state, const struct meta_broker *broker,
                    struct decision *decision, bool *ret_done)
{
    struct world world = world_of(state);
    struct decision_cursor *cursor = &decision->cursor;
    assert(broker->epoch >= 0);
    if (!cursor->inside) {
        sweep_restart(decision);
        cursor->inside = true;
        cursor->dirs_lost = meta_broker(world.image, broker->id)->dir_count > broker->dir_count;
        TRY(cursor->dirs_lost ? OK : decision_add_broker(decision, broker));
    }
    world.broker = broker;
    struct sweep sweep = sweep_of(broker->id);
    sweep.unplaced_lost = cursor->dirs_lost;
    TRY(sweep_run(&world, &sweep, decision, cursor->dirs_lost ? 1 : 0, ret_done));
    if (*ret_done) {
        TRY(cursor->dirs_lost ? decision_add_broker_first(decision, broker) : OK);
        cursor->inside = false;
        sweep_restart(decision);
    }
    return OK;
}

err_t broker_fence(const struct controller_state *state, int32_t broker, struct decision *decision,
                   bool *ret_done)
{
    const struct meta_broker *known = meta_broker(controller_newest(state), broker);
    assert(known != NULL && (!known->fenced || decision->cursor.inside));
    assert(decision->cursor.inside == known->fenced);
    struct meta_broker fenced = *known;
    fenced.fenced = true;
    return broker_change(state, &fenced, decision, ret_done);
}

/* --- the controllers' own commands --- */

err_t decide_new_active(const struct controller_state *state, const struct command *command,
                        time_ms now, struct decision *decision)
{
    (void)command;
    (void)now;
    /* Whatever decision the controller before us left half done, every partition comes out settled. */
    struct world world = world_of(state);
    struct sweep sweep = sweep_of(META_NO_BROKER);
    struct alter_resource files;
    bool done;
    assert(!state->active);
    TRY(files_differ(&world, decision, &files));
    world.resource = &files;
    sweep.durability = true;
    TRY(sweep_run(&world, &sweep, decision, FILE_SETTINGS_MAX, &done));
    decision->more = !done;
    if (!done) {
        return OK;
    }
    TRY(files_write(&files, decision)); /* as always the partitions first */
    return decision_note(decision, NOTE_NEW_ACTIVE, META_NO_BROKER, 0);
}

/* The next broker whose session has ended, or META_NO_BROKER. */
static int32_t session_ended(const struct controller_state *state, time_ms now)
{
    const struct meta_image *image = controller_newest(state);
    for (const struct meta_broker *broker = meta_broker_next(image, META_NO_BROKER); broker != NULL;
         broker = meta_broker_next(image, broker->id)) {
        if (!broker->fenced && session_deadline(state, broker->id) <= now) {
            return broker->id;
        }
    }
    return META_NO_BROKER;
}

enum tick_phase { TICK_SESSIONS, TICK_BALANCE, TICK_RAISE };

/* One broker after the other; cursor.index is the broker that is being fenced. */
static err_t tick_sessions(const struct controller_state *state, time_ms now,
                           struct decision *decision, bool *ret_done)
{
    struct decision_cursor *cursor = &decision->cursor;
    int32_t broker = cursor->inside ? (int32_t)cursor->index : session_ended(state, now);
    *ret_done = broker == META_NO_BROKER;
    if (*ret_done) {
        return OK;
    }
    assert(broker >= 0);
    cursor->index = (uint32_t)broker;
    bool fenced;
    return broker_fence(state, broker, decision, &fenced);
}

static err_t tick_balance(const struct controller_state *state, struct decision *decision,
                          bool *ret_done)
{
    struct world world = world_of(state);
    struct sweep sweep = sweep_of(META_NO_BROKER);
    assert(decision->cursor.phase == TICK_BALANCE);
    sweep.rules.preferred = true;
    return sweep_run(&world, &sweep, decision, 0, ret_done);
}

/* The phase after this one that has something to do; TICK_SESSIONS: none. */
static uint32_t tick_next(const struct controller_state *state, uint32_t phase, time_ms now)
{
    assert(phase <= TICK_RAISE);
    if (phase < TICK_BALANCE && state->rebalance_ms <= now) {
        return TICK_BALANCE;
    }
    return phase < TICK_RAISE && state->raise_ms <= now ? TICK_RAISE : TICK_SESSIONS;
}

/* Only if a session would end by it, and not time and again: who sleeps all the time notices nobody's end. */
static bool tick_slept(const struct controller_state *state, const struct tick_command *tick,
                       time_ms now)
{
    assert(tick->late_ms >= 0);
    return tick->late_ms > 0 && session_ended(state, now) != META_NO_BROKER &&
           now - state->awake_ms >= state->settings.session_timeout_ms;
}

err_t decide_tick(const struct controller_state *state, const struct command *command, time_ms now,
                  struct decision *decision)
{
    struct decision_cursor *cursor = &decision->cursor;
    if (cursor->phase == TICK_SESSIONS && !cursor->inside &&
        tick_slept(state, &command->tick, now)) {
        return decision_note(decision, NOTE_SLEPT, META_NO_BROKER, command->tick.late_ms);
    }
    uint32_t phase = cursor->phase;
    uint32_t waits = 0;
    bool done = true;
    if (phase == TICK_SESSIONS) {
        TRY(tick_sessions(state, now, decision, &done));
    } else if (phase == TICK_BALANCE) {
        TRY(tick_balance(state, decision, &done));
    } else {
        struct world world = world_of(state);
        TRY(raise_own_topics(&world, decision, &waits));
    }
    cursor->phase = done ? tick_next(state, phase, now) : phase;
    decision->more = !done || cursor->phase != TICK_SESSIONS;
    if (decision->more) {
        return OK;
    }
    /* What was looked at is due again in its time; said with the last batch, so that a tick that breaks off counts for
     * nothing. */
    if (state->rebalance_ms <= now) {
        TRY(decision_note(decision, NOTE_BALANCED, META_NO_BROKER, 0));
    }
    return phase == TICK_RAISE ? decision_note(decision, NOTE_RAISED, META_NO_BROKER, waits) : OK;
}

err_t decide_suspect(const struct controller_state *state, const struct command *command,
                     time_ms now, struct decision *decision)
{
    const struct suspect_command *suspect = &command->suspect;
    const struct meta_broker *broker = meta_broker(controller_newest(state), suspect->broker);
    if (!decision->cursor.inside) {
        if (broker == NULL || broker->epoch != suspect->broker_epoch || broker->fenced) {
            return OK; /* yesterday's connection */
        }
        if (!suspect->refused) {
            if (session_suspicions(state, broker->id, now) >= state->settings.suspicion_fences &&
                !MUTANT(100)) {
                return OK; /* it comes and goes: elections on every blink would hurt more than they help */
            }
            TRY(decision_note(decision, NOTE_SUSPECTED, broker->id, 0));
        }
    }
    assert(broker != NULL && broker->epoch == suspect->broker_epoch);
    bool done;
    TRY(broker_fence(state, broker->id, decision, &done));
    decision->answer.suspect.fenced = true;
    decision->more = !done;
    return OK;
}

/* --- heartbeats --- */

/* Everyone else who is there has applied what took the leaderships of this broker away, so nobody asks it any more (M36). */
static bool others_know(const struct controller_state *state, int32_t leaving)
{
    const struct controller_session *session = session_find(state, leaving);
    const struct meta_image *image = controller_newest(state);
    assert(session != NULL);
    if (session->shutdown_offset == -1 || MUTANT(36)) {
        return MUTANT(36);
    }
    for (const struct meta_broker *broker = meta_broker_next(image, META_NO_BROKER); broker != NULL;
         broker = meta_broker_next(image, broker->id)) {
        assert(session_find(state, broker->id) != NULL);
        if (broker->id == leaving || broker->fenced || broker->shutting_down) {
            continue;
        }
        const struct controller_session *other = session_find(state, broker->id);
        if (other == NULL || other->reached < session->shutdown_offset) {
            return false;
        }
    }
    return true;
}

/* The broker without the directories that failed. */
static void without_dirs(struct meta_broker *broker, const struct heartbeat_command *beat)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < broker->dir_count; i++) {
        bool failed = false;
        for (uint32_t j = 0; j < beat->offline_dir_count; j++) {
            failed |= uuid_eq(broker->dirs[i], beat->offline_dirs[j]);
        }
        if (!failed) {
            broker->dirs[kept++] = broker->dirs[i];
        }
    }
    assert(kept <= broker->dir_count);
    broker->dir_count = kept;
}

/* What the heartbeat makes of its broker. *ret_shutting: its leaderships go away with this decision. */
static void heartbeat_wants(const struct controller_state *state,
                            const struct heartbeat_command *beat, struct meta_broker *broker,
                            struct heartbeat_answer *answer, bool *ret_shutting)
{
    *ret_shutting = false;
    without_dirs(broker, beat);
    /* Before it has applied its own registration it does not know what was decided about it since (M35). */
    answer->caught_up = beat->metadata_offset >= broker->epoch;
    if (broker->dir_count == 0) {
        broker->fenced = true;
        answer->should_shut_down = true;
    } else if (broker->fenced) {
        answer->should_shut_down = beat->want_shutdown;
        broker->fenced = beat->want_shutdown || beat->want_fence || !answer->caught_up;
    } else if (beat->want_shutdown && !broker->shutting_down) {
        broker->shutting_down = true;
        *ret_shutting = true;
    } else if (beat->want_shutdown) {
        answer->should_shut_down = others_know(state, broker->id);
        broker->fenced = answer->should_shut_down;
    } else {
        broker->fenced = beat->want_fence;
    }
    assert(!answer->should_shut_down || broker->fenced);
    assert(!*ret_shutting || !broker->fenced);
    answer->fenced = broker->fenced;
}

static bool broker_same(const struct meta_broker *a, const struct meta_broker *b)
{
    assert(a->id == b->id && a->epoch == b->epoch);
    return a->fenced == b->fenced && a->shutting_down == b->shutting_down &&
           a->dir_count == b->dir_count;
}

err_t decide_heartbeat(const struct controller_state *state, const struct command *command,
                       time_ms now, struct decision *decision)
{
    (void)now;
    const struct heartbeat_command *beat = &command->heartbeat;
    const struct meta_image *image = controller_newest(state);
    struct heartbeat_answer *answer = &decision->answer.heartbeat;
    assert(beat->offline_dir_count <= LOG_DIRS_MAX);
    bool done;
    if (decision->cursor.inside) { /* the rest of its partitions follows */
        struct meta_broker broker = *meta_broker(image, beat->broker);
        without_dirs(&broker, beat);
        broker.fenced = answer->fenced;
        broker.shutting_down = broker.shutting_down || decision->cursor.index == 1;
        TRY(broker_change(state, &broker, decision, &done));
    } else {
        answer->result.error = broker_epoch_check(image, beat->broker, beat->broker_epoch);
        if (answer->result.error != KAFKA_NONE) {
            return OK;
        }
        const struct meta_broker *known = meta_broker(image, beat->broker);
        struct meta_broker broker = *known;
        TRY(decision_note(decision, NOTE_CONTACT, beat->broker,
                          max_i64(beat->metadata_offset, -1)));
        bool shutting;
        heartbeat_wants(state, beat, &broker, answer, &shutting);
        if (broker_same(known, &broker)) {
            return OK;
        }
        decision->cursor.index = shutting;
        TRY(broker_change(state, &broker, decision, &done));
    }
    assert(answer->result.error == KAFKA_NONE);
    decision->more = !done;
    bool shutting = decision->cursor.index == 1;
    return done && shutting ? decision_note(decision, NOTE_SHUTDOWN, beat->broker, 0) : OK;
}
