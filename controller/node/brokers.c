#include "controller/node/brokers.h"

#include <stdio.h>

#include "common/log/meta_properties.h"
#include "controller/node/forward.h"

#define SUSPICION_WAIT_MS 50
#define SUSPICION_LOOKS   5
#define PARTITIONS_MAX    ((size_t)1 << 20)

void brokers_refuse_not_controller(struct brokers *b, struct rpc_asker asker)
{
    struct net_address address;
    struct raft_node leader = quorum_leader(b->quorum, &address);
    Odradek__Node node = ODRADEK__NODE__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.error = KAFKA_NOT_CONTROLLER;
    frame.error_text = (char *)"not the active controller";
    if (leader.id != RAFT_NO_ID && address.port != 0) {
        node.id = leader.id;
        node.directory = rpc_uuid(&leader.directory);
        frame.leader = &node;
        frame.leader_host = address.host;
        frame.leader_port = address.port;
    }
    rpc_answer(b->rpc, asker, &frame);
}

static void refuse_text(struct brokers *b, struct rpc_asker asker, enum kafka_error error,
                        struct slice message)
{
    char text[512];
    (void)snprintf(text, sizeof(text), "%.*s", (int)min_i64((int64_t)message.n, sizeof(text) - 1),
                   message.p == NULL ? "" : (const char *)message.p);
    rpc_refuse(b->rpc, asker, error, message.p == NULL ? kafka_error_name(error) : text);
}

/* ---- answers ---- */

/* Whether the order ended with an answer and that is no error; else the asker was told. */
static bool answer_good(struct brokers *b, struct order *order, const struct answer *answer,
                        enum kafka_error error, struct slice message)
{
    if (answer == NULL) {
        brokers_refuse_not_controller(b, order->asker);
        return false;
    }
    if (error != KAFKA_NONE) {
        refuse_text(b, order->asker, error, message);
        return false;
    }
    return true;
}

static void registered(void *machine_ctx, struct order *order, const struct answer *answer)
{
    struct brokers *b = order->ctx;
    assert(b != NULL && order->answer != NULL);
    (void)machine_ctx;
    const struct register_broker_answer *r = answer == NULL ? NULL : &answer->register_broker;
    if (!answer_good(b, order, answer, r == NULL ? KAFKA_NONE : r->result.error,
                     r == NULL ? (struct slice){0} : r->result.message)) {
        return;
    }
    char cluster_id[CLUSTER_ID_MAX + 1] = "";
    struct slice id = meta_cluster_id(machine_image(b->machine));
    assert(id.n < sizeof(cluster_id));
    memcpy(cluster_id, id.p, id.n);
    Odradek__Registered body = ODRADEK__REGISTERED__INIT;
    body.epoch = r->broker_epoch;
    body.cluster_id = cluster_id;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_REGISTERED;
    frame.registered = &body;
    rpc_answer(b->rpc, order->asker, &frame);
    const struct register_broker_command *command = &order->command.register_broker;
    trace_log(b->trace, TRACE_INFO, TRACE_CONTROL,
              "broker %d registered with epoch %lld; fenced until it has caught up",
              command->broker, (long long)r->broker_epoch);
}

static void heartbeaten(void *machine_ctx, struct order *order, const struct answer *answer)
{
    struct brokers *b = order->ctx;
    assert(b != NULL && order->answer != NULL);
    (void)machine_ctx;
    const struct heartbeat_answer *h = answer == NULL ? NULL : &answer->heartbeat;
    if (!answer_good(b, order, answer, h == NULL ? KAFKA_NONE : h->result.error,
                     h == NULL ? (struct slice){0} : h->result.message)) {
        return;
    }
    Odradek__Heartbeaten body = ODRADEK__HEARTBEATEN__INIT;
    body.fenced = h->fenced;
    body.should_shut_down = h->should_shut_down;
    body.caught_up = h->caught_up;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_HEARTBEATEN;
    frame.heartbeaten = &body;
    rpc_answer(b->rpc, order->asker, &frame);
}

static void done_answer(struct brokers *b, struct rpc_asker asker)
{
    Odradek__Done done = ODRADEK__DONE__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_DONE;
    frame.done = &done;
    rpc_answer(b->rpc, asker, &frame);
}

