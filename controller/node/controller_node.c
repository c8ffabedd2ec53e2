#include "controller/node/controller_node.h"

#include <stdio.h>

#include "common/log/meta_properties.h"
#include "common/log/small_file.h"
#include "common/port/clock.h"
#include "common/port/entropy.h"
#include "common/port/http.h"
#include "common/port/memory.h"
#include "controller/node/brokers.h"
#include "controller/node/formation.h"

#define OPEN_MAX         ((size_t)1 << 30)
#define BACKLOG          128
#define PATH_BYTES       1024
/* A leader that stops waits this long for another to take over. */
#define STOP_TRANSFER_US 300000
#define STOP_LOOK_US     2000

struct controller_node {
    struct host *host;
    struct loop *loop;
    struct heap heap;
    struct trace trace;
    struct controller_options options;
    struct quorum_options quorum_options;
    struct raft_node self;
    struct uuid incarnation;
    char cluster_id[CLUSTER_ID_MAX + 1];
    Odradek__Hello hello;
    Odradek__Node hello_node;
    struct disk_lock *lock;
    struct rpc rpc;
    struct net_listener *listener;
    struct http_server *http;
    struct arena opening; /* the durable state, until the quorum is open */
    struct raft_durable_state durable;
    struct raft_disk *disk;
    struct formation formation;
    bool forming;
    struct mail formed_mail;
    struct quorum *quorum;
    struct machine *machine;
    struct tail tail;
    struct brokers brokers;
    struct list links;
    struct trace_limit full_limit;
    struct trace_limit stranger_limit;
    bool halting;
    bool no_place; /* it never began to serve: a folder or a port */
    bool stopping;
    bool closed;
    struct mail stop_mail;
    struct timer stop_timer;
    time_us stop_by_us;
    void (*halted)(void *ctx);
    void *halted_ctx;
};

/* One accepted connection: of a peer or a broker. */
struct link {
    struct list_node node;
    struct controller_node *owner;
    struct rpc_conn *conn;
    int64_t since; /* what was committed when it was accepted: whatever came by it was said later */
    struct broker_link broker;
    int32_t said_broker; /* its Hello; META_NO_BROKER: a controller, or not heard yet */
    struct uuid said_incarnation;
};

static void node_halt(struct controller_node *n, const char *sentence)
{
    if (!n->halting) {
        n->halting = true;
        trace_log(&n->trace, TRACE_ERROR, TRACE_NODE, "%s", sentence);
        n->halted(n->halted_ctx);
    }
}

/* ---- callbacks of the rooms below ---- */

static void on_durable(void *ctx, uint64_t write)
{
    struct controller_node *n = ctx;
    assert(n->machine != NULL);
    if (n->quorum != NULL) {
        quorum_durable(n->quorum, write);
    }
}

static void on_snapshot_durable(void *ctx, raft_index index, raft_term term)
{
    struct controller_node *n = ctx;
    assert(n->machine != NULL);
    if (n->quorum != NULL) { /* a snapshot may be on its way to the disk while the node stops */
        quorum_snapshot_durable(n->quorum, index, term);
    }
}

static void on_failed(void *ctx, const char *sentence)
{
    node_halt(ctx, sentence);
}

static const struct raft_disk_events disk_events = {
    .durable = on_durable, .snapshot_durable = on_snapshot_durable, .failed = on_failed};

static void on_leading(void *ctx, raft_term term)
{
    struct controller_node *n = ctx;
    assert(n->machine != NULL);
    machine_leading(n->machine, term);
}

static void on_following(void *ctx, struct raft_node leader, raft_term term)
{
    struct controller_node *n = ctx;
    assert(n->machine != NULL);
    if (leader.id != RAFT_NO_ID) {
        trace_log(&n->trace, TRACE_INFO, TRACE_QUORUM, "following controller %d in epoch %d",
                  leader.id, term);
    }
    machine_following(n->machine);
}

static void on_committed(void *ctx, raft_index index, const struct raft_entry *entry)
{
    struct controller_node *n = ctx;
    assert(n->machine != NULL);
    machine_committed(n->machine, index, entry);
}

static void on_restored(void *ctx, const struct raft_snapshot *snapshot, struct slice body)
{
    struct controller_node *n = ctx;
    assert(n->machine != NULL);
    tail_end_all(&n->tail);
    machine_restored(n->machine, snapshot, body);
}

