/*
 * Registration (KIP-631, 841, 858, 966; docs/RULES.md): who a broker is, and which seats its replicas keep.
 *
 * A registration brings a new incarnation, fenced. In the same batch every leader epoch that the incarnation before it held
 * ends, and its replicas lose the seats that they cannot keep. Where that is more than one batch, the old incarnation is
 * fenced in the first and the new one registered in the last.
 */
#include "controller/state/state_internal.h"

static struct command_result refused(struct decision *decision, enum kafka_error error,
                                     const char *text)
{
    return result_of(error, decision_text(decision, "%s", text));
}

static bool command_has_dir(const struct register_broker_command *command, struct uuid dir)
{
    assert(command->dir_count <= LOG_DIRS_MAX);
    for (uint32_t i = 0; i < command->dir_count; i++) {
        if (uuid_eq(command->dirs[i].id, dir)) {
            return true;
        }
    }
    return false;
}

/* How many directories of the broker come along. */
static uint32_t dirs_shared(const struct meta_broker *broker,
                            const struct register_broker_command *command)
{
    uint32_t shared = 0;
    assert(broker->dir_count <= LOG_DIRS_MAX);
    for (uint32_t i = 0; i < broker->dir_count; i++) {
        shared += command_has_dir(command, broker->dirs[i]);
    }
    return shared;
}

/* Directories are somewhere once: not twice in the request, not at another broker. */
static struct command_result check_dirs(const struct meta_image *image,
                                        const struct register_broker_command *command,
                                        struct decision *decision)
{
    if (command->dir_count == 0) {
        return refused(decision, KAFKA_INVALID_REGISTRATION, "No directories specified in request");
    }
    for (uint32_t i = 0; i < command->dir_count; i++) {
        if (uuid_is_none(command->dirs[i].id)) {
            return refused(decision, KAFKA_INVALID_REGISTRATION,
                           "Reserved directory ID in request");
        }
        if (command->dirs[i].condition < DIR_CLEAN ||
            command->dirs[i].condition > DIR_CRASHED_OTHER_BOOT) {
            return refused(decision, KAFKA_INVALID_REQUEST, "Unknown condition of a directory");
        }
        for (uint32_t j = 0; j < i; j++) {
            if (uuid_eq(command->dirs[i].id, command->dirs[j].id)) {
                return refused(decision, KAFKA_INVALID_REGISTRATION,
                               "Duplicate directory ID in request");
            }
        }
    }
    for (const struct meta_broker *broker = meta_broker_next(image, META_NO_BROKER); broker != NULL;
         broker = meta_broker_next(image, broker->id)) {
        if (broker->id != command->broker && dirs_shared(broker, command) > 0) {
            return result_of(
                KAFKA_INVALID_REGISTRATION,
                decision_text(
                    decision,
                    "Broker %d wants to register with a directory that broker %d already uses",
                    command->broker, broker->id));
        }
    }
    return (struct command_result){0};
}

/* What does not fit the log must not be decided. */
static bool fits_the_log(const struct register_broker_command *command)
{
    bool fits = command->rack.n <= META_NAME_MAX;
    for (uint32_t i = 0; i < command->endpoint_count; i++) {
        const struct meta_endpoint *endpoint = &command->endpoints[i];
        fits = fits && endpoint->listener.n > 0 && endpoint->listener.n <= META_NAME_MAX &&
               endpoint->host.n <= HOST_NAME_MAX_BYTES && endpoint->security_protocol >= 0 &&
               endpoint->security_protocol <= 3;
    }
    return fits;
}

static struct command_result check(const struct controller_state *state,
                                   const struct register_broker_command *command, time_ms now,
                                   struct decision *decision)
{
    const struct meta_image *image = controller_newest(state);
    if (command->broker < 0 || uuid_is_none(command->incarnation)) {
        return refused(decision, KAFKA_INVALID_REQUEST, "Broker id or incarnation id is missing");
    }
    if (command->cluster_id.p != NULL && !slice_eq(command->cluster_id, meta_cluster_id(image))) {
        return result_of(
            KAFKA_INCONSISTENT_CLUSTER_ID,
            decision_text(decision, "Expected cluster ID %.*s, but got cluster ID %.*s",
                          SLICE_ARGS(meta_cluster_id(image)), SLICE_ARGS(command->cluster_id)));
    }
    if (command->endpoint_count == 0) {
        return refused(decision, KAFKA_INVALID_REGISTRATION, "No listeners specified in request");
    }
    if (!fits_the_log(command)) {
        return refused(
            decision, KAFKA_INVALID_REGISTRATION,
            "A rack, listener or host is empty or too long, or a security protocol unknown");
    }
    struct command_result dirs = check_dirs(image, command, decision);
    if (dirs.error != KAFKA_NONE) {
        return dirs;
    }
    /* The same directories are locked by their process, so the one before is dead. Others are another machine that was
     * given the same id, unless the old one has been silent for a session. */
    const struct meta_broker *old = meta_broker(image, command->broker);
    assert(old == NULL || old->epoch >= 0);
    if (old != NULL && !old->fenced && dirs_shared(old, command) == 0 && !MUTANT(98) &&
        !uuid_eq(old->incarnation, command->incarnation) &&
        session_deadline(state, old->id) > now) {
        return result_of(
            KAFKA_DUPLICATE_BROKER_REGISTRATION,
            decision_text(
                decision,
                "Another broker is registered with that broker id. If the broker was recently "
                "restarted this should self-resolve once the heartbeat manager expires the broker's "
                "session."));
    }
    return (struct command_result){0};
}