/* A replica that is lost keeps its seat where that was said by an older image; and its broker stays fenced only until it is heard. */
static enum kafka_error words_error(const struct order *order, const struct replicas_answer *answer)
{
    enum kafka_error error = answer->error;
    bool lost = order->command.kind == COMMAND_REPLICAS_LOST;
    for (uint32_t i = 0; i < answer->count && lost && error == KAFKA_NONE; i++) {
        bool late = answer->results[i] == KAFKA_INVALID_UPDATE_VERSION;
        error = late ? KAFKA_INVALID_UPDATE_VERSION : KAFKA_NONE;
    }
    return error;
}

/* Other single partitions may be refused because they changed meanwhile: the broker sees that in its image and asks anew. */
static void replicas_answered(void *machine_ctx, struct order *order, const struct answer *answer)
{
    struct brokers *b = order->ctx;
    assert(b != NULL && order->answer != NULL);
    (void)machine_ctx;
    if (answer_good(b, order, answer,
                    answer == NULL ? KAFKA_NONE : words_error(order, &answer->replicas),
                    (struct slice){0})) {
        done_answer(b, order->asker);
    }
}

static void isr_altered(void *machine_ctx, struct order *order, const struct answer *answer)
{
    struct brokers *b = order->ctx;
    assert(b != NULL && order->answer != NULL);
    (void)machine_ctx;
    const struct alter_partition_answer *a = answer == NULL ? NULL : &answer->alter_partition;
    enum kafka_error error = a == NULL ? KAFKA_NONE : a->error;
    if (a != NULL && error == KAFKA_NONE) {
        assert(a->count == 1);
        error = a->results[0].error;
    }
    if (!answer_good(b, order, answer, error, (struct slice){0})) {
        return;
    }
    Odradek__IsrAltered body = ODRADEK__ISR_ALTERED__INIT;
    body.leader_epoch = a->results[0].leader_epoch;
    body.partition_epoch = a->results[0].partition_epoch;
    body.isr = a->results[0].isr.id;
    body.n_isr = a->results[0].isr.count;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_ISR_ALTERED;
    frame.isr_altered = &body;
    rpc_answer(b->rpc, order->asker, &frame);
}

static void producer_ids_allocated(void *machine_ctx, struct order *order,
                                   const struct answer *answer)
{
    struct brokers *b = order->ctx;
    assert(b != NULL && order->answer != NULL);
    (void)machine_ctx;
    const struct allocate_producer_ids_answer *a = answer == NULL ? NULL
                                                                  : &answer->allocate_producer_ids;
    if (!answer_good(b, order, answer, a == NULL ? KAFKA_NONE : a->error, (struct slice){0})) {
        return;
    }
    Odradek__ProducerIds body = ODRADEK__PRODUCER_IDS__INIT;
    body.first = a->first_id;
    body.count = a->count;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_PRODUCER_IDS;
    frame.producer_ids = &body;
    rpc_answer(b->rpc, order->asker, &frame);
}

/* ---- requests ---- */

static err_t copy_text(struct arena *arena, const char *from, struct slice *ret_text)
{
    ENSURE(arena_copy(arena, slice_str(from), ret_text), ERR_NO_MEMORY);
    return OK;
}

static err_t endpoints_read(const Odradek__Register *from, struct register_broker_command *to,
                            struct arena *arena)
{
    ENSURE(from->n_endpoints > 0 && from->n_endpoints <= LISTENERS_MAX, ERR_MALFORMED);
    for (size_t i = 0; i < from->n_endpoints; i++) {
        const Odradek__Endpoint *e = from->endpoints[i];
        struct meta_endpoint *endpoint = &to->endpoints[i];
        ENSURE(e->port > 0 && e->port <= UINT16_MAX && strlen(e->host) <= HOST_NAME_MAX_BYTES,
               ERR_MALFORMED);
        TRY(copy_text(arena, e->listener, &endpoint->listener));
        TRY(copy_text(arena, e->host, &endpoint->host));
        endpoint->port = (uint16_t)e->port;
        endpoint->security_protocol = (int16_t)e->security_protocol;
    }
    to->endpoint_count = (uint32_t)from->n_endpoints;
    return OK;
}