static const struct quorum_events quorum_events = {.leading = on_leading,
                                                   .following = on_following,
                                                   .committed = on_committed,
                                                   .restored = on_restored,
                                                   .halted = on_failed};

static void on_machine_committed(void *ctx, raft_index index, raft_term term, struct slice payload)
{
    struct controller_node *n = ctx;
    assert(n->machine != NULL);
    tail_committed(&n->tail, index, term, payload);
}

static void on_active(void *ctx, bool active)
{
    struct controller_node *n = ctx;
    assert(n->machine != NULL);
    if (!active) { /* brokers ask who is, and go there */
        tail_end_all(&n->tail);
    }
}

static const struct machine_events machine_events = {
    .committed = on_machine_committed, .active = on_active, .failed = on_failed};

/* ---- connections ---- */

static void link_drop(struct link *link)
{
    struct controller_node *n = link->owner;
    struct rpc_conn *conn = link->conn;
    if (n->quorum != NULL) {
        tail_end(&n->tail, conn);
    }
    rpc_close(conn);
    list_remove(&link->node);
    heap_free(&n->heap, link, sizeof(*link));
}

/* A broker has one control connection: what an older one still holds unread is never carried out after newer words, else a
 * given-up change of an in-sync set could follow a later one. Who only says its id is not it: the incarnation is drawn at
 * its start and known to nobody else. (An older incarnation's words have a stale epoch, but for its registration.) */
static void older_links_drop(struct controller_node *n, const struct link *newest)
{
    for (struct list_node *node = n->links.head.next, *next; node != &n->links.head; node = next) {
        next = node->next;
        struct link *link = CONTAINER_OF(node, struct link, node);
        if (link != newest && link->said_broker == newest->said_broker &&
            uuid_eq(link->said_incarnation, newest->said_incarnation)) {
            link_drop(link);
        }
    }
}

/* Another process of this broker has registered since the connection was made, here or with another controller: this one is dead,
 * and its word only comes now. It would end the session and the leaderships of the other one, and seats that it has taken. (Who
 * connected to us when we were behind is told so too, and connects again.) */
static bool outlived(const struct controller_node *n, const struct link *link,
                     const Odradek__Register *wants)
{
    const struct meta_broker *broker = meta_broker(controller_newest(machine_state(n->machine)),
                                                   wants->broker);
    struct uuid incarnation;
    return broker != NULL && broker->epoch > link->since &&
           rpc_uuid_read(wants->incarnation, &incarnation) == OK &&
           !uuid_eq(broker->incarnation, incarnation);
}

static void foreign_tell(struct controller_node *n, const struct rpc_conn *conn,
                         const Odradek__Hello *hello)
{
    uint32_t held;
    if (trace_limit_pass(&n->stranger_limit, loop_now_us(n->loop) / 1000, &held)) {
        trace_log(&n->trace, TRACE_WARN, TRACE_NODE,
                  "node %d at %s belongs to cluster %.64s, not to %s; refused (%u more like this)",
                  hello->node->id, rpc_peer(conn), hello->cluster_id, n->cluster_id, held);
    }
}

/* Whoever sends what is no frame is closed; one line a second says so. */
static void stranger_tell(struct controller_node *n, const struct rpc_conn *conn, err_t why)
{
    uint32_t held;
    bool strange = why == ERR_MALFORMED || why == ERR_TOO_LARGE || why == ERR_VERSION;
    if (strange && trace_limit_pass(&n->stranger_limit, loop_now_us(n->loop) / 1000, &held)) {
        trace_log(&n->trace, TRACE_WARN, TRACE_NODE,
                  "%s sends what no node of a cluster says (%s); connection closed (%u more like "
                  "this)",
                  rpc_peer(conn), err_text(why), held);
    }
}

static void link_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *hello)
{
    struct link *link = ctx;
    struct controller_node *n = link->owner;
    if (hello->cluster_id[0] != '\0' && n->cluster_id[0] != '\0' &&
        strcmp(hello->cluster_id, n->cluster_id) != 0) {
        foreign_tell(n, conn, hello);
        link->conn = conn;
        link_drop(link);
        return;
    }
    if (hello->role == ODRADEK__ROLE__ROLE_BROKER && n->quorum != NULL &&
        rpc_uuid_read(hello->incarnation, &link->said_incarnation) == OK) {
        link->said_broker = hello->node->id;
        older_links_drop(n, link);
    }
}