static void broker_of(const struct register_broker_command *command, struct meta_broker *ret)
{
    *ret = (struct meta_broker){.id = command->broker,
                                .epoch = -1,
                                .incarnation = command->incarnation,
                                .rack = command->rack,
                                .endpoint_count = command->endpoint_count,
                                .dir_count = command->dir_count,
                                .fenced = true};
    assert(command->endpoint_count > 0 && command->dir_count > 0);
    memcpy(ret->endpoints, command->endpoints, sizeof(ret->endpoints));
    for (uint32_t i = 0; i < command->dir_count; i++) {
        ret->dirs[i] = command->dirs[i].id;
    }
}

/* cursor.inside: the first batch is written, and with it the old incarnation is fenced. */
static err_t register_incarnation(const struct controller_state *state,
                                  const struct register_broker_command *command,
                                  struct decision *decision)
{
    const struct meta_broker *old = meta_broker(controller_newest(state), command->broker);
    assert(old == NULL || !uuid_eq(old->incarnation, command->incarnation));
    struct meta_broker fresh;
    broker_of(command, &fresh);
    struct world world = world_of(state);
    world.broker = MUTANT(97) ? NULL : &fresh;
    struct sweep sweep = sweep_of(command->broker);
    sweep.registration = command;
    sweep.old_epoch = old == NULL ? -1 : old->epoch;
    sweep.old_dirs_all = old != NULL && dirs_shared(old, command) == old->dir_count;
    bool done;
    TRY(sweep_run(&world, &sweep, decision, 1, &done));
    decision->more = !done;
    assert(done || decision->batch.count > 0);
    if (done) {
        assert(fresh.fenced && fresh.epoch == -1);
        return decision_add_broker_first(decision, &fresh);
    }
    if (!decision->cursor.inside && old != NULL && !old->fenced) {
        struct meta_broker fenced = *old;
        fenced.fenced = true;
        TRY(decision_add_broker_first(decision, &fenced));
    }
    decision->cursor.inside = true;
    return OK;
}

err_t decide_register_broker(const struct controller_state *state, const struct command *command,
                             time_ms now, struct decision *decision)
{
    const struct register_broker_command *wants = &command->register_broker;
    struct register_broker_answer *answer = &decision->answer.register_broker;
    assert(wants->endpoint_count <= LISTENERS_MAX && wants->dir_count <= LOG_DIRS_MAX);
    if (!decision->cursor.inside) {
        answer->broker_epoch = -1;
        answer->result = check(state, wants, now, decision);
        if (answer->result.error != KAFKA_NONE) {
            return OK;
        }
        const struct meta_broker *old = meta_broker(controller_newest(state), wants->broker);
        if (old != NULL && (uuid_eq(old->incarnation, wants->incarnation) || MUTANT(34))) {
            answer->broker_epoch = old->epoch; /* our answer was lost; it asks again (M34) */
            return OK;
        }
    }
    TRY(register_incarnation(state, wants, decision));
    return decision->more ? OK : decision_note(decision, NOTE_REGISTERED, wants->broker, 0);
}

/* --- and the end of it --- */

err_t decide_unregister_broker(const struct controller_state *state, const struct command *command,
                               time_ms now, struct decision *decision)
{
    (void)now;
    int32_t id = command->unregister_broker.broker;
    const struct meta_broker *broker = meta_broker(controller_newest(state), id);
    if (broker == NULL) {
        assert(!decision->cursor.inside);
        decision->answer.result = result_of(
            KAFKA_BROKER_ID_NOT_REGISTERED,
            decision_text(decision, "Broker ID %d is not currently registered", id));
        return OK;
    }
    struct world world = world_of(state);
    assert(!decision->cursor.inside || broker->fenced);
    world.gone = id;
    struct sweep sweep = sweep_of(id);
    bool done;
    TRY(sweep_run(&world, &sweep, decision, 1, &done));
    decision->more = !done;
    if (done) {
        struct meta_record *gone = decision_add(decision, META_BROKER_GONE);
        ENSURE(gone != NULL, ERR_NO_MEMORY);
        assert(broker->id == id);
        gone->broker_gone = (struct meta_broker_gone){.id = id, .epoch = broker->epoch};
        return decision_note(decision, NOTE_GONE, id, 0);
    }
    if (!decision->cursor.inside && !broker->fenced) {
        struct meta_broker fenced = *broker;
        fenced.fenced = true;
        TRY(decision_add_broker_first(decision, &fenced));
    }
    decision->cursor.inside = true;
    return OK;
}