static err_t dirs_read(const Odradek__Register *from, struct register_broker_command *to)
{
    static const enum dir_condition conditions[] = {
        [ODRADEK__DIR_STATE__DIR_CLEAN] = DIR_CLEAN,
        [ODRADEK__DIR_STATE__DIR_CRASHED_THIS_BOOT] = DIR_CRASHED,
        [ODRADEK__DIR_STATE__DIR_CRASHED_OTHER_BOOT] = DIR_CRASHED_OTHER_BOOT,
        [ODRADEK__DIR_STATE__DIR_NEW] = DIR_CLEAN};
    ENSURE(from->n_dirs > 0 && from->n_dirs <= LOG_DIRS_MAX, ERR_MALFORMED);
    for (size_t i = 0; i < from->n_dirs; i++) {
        ENSURE((size_t)from->dirs[i]->state < ARRAY_LEN(conditions), ERR_MALFORMED);
        TRY(rpc_uuid_read(from->dirs[i]->id, &to->dirs[i].id));
        to->dirs[i].condition = conditions[from->dirs[i]->state];
        to->dirs[i].this_boot = from->dirs[i]->this_boot;
    }
    to->dir_count = (uint32_t)from->n_dirs;
    return OK;
}

static err_t register_read(struct order *order, const Odradek__Register *from)
{
    struct register_broker_command *to = &order->command.register_broker;
    order->command.kind = COMMAND_REGISTER_BROKER;
    ENSURE(from->broker >= 0, ERR_MALFORMED);
    to->broker = from->broker;
    to->previous_epoch = from->previous_epoch;
    TRY(rpc_uuid_read(from->incarnation, &to->incarnation));
    if (from->cluster_id[0] != '\0') {
        TRY(copy_text(&order->arena, from->cluster_id, &to->cluster_id));
    }
    if (from->has_rack) {
        TRY(copy_text(&order->arena, from->rack, &to->rack));
    }
    TRY(endpoints_read(from, to, &order->arena));
    TRY(dirs_read(from, to));
    order->answer = registered;
    return OK;
}

static err_t heartbeat_read(struct order *order, const Odradek__Heartbeat *from)
{
    struct heartbeat_command *to = &order->command.heartbeat;
    order->command.kind = COMMAND_HEARTBEAT;
    to->broker = from->broker;
    to->broker_epoch = from->epoch;
    to->metadata_offset = from->metadata_offset;
    to->want_fence = from->want_fence;
    to->want_shutdown = from->want_shutdown;
    ENSURE(from->n_offline_dirs <= LOG_DIRS_MAX, ERR_MALFORMED);
    for (size_t i = 0; i < from->n_offline_dirs; i++) {
        TRY(rpc_uuid_read(from->offline_dirs[i], &to->offline_dirs[i]));
    }
    to->offline_dir_count = (uint32_t)from->n_offline_dirs;
    order->answer = heartbeaten;
    return OK;
}

static err_t refs_read(struct arena *arena, Odradek__TopicPartition *const *from, size_t count,
                       struct partition_ref **ret_refs)
{
    ENSURE(count <= PARTITIONS_MAX, ERR_TOO_LARGE);
    struct partition_ref *refs = arena_array(arena, count, sizeof(*refs));
    ENSURE(refs != NULL, ERR_NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        TRY(rpc_uuid_read(from[i]->topic, &refs[i].topic));
        refs[i].partition = from[i]->partition;
    }
    *ret_refs = refs;
    return OK;
}

static err_t replicas_read(struct order *order, enum command_kind kind, int32_t broker,
                           int64_t epoch, Odradek__TopicPartition *const *from, size_t count)
{
    struct partition_ref *refs;
    TRY(refs_read(&order->arena, from, count, &refs));
    order->command.kind = kind;
    order->command.replicas = (struct replicas_command){
        .broker = broker, .broker_epoch = epoch, .entries = refs, .count = (uint32_t)count};
    order->answer = replicas_answered;
    return OK;
}

/* Behind replicas_read: as many epochs. */
static err_t epochs_read(struct order *order, const int32_t *from, size_t count)
{
    struct replicas_command *command = &order->command.replicas;
    ENSURE(count == command->count, ERR_MALFORMED);
    int32_t *epochs = arena_array(&order->arena, count, sizeof(*epochs));
    ENSURE(epochs != NULL, ERR_NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        epochs[i] = from[i];
    }
    command->epochs = epochs;
    return OK;
}

/* Without epochs from brokers of an older version. */
static err_t lost_read(struct order *order, const Odradek__ReplicasLost *from)
{
    TRY(replicas_read(order, COMMAND_REPLICAS_LOST, from->broker, from->epoch, from->partitions,
                      from->n_partitions));
    return from->n_partition_epochs == 0
               ? OK
               : epochs_read(order, from->partition_epochs, from->n_partition_epochs);
}