static void broker_frame(struct controller_node *n, struct link *link, struct rpc_conn *conn,
                         const Odradek__Frame *frame)
{
    if (machine_active(n->machine) && frame->body_case == ODRADEK__FRAME__BODY_REGISTER &&
        outlived(n, link, frame->register_)) {
        rpc_refuse(&n->rpc, rpc_asker_of(conn, frame), KAFKA_DUPLICATE_BROKER_REGISTRATION,
                   "another process of this broker has registered since this one connected");
        return;
    }
    brokers_frame(&n->brokers, &link->broker, conn, frame);
}

static void link_frame(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    struct link *link = ctx;
    struct controller_node *n = link->owner;
    switch (frame->body_case) {
    case ODRADEK__FRAME__BODY_RAFT:
        if (n->quorum != NULL) {
            quorum_receive(n->quorum, frame->raft);
        }
        break;
    case ODRADEK__FRAME__BODY_FORMATION_ASK: {
        struct raft_node node;
        if (n->quorum != NULL && raft_wire_node_read(frame->formation_ask->node, &node) == OK &&
            node.id >= 0 && frame->id == 0) {
            quorum_observe(n->quorum, node);
        }
        const struct raft_voters *voters = n->quorum == NULL
                                               ? NULL
                                               : raft_voters_now(quorum_raft(n->quorum));
        formation_tell(&n->rpc, conn, frame, n->disk, n->self, voters);
        break;
    }
    case ODRADEK__FRAME__BODY_FORMATION_PROPOSE:
        formation_proposed(&n->formation, conn, frame);
        break;
    default:
        if (n->quorum != NULL) {
            broker_frame(n, link, conn, frame);
        } else {
            rpc_refuse(&n->rpc, rpc_asker_of(conn, frame), KAFKA_NOT_CONTROLLER,
                       "the quorum is still being formed");
        }
    }
}

static void link_down(void *ctx, struct rpc_conn *conn, err_t why)
{
    struct link *link = ctx;
    struct controller_node *n = link->owner;
    list_remove(&link->node);
    stranger_tell(n, conn, why);
    if (n->quorum != NULL && !n->stopping) {
        brokers_down(&n->brokers, &link->broker, conn, why);
    }
    heap_free(&n->heap, link, sizeof(*link));
}

static const struct rpc_events link_events = {
    .up = link_up, .frame = link_frame, .down = link_down};

static void on_accept(void *ctx, struct net_conn *conn)
{
    struct controller_node *n = ctx;
    assert(n->machine != NULL);
    struct link *link = HEAP_NEW(&n->heap, struct link);
    if (link == NULL) {
        net_close(conn);
        return;
    }
    link->owner = n;
    link->since = meta_offset(machine_image(n->machine));
    link->broker = (struct broker_link){.broker = META_NO_BROKER, .epoch = -1};
    link->said_broker = META_NO_BROKER;
    list_push(&n->links, &link->node);
    if (rpc_accept(&n->rpc, conn, &link_events, link, &link->conn) != OK) {
        list_remove(&link->node);
        heap_free(&n->heap, link, sizeof(*link));
        net_close(conn);
    }
}

static void on_full(void *ctx, bool full, unsigned open, unsigned most)
{
    struct controller_node *n = ctx;
    uint32_t held;
    if (full && trace_limit_pass(&n->full_limit, loop_now_us(n->loop) / 1000, &held)) {
        trace_log(&n->trace, TRACE_WARN, TRACE_NODE,
                  "%u of at most %u connections are open: new ones wait until some end", open,
                  most);
    }
}

/* ---- starting ---- */

static err_t properties_save(const struct controller_node *n)
{
    struct meta_properties properties = {
        .version = 1, .node_id = n->options.node_id, .directory_id = n->self.directory};
    (void)snprintf(properties.cluster_id, sizeof(properties.cluster_id), "%s", n->cluster_id);
    return meta_properties_save(n->host, n->options.data_dir, &properties);
}