static err_t rotten_read(struct order *order, const Odradek__ReplicasRotten *from)
{
    TRY(replicas_read(order, COMMAND_REPLICAS_ROTTEN, from->broker, from->epoch, from->partitions,
                      from->n_partitions));
    return epochs_read(order, from->leader_epochs, from->n_leader_epochs);
}

static err_t synced_read(struct order *order, const Odradek__ReplicasSynced *from)
{
    TRY(replicas_read(order, COMMAND_REPLICAS_SYNCED, from->broker, from->epoch, from->partitions,
                      from->n_partitions));
    return epochs_read(order, from->partition_epochs, from->n_partition_epochs);
}

static err_t assign_read(struct order *order, const Odradek__AssignDirs *from)
{
    struct partition_ref *refs;
    struct uuid dir;
    TRY(refs_read(&order->arena, from->partitions, from->n_partitions, &refs));
    TRY(rpc_uuid_read(from->dir, &dir));
    struct assign_dirs_entry *entries = arena_array(&order->arena, from->n_partitions,
                                                    sizeof(*entries));
    ENSURE(entries != NULL, ERR_NO_MEMORY);
    for (size_t i = 0; i < from->n_partitions; i++) {
        entries[i].at = refs[i];
        entries[i].dir = dir;
    }
    order->command.kind = COMMAND_ASSIGN_DIRS;
    order->command.assign_dirs = (struct assign_dirs_command){from->broker, from->epoch, entries,
                                                              (uint32_t)from->n_partitions};
    order->answer = replicas_answered;
    return OK;
}

static err_t alter_isr_read(struct order *order, const Odradek__AlterIsr *from)
{
    struct alter_partition_entry *entry = ARENA_NEW(&order->arena, struct alter_partition_entry);
    ENSURE(entry != NULL, ERR_NO_MEMORY);
    ENSURE(from->partition != NULL && from->n_isr <= REPLICAS_MAX, ERR_MALFORMED);
    TRY(rpc_uuid_read(from->partition->topic, &entry->at.topic));
    entry->at.partition = from->partition->partition;
    entry->leader_epoch = from->leader_epoch;
    entry->partition_epoch = from->partition_epoch;
    entry->isr_count = (uint32_t)from->n_isr;
    for (size_t i = 0; i < from->n_isr; i++) {
        entry->isr[i].broker = from->isr[i]->id;
        entry->isr[i].epoch = from->isr[i]->broker_epoch;
    }
    entry->recovery = from->recovering ? META_RECOVERING : META_RECOVERED;
    entry->min_isr = from->min_isr;
    order->command.kind = COMMAND_ALTER_PARTITION;
    order->command.alter_partition = (struct alter_partition_command){from->broker, from->epoch,
                                                                      entry, 1};
    order->answer = isr_altered;
    return OK;
}

static err_t order_read(struct order *order, const Odradek__Frame *frame)
{
    switch (frame->body_case) {
    case ODRADEK__FRAME__BODY_REGISTER: return register_read(order, frame->register_);
    case ODRADEK__FRAME__BODY_HEARTBEAT: return heartbeat_read(order, frame->heartbeat);
    case ODRADEK__FRAME__BODY_REPLICAS_LOST: return lost_read(order, frame->replicas_lost);
    case ODRADEK__FRAME__BODY_REPLICAS_ROTTEN: return rotten_read(order, frame->replicas_rotten);
    case ODRADEK__FRAME__BODY_REPLICAS_SYNCED: return synced_read(order, frame->replicas_synced);
    case ODRADEK__FRAME__BODY_ASSIGN_DIRS: return assign_read(order, frame->assign_dirs);
    case ODRADEK__FRAME__BODY_ALTER_ISR: return alter_isr_read(order, frame->alter_isr);
    case ODRADEK__FRAME__BODY_ALLOCATE_PRODUCER_IDS:
        order->command.kind = COMMAND_ALLOCATE_PRODUCER_IDS;
        order->command.allocate_producer_ids = (struct allocate_producer_ids_command){
            frame->allocate_producer_ids->broker, frame->allocate_producer_ids->epoch};
        order->answer = producer_ids_allocated;
        return OK;
    case ODRADEK__FRAME__BODY_FORWARD: return forward_order_read(order, frame->forward);
    default: return ERR_UNSUPPORTED;
    }
}

static void link_note(struct broker_link *link, const Odradek__Frame *frame)
{
    if (frame->body_case == ODRADEK__FRAME__BODY_HEARTBEAT) {
        link->broker = frame->heartbeat->broker;
        link->epoch = frame->heartbeat->epoch;
    }
}

static void suspects_heard(struct brokers *b, const struct broker_link *link);

/* Somebody else leads and we do not know it yet: what this broker has was committed in a later term than ours, or it is an entry of
 * ours that we do not know to be committed. (Whoever leads in a term has every entry of it.) */
static bool deposed_for(const struct brokers *b, const Odradek__Tail *at)
{
    const struct raft *raft = quorum_raft(b->quorum);
    raft_term term = raft_current_term(raft);
    if (at->epoch != term) {
        return at->epoch > term;
    }
    return at->offset > quorum_applied(b->quorum) && at->offset <= raft_last_index(raft);
}

void brokers_frame(struct brokers *b, struct broker_link *link, struct rpc_conn *conn,
                   const Odradek__Frame *frame)
{
    struct rpc_asker asker = rpc_asker_of(conn, frame);
    /* Its tail ended when this controller resigned, and it has not heard of that: it is to subscribe anew. What it asked before may
     * have been answered elsewhere meanwhile, and be wrong by now: a change of an in-sync set was given up, a lost replica made
     * anew, a topic deleted and created again. */
    bool first = frame->body_case == ODRADEK__FRAME__BODY_REGISTER ||
                 frame->body_case == ODRADEK__FRAME__BODY_TAIL;
    bool deaf = !first && !tail_follows(b->tail, conn);
    bool deposed = frame->body_case == ODRADEK__FRAME__BODY_TAIL && deposed_for(b, frame->tail);
    if (!machine_active(b->machine) || deaf || deposed) {
        brokers_refuse_not_controller(b, asker);
        return;
    }
    if (frame->body_case == ODRADEK__FRAME__BODY_TAIL) {
        tail_subscribe(b->tail, conn, frame);
        return;
    }
    err_t err = frame->body_case == ODRADEK__FRAME__BODY_FORWARD
                    ? describe_quorum_answer(b, asker, frame->forward)
                    : ERR_UNSUPPORTED;
    if (err == OK) {
        return;
    }
    struct order *order = err == ERR_UNSUPPORTED ? order_new(b->machine) : NULL;
    err = order != NULL ? OK : err == ERR_UNSUPPORTED ? ERR_NO_MEMORY : err;
    if (err == OK) {
        order->asker = asker;
        order->ctx = b;
        err = order_read(order, frame);
    }
    if (err != OK) {
        if (order != NULL) {
            order_free(b->machine, order);
        }
        rpc_refuse(b->rpc, asker, KAFKA_INVALID_REQUEST, err_text(err));
        return;
    }
    link_note(link, frame);
    suspects_heard(b, link);
    machine_submit(b->machine, order);
}

/* ---- suspicion ---- */

struct suspect {
    struct list_node node;
    struct brokers *brokers;
    struct broker_link link;
    struct net_conn *dial; /* NULL: it has ended */
    struct timer timer;
    uint32_t looks; /* that found it listening, or nothing */
};

static void suspect_free(struct suspect *suspect)
{
    struct brokers *b = suspect->brokers;
    list_remove(&suspect->node);
    timer_cancel(b->rpc->loop, &suspect->timer);
    if (suspect->dial != NULL) {
        net_close(suspect->dial);
    }
    heap_free(b->heap, suspect, sizeof(*suspect));
}

static void suspect_judge(struct suspect *suspect, bool refused, const char *why)
{
    struct brokers *b = suspect->brokers;
    struct order *order = order_new(b->machine);
    if (order != NULL) {
        trace_log(b->trace, TRACE_INFO, TRACE_CONTROL,
                  "broker %d: control connection ended and %s; suspecting it", suspect->link.broker,
                  why);
        order->command.kind = COMMAND_SUSPECT;
        order->command.suspect = (struct suspect_command){suspect->link.broker, suspect->link.epoch,
                                                          refused};
        machine_submit(b->machine, order);
    }
    suspect_free(suspect);
}

static void on_dial_opened(void *ctx)
{
    struct suspect *suspect =
        ctx; /* it listens: now it has 50 ms from the start to send a heartbeat */
    net_close(suspect->dial);
    suspect->dial = NULL;
}