static err_t quorum_make(struct controller_node *n)
{
    const struct raft_founding *founding = raft_disk_founding(n->disk);
    assert(founding->cluster_id.n > 0 && founding->cluster_id.n < sizeof(n->cluster_id));
    ENSURE(n->cluster_id[0] == '\0' || slice_eq(slice_str(n->cluster_id), founding->cluster_id),
           ERR_FOREIGN);
    memcpy(n->cluster_id, founding->cluster_id.p, founding->cluster_id.n);
    n->cluster_id[founding->cluster_id.n] = '\0';
    n->hello.cluster_id = n->cluster_id;
    machine_set_cluster_id(n->machine, slice_str(n->cluster_id));
    TRY(properties_save(n));
    if (n->durable.snapshot.index == 0) {
        n->durable.snapshot.voters = founding->voters;
    }
    TRY(quorum_open(&n->rpc, &n->heap, &n->trace, &n->quorum_options, n->disk, &n->durable,
                    &quorum_events, n, &n->quorum));
    arena_release(&n->opening);
    machine_attach(n->machine, n->quorum);
    tail_init(&n->tail, &n->rpc, &n->heap, &n->trace, n->quorum, n->machine);
    brokers_init(&n->brokers, &n->rpc, &n->heap, &n->trace, n->quorum, n->machine, &n->tail);
    quorum_start(n->quorum, &n->quorum_options);
    return OK;
}

static void on_formed_mail(struct mail *mail)
{
    struct controller_node *n = CONTAINER_OF(mail, struct controller_node, formed_mail);
    if (n->closed) { /* it was told to stop before this letter came; what was founded is on disk */
        return;
    }
    formation_close(&n->formation);
    n->forming = false;
    err_t err = quorum_make(n);
    if (err != OK) {
        char sentence[256];
        (void)snprintf(sentence, sizeof(sentence), "the quorum cannot start in %s: %s",
                       n->options.data_dir, err_text(err));
        node_halt(n, sentence);
    }
}

/* Formation calls from inside of its own connections' events: go on when they have returned. */
static void on_formed(void *ctx)
{
    struct controller_node *n = ctx;
    assert(n->machine != NULL);
    n->formed_mail.deliver = on_formed_mail;
    loop_post(n->loop, &n->formed_mail);
}

static void on_http(void *ctx, const char *path, struct http_answer *answer)
{
    const struct controller_node *n = ctx;
    bool ready = n->quorum != NULL && quorum_raft(n->quorum) != NULL &&
                 (quorum_leading(n->quorum) ||
                  raft_leader(quorum_raft(n->quorum)).id != RAFT_NO_ID);
    http_health(answer, path, ready ? NULL : "no leader of the quorum is known yet");
}

/* meta.properties tells of a cluster and the folder of the metadata does not: that was taken away and this file was not. What the
 * directory has voted and acknowledged is forgotten, so it is another one from now on. */
static err_t identity_renew(struct controller_node *n)
{
    n->self.directory = entropy_uuid(n->host);
    n->quorum_options.raft.self = n->self;
    trace_log(
        &n->trace, TRACE_WARN, TRACE_NODE,
        "the metadata log that was in %s is gone; it is made anew from the other controllers, under "
        "another directory id",
        n->options.data_dir);
    return properties_save(n);
}

static err_t first_steps(struct controller_node *n)
{
    rpc_init(&n->rpc, n->loop, &n->heap, (struct hash_key){1, 2}, &n->hello);
    TRY(raft_disk_open(n->loop, &n->heap, n->options.data_dir, &disk_events, n, &n->opening,
                       &n->durable, &n->disk));
    struct machine_options machine = {.settings = n->options.settings,
                                      .snapshot_bytes = n->options.snapshot_bytes};
    entropy_fill(n->host, &machine.seed, sizeof(machine.seed));
    TRY(machine_open(n->loop, &n->heap, &n->trace, &machine, &machine_events, n, &n->machine));
    TRY(net_listen(n->loop, &n->options.listener, BACKLOG, on_accept, n, &n->listener));
    net_listener_watch(n->listener, on_full);
    if (n->options.has_admin) {
        TRY(http_listen(n->loop, &n->options.admin, on_http, n, &n->http));
    }
    if (raft_disk_founding(n->disk)->cluster_id.n > 0) {
        formation_settled(&n->formation, &n->rpc, &n->trace, n->disk, n->self);
        return quorum_make(n);
    }
    TRY(n->cluster_id[0] == '\0' ? OK : identity_renew(n));
    n->forming = true;
    formation_open(&n->formation, &n->rpc, &n->trace, n->disk, n->self, &n->quorum_options,
                   on_formed, n);
    return OK;
}

static const char *step_hint(err_t err)
{
    switch (err) {
    case ERR_EXISTS: return "the port is in use: stop what listens there, or change `listeners`";
    case ERR_CORRUPT:
        return "the metadata log or its snapshot is damaged: empty this controller's directory, and it is made anew "
               "from its peers";
    case ERR_UNREACHABLE:
        return "the listener's address is not one of this machine: correct `listeners`";
    case ERR_FOREIGN:
        return "meta.properties names another cluster than the metadata log: one of them was copied here";
    default: return "see the reason and try again";
    }
}

static void on_first(void *arg)
{
    struct controller_node *n = arg;
    err_t err = first_steps(n);
    if (err != OK) {
        char sentence[512];
        (void)snprintf(sentence, sizeof(sentence),
                       "controller %d cannot start on %s:%u with %s: %s; %s", n->options.node_id,
                       n->options.listener.host, n->options.listener.port, n->options.data_dir,
                       err_text(err), step_hint(err));
        n->no_place = true;
        node_halt(n, sentence);
    } else {
        trace_log(&n->trace, TRACE_INFO, TRACE_NODE, "listening on %s:%u", n->options.listener.host,
                  net_listener_port(n->listener));
    }
}

/* The folder's identity: made once, then kept. */
static err_t identity_load(struct controller_node *n, char *why, size_t why_bytes)
{
    struct meta_properties properties;
    err_t err = meta_properties_load(n->host, n->options.data_dir, &properties);
    if (err == ERR_NOT_FOUND) {
        properties = (struct meta_properties){.version = 1, .node_id = n->options.node_id};
    }
    bool ours = properties.node_id == n->options.node_id;
    if ((err == OK || err == ERR_NOT_FOUND) && ours && uuid_is_none(properties.directory_id)) {
        properties.directory_id = entropy_uuid(n->host); /* new, or of a Kafka before 3.7 */
        err = meta_properties_save(n->host, n->options.data_dir, &properties);
    }
    if (err != OK) {
        (void)snprintf(why, why_bytes, "%s/meta.properties: %s", n->options.data_dir,
                       err_text(err));
        return err;
    }
    if (properties.node_id != n->options.node_id) {
        (void)snprintf(
            why, why_bytes,
            "%s belongs to node %d, not to node.id=%d: correct node.id or log.dirs in the configuration",
            n->options.data_dir, properties.node_id, n->options.node_id);
        return ERR_FOREIGN;
    }
    n->self = (struct raft_node){.id = n->options.node_id, .directory = properties.directory_id};
    (void)snprintf(n->cluster_id, sizeof(n->cluster_id), "%s", properties.cluster_id);
    return OK;
}

static err_t folder_take(struct controller_node *n, char *why, size_t why_bytes)
{
    char path[PATH_BYTES];
    err_t err = small_file_folders(n->host, n->options.data_dir);
    if (err != OK) {
        (void)snprintf(
            why, why_bytes,
            err == ERR_NOT_FOUND
                ? "%s is no folder, or lies below a file (%s): choose another one in log.dirs"
                : "%s cannot be made: %s; make it, or choose another folder in log.dirs",
            n->options.data_dir, err_text(err));
        return err;
    }
    int length = snprintf(path, sizeof(path), "%s/.lock", n->options.data_dir);
    ENSURE(length > 0 && (size_t)length < sizeof(path), ERR_INVALID);
    err = disk_lock(n->host, path, &n->lock);
    if (err != OK) {
        (void)snprintf(
            why, why_bytes, "%s cannot be taken: %s; %s in log.dirs", n->options.data_dir,
            err_text(err),
            err == ERR_LOCKED
                ? "another process that lives has it; stop that one, or choose another folder"
                : "choose a folder that this user may write to");
        return err;
    }
    return identity_load(n, why, why_bytes);
}

static void node_free(struct controller_node *n)
{
    struct heap heap = n->heap; /* the node itself lies on it */
    disk_unlock(n->lock);
    arena_release(&n->opening);
    heap_release(&heap);
}

static void quorum_options_fill(struct controller_node *n)
{
    struct quorum_options *q = &n->quorum_options;
    raft_config_defaults(&q->raft, n->self);
    if (n->options.trailing_entries > 0) {
        q->raft.trailing_entries = n->options.trailing_entries;
    }
    bool given = n->options.election_min_ms > 0;
    raft_config_elections(&q->raft, given ? n->options.election_min_ms : q->raft.election_min_ms,
                          given ? n->options.election_max_ms : q->raft.election_max_ms,
                          n->options.backoff_max_ms > 0 ? n->options.backoff_max_ms
                                                        : q->raft.backoff_max_ms);
    memcpy(q->voters, n->options.voters, sizeof(q->voters));
    q->voter_count = n->options.voter_count;
    entropy_fill(n->host, &q->seed, sizeof(q->seed));
}