static void on_dial_bytes(void *ctx, const uint8_t *p, size_t n)
{
    (void)ctx;
    (void)p;
    (void)n;
}

static void on_dial_closed(void *ctx, err_t why)
{
    struct suspect *suspect = ctx;
    suspect->dial = NULL;
    if (why == ERR_REFUSED) {
        suspect_judge(suspect, true, "its listener refuses connections");
    }
}

static const struct net_events dial_events = {
    .opened = on_dial_opened, .bytes = on_dial_bytes, .closed = on_dial_closed};

static bool endpoint_address(const struct meta_broker *broker, struct net_address *ret_address)
{
    if (broker == NULL || broker->endpoint_count == 0 ||
        broker->endpoints[0].host.n > HOST_NAME_MAX_BYTES) {
        return false;
    }
    *ret_address = (struct net_address){.port = broker->endpoints[0].port};
    memcpy(ret_address->host, broker->endpoints[0].host.p, broker->endpoints[0].host.n);
    return true;
}

/* Dials, unless a dial is out; the next look comes soon. A process that is being killed closes its descriptors one after the
 * other, and its listener may outlive our connection by milliseconds: that it is gone is seen by looking again. */
static void suspect_look(struct suspect *suspect)
{
    struct brokers *b = suspect->brokers;
    struct net_address address;
    const struct meta_broker *broker = meta_broker(machine_image(b->machine), suspect->link.broker);
    assert(suspect->looks < SUSPICION_LOOKS);
    timer_arm(b->rpc->loop, &suspect->timer,
              loop_now_us(b->rpc->loop) + SUSPICION_WAIT_MS * 1000 / SUSPICION_LOOKS);
    if (suspect->dial == NULL && endpoint_address(broker, &address) &&
        net_dial(b->rpc->loop, &address, &dial_events, suspect, &suspect->dial) != OK) {
        suspect->dial = NULL;
    }
}

static void on_suspect_timer(struct timer *timer)
{
    struct suspect *suspect = CONTAINER_OF(timer, struct suspect, timer);
    if (++suspect->looks == SUSPICION_LOOKS) {
        suspect_judge(suspect, false, "no heartbeat came on a new one");
    } else {
        suspect_look(suspect);
    }
}

static void suspects_heard(struct brokers *b, const struct broker_link *link)
{
    for (struct list_node *node = b->suspects.head.next, *next; node != &b->suspects.head;
         node = next) {
        next = node->next;
        struct suspect *suspect = CONTAINER_OF(node, struct suspect, node);
        if (suspect->link.broker == link->broker) {
            suspect_free(suspect);
        }
    }
}

void brokers_down(struct brokers *b, const struct broker_link *link, const struct rpc_conn *conn,
                  err_t why)
{
    tail_end(b->tail, conn);
    if (link->broker == META_NO_BROKER || why != ERR_CLOSED || !machine_active(b->machine)) {
        return;
    }
    struct net_address address;
    /* As it was decided: the heartbeat that unfenced it may have been its last, and not be committed yet. */
    const struct meta_broker *broker = meta_broker(controller_newest(machine_state(b->machine)),
                                                   link->broker);
    if (!endpoint_address(broker, &address) || broker->fenced || broker->epoch != link->epoch) {
        return;
    }
    struct suspect *suspect = HEAP_NEW(b->heap, struct suspect);
    if (suspect == NULL) {
        return; /* the session time-out will find it */
    }
    suspect->brokers = b;
    suspect->link = *link;
    suspect->timer.fire = on_suspect_timer;
    list_push(&b->suspects, &suspect->node);
    if (MUTANT(91)) {
        suspect_judge(suspect, true, "that counts as its death");
        return;
    }
    suspect_look(suspect);
}

void brokers_init(struct brokers *b, struct rpc *rpc, struct heap *heap, struct trace *trace,
                  struct quorum *quorum, struct machine *machine, struct tail *tail)
{
    *b = (struct brokers){.rpc = rpc,
                          .heap = heap,
                          .trace = trace,
                          .quorum = quorum,
                          .machine = machine,
                          .tail = tail};
    list_init(&b->suspects);
}

void brokers_release(struct brokers *b)
{
    while (!list_empty(&b->suspects)) {
        suspect_free(CONTAINER_OF(list_first(&b->suspects), struct suspect, node));
    }
}