static void hello_fill(struct controller_node *n)
{
    odradek__hello__init(&n->hello);
    odradek__node__init(&n->hello_node);
    n->incarnation = entropy_uuid(n->host);
    n->hello_node.id = n->self.id;
    n->hello_node.directory = rpc_uuid(&n->self.directory);
    n->hello.role = ODRADEK__ROLE__ROLE_CONTROLLER;
    n->hello.node = &n->hello_node;
    n->hello.cluster_id = n->cluster_id;
    n->hello.incarnation = rpc_uuid(&n->incarnation);
}

err_t controller_node_start(struct host *host, const struct controller_options *options,
                            const struct trace *trace, void (*halted)(void *ctx), void *ctx,
                            char *ret_why, size_t why_bytes, struct controller_node **ret_node)
{
    struct heap heap;
    heap_init(&heap, memory_source(host), CONTROLLER_HEAP_MAX);
    struct controller_node *n = HEAP_NEW(&heap, struct controller_node);
    ENSURE(n != NULL, ERR_NO_MEMORY);
    n->heap = heap;
    n->host = host;
    n->trace = *trace;
    n->options = *options;
    n->halted = halted;
    n->halted_ctx = ctx;
    list_init(&n->links);
    arena_init(&n->opening, memory_source(host), 16384, OPEN_MAX);
    err_t err = folder_take(n, ret_why, why_bytes);
    err = err == OK ? loop_open(host, "controller", &n->loop) : err;
    if (err != OK) {
        node_free(n);
        return err;
    }
    quorum_options_fill(n);
    hello_fill(n);
    *ret_node = n;
    loop_start(n->loop, on_first, n);
    return OK;
}

bool controller_node_no_place(const struct controller_node *n)
{
    return n->no_place;
}

/* ---- stopping ---- */

static void rooms_close(struct controller_node *n)
{
    if (n->forming) {
        formation_close(&n->formation);
    }
    if (n->quorum != NULL) {
        tail_release(&n->tail);
        brokers_release(&n->brokers);
        machine_close(n->machine);
        quorum_close(n->quorum);
        n->quorum = NULL;
    } else {
        machine_close(n->machine);
    }
    rpc_release(&n->rpc);
    http_close(n->http);
    net_unlisten(n->listener);
}

/* Disk jobs under way come back to this loop, so it lives until they have. */
static void on_stop_timer(struct timer *timer)
{
    struct controller_node *n = CONTAINER_OF(timer, struct controller_node, stop_timer);
    if (n->quorum != NULL && controller_node_active(n) && loop_now_us(n->loop) < n->stop_by_us) {
        timer_arm(n->loop, timer, loop_now_us(n->loop) + STOP_LOOK_US);
        return;
    }
    if (!n->closed) {
        n->closed = true;
        rooms_close(n);
    }
    if (n->disk != NULL && raft_disk_busy(n->disk)) {
        timer_arm(n->loop, timer, loop_now_us(n->loop) + STOP_LOOK_US);
        return;
    }
    raft_disk_close(n->disk);
    n->disk = NULL;
    loop_stop(n->loop);
}

static void on_stop(struct mail *mail)
{
    struct controller_node *n = CONTAINER_OF(mail, struct controller_node, stop_mail);
    n->stopping = true;
    n->stop_by_us = loop_now_us(n->loop);
    if (controller_node_active(n) && raft_voters_now(quorum_raft(n->quorum))->count > 1) {
        n->stop_by_us += STOP_TRANSFER_US; /* there is somebody who could take over */
        quorum_transfer(n->quorum);
    }
    n->stop_timer.fire = on_stop_timer;
    on_stop_timer(&n->stop_timer);
}

void controller_node_stop(struct controller_node *n)
{
    n->stop_mail.deliver = on_stop;
    loop_post(n->loop, &n->stop_mail);
}

void controller_node_join(struct controller_node *n)
{
    loop_join(n->loop);
    node_free(n);
}

bool controller_node_active(const struct controller_node *n)
{
    return n->machine != NULL && machine_active(n->machine);
}

const struct meta_image *controller_node_image(const struct controller_node *n)
{
    return n->machine == NULL ? NULL : machine_image(n->machine);
}

const struct controller_state *controller_node_state(const struct controller_node *n)
{
    return machine_state(n->machine);
}

const struct raft *controller_node_raft(const struct controller_node *n)
{
    return n->quorum == NULL ? NULL : quorum_raft(n->quorum);
}
