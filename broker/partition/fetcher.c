/* Rooms, connections, and which partition is asked for where. */
#include <stdio.h>

#include "broker/partition/fetcher.h"

#define ROOM_HEAP_MAX    ((size_t)4 << 30)
#define ROOM_ARENA_CHUNK ((size_t)64 << 10)
#define FOLLOW_KEY_BYTES 20

static struct slice follow_key(struct uuid topic, int32_t index, uint8_t *room)
{
    memcpy(room, topic.b, sizeof(topic.b));
    memcpy(room + sizeof(topic.b), &index, sizeof(index));
    return slice_of(room, sizeof(topic.b) + sizeof(index));
}

static time_ms room_now_ms(const struct fetch_room *room)
{
    return partitions_now_ms(room->table);
}

/* ---- the connection ---- */

static void arm(struct fetcher *fetcher, time_ms after_ms)
{
    timer_cancel(fetcher->room->loop, &fetcher->timer);
    timer_arm(fetcher->room->loop, &fetcher->timer,
              loop_now_us(fetcher->room->loop) + after_ms * 1000);
}

static void rest(struct fetcher *fetcher)
{
    arm(fetcher, fetcher->rest_ms);
    fetcher->rest_ms = min_i64(2 * fetcher->rest_ms, fetcher_rest_max_ms(fetcher));
}

static void dial(struct fetcher *fetcher)
{
    struct net_address address;
    assert(!fetcher->dialling && !fetcher->up);
    fetcher->redial = false;
    fetcher->changed = false;
    if (!table_peer(fetcher->room->table, fetcher->leader, &address) ||
        client_conn_open(&fetcher->conn, &address) != OK) {
        rest(fetcher);
        return;
    }
    fetcher->dialling = true;
}

static void hang_up(struct fetcher *fetcher)
{
    client_conn_close(&fetcher->conn);
    fetcher->dialling = false;
    fetcher->up = false;
    fetcher_forget_calls(fetcher);
}

static void conn_opened(struct client_conn *conn)
{
    struct fetcher *fetcher = CONTAINER_OF(conn, struct fetcher, conn);
    fetcher->dialling = false;
    fetcher->up = true;
    fetcher_forget_calls(fetcher);
    fetcher_poll(fetcher);
}

static void conn_closed(struct client_conn *conn, err_t why)
{
    struct fetcher *fetcher = CONTAINER_OF(conn, struct fetcher, conn);
    uint32_t held;
    fetcher->dialling = false;
    fetcher->up = false;
    fetcher_forget_calls(fetcher);
    if (trace_limit_pass(&fetcher->limit, room_now_ms(fetcher->room), &held)) {
        trace_log(
            fetcher->room->table->config.trace, TRACE_INFO, TRACE_FETCHER,
            "The connection to broker %d, which leads %u partitions followed here, has ended (%s); dialling again.",
            fetcher->leader, fetcher->follow_count, err_text(why));
    }
    rest(fetcher);
}

/* While its leader is not there, partitions that follow somebody else now, or nobody, leave; the last one ends it. */
static void prune(struct fetcher *fetcher)
{
    for (struct list_node *node = fetcher->follows.head.next, *next; node != &fetcher->follows.head;
         node = next) {
        struct follow *follow = CONTAINER_OF(node, struct follow, node);
        struct replica_fetch_plan plan;
        bool urgent;
        next = node->next;
        bool planned = partition_plan_now(follow->partition, &plan, &urgent);
        if (!planned || plan.leader != fetcher->leader) {
            fetcher_remove(follow, planned);
        } else {
            follow->urgent = follow->urgent || urgent; /* the question took the word away */
        }
    }
}

static void timer_fired(struct timer *timer)
{
    struct fetcher *fetcher = CONTAINER_OF(timer, struct fetcher, timer);
    if (fetcher->up && fetcher->poll_out) {
        trace_log(fetcher->room->table->config.trace, TRACE_WARN, TRACE_FETCHER,
                  "Broker %d has not answered a fetch in time; dialling it again.",
                  fetcher->leader);
        hang_up(fetcher);
    }
    if (!fetcher->up && !fetcher->dialling) {
        prune(fetcher);
    }
    if (!fetcher->up && !fetcher->dialling && !list_empty(&fetcher->follows)) {
        dial(fetcher);
    } else if (fetcher->up) {
        fetcher_poll(fetcher);
    }
}

/* ---- fetchers of a room ---- */

static void fetcher_free(struct fetcher *fetcher)
{
    struct fetch_room *room = fetcher->room;
    assert(list_empty(&fetcher->follows));
    hang_up(fetcher);
    timer_cancel(room->loop, &fetcher->timer);
    map_release(&fetcher->by_id);
    list_remove(&fetcher->node);
    heap_free(&room->heap, fetcher, sizeof(*fetcher));
}

/* For what changed. */
static bool may_redial(struct fetcher *fetcher)
{
    time_ms now = room_now_ms(fetcher->room);
    if (now - fetcher->redials_since_ms >= fetcher->room->table->config.fetch_wait_max_ms) {
        fetcher->redials_since_ms = now;
        fetcher->redials = 0;
    }
    return fetcher->redials < FETCH_REDIALS_MAX;
}

/* All looks of a turn are answered with one request. */
static void turn_ended(struct turn_end *turn_end)
{
    struct fetcher *fetcher = CONTAINER_OF(turn_end, struct fetcher, turn_end);
    if (fetcher->room->stopping) {
        return;
    }
    if (list_empty(&fetcher->follows)) {
        fetcher_free(fetcher);
        return;
    }
    bool changed = fetcher->changed && may_redial(fetcher);
    if ((fetcher->redial || changed) && fetcher->poll_out) {
        hang_up(fetcher);
        fetcher->redials += changed ? 1 : 0;
    }
    fetcher->redial = false;
    fetcher->changed = false;
    if (!fetcher->up && !fetcher->dialling) {
        timer_cancel(fetcher->room->loop, &fetcher->timer);
        dial(fetcher);
    } else if (fetcher->up && !fetcher->poll_out) {
        fetcher_poll(fetcher);
    } else if (fetcher->up) {
        fetcher_update(fetcher);
    }
}

static struct fetcher *fetcher_find(struct fetch_room *room, int32_t leader)
{
    LIST_EACH(&room->fetchers, node)
    {
        struct fetcher *fetcher = CONTAINER_OF(node, struct fetcher, node);
        if (fetcher->leader == leader) {
            return fetcher;
        }
    }
    struct fetcher *fetcher = HEAP_NEW(&room->heap, struct fetcher);
    if (fetcher == NULL) {
        return NULL;
    }
    fetcher->room = room;
    fetcher->leader = leader;
    fetcher->rest_ms = FETCH_REST_MIN_MS;
    fetcher->timer.fire = timer_fired;
    fetcher->turn_end.run = turn_ended;
    list_init(&fetcher->follows);
    map_init(&fetcher->by_id, &room->heap, room->table->config.hash_key);
    client_conn_init(&fetcher->conn, room->loop, &room->heap, slice_str(room->client_id),
                     FETCH_FRAME_MAX, conn_opened, conn_closed);
    list_push(&room->fetchers, &fetcher->node);
    return fetcher;
}

/* ---- partitions of a fetcher ---- */

void fetcher_rest_follow(struct follow *follow)
{
    follow->rest_until_ms = room_now_ms(follow->fetcher->room) + follow->rest_ms;
    follow->rest_ms = min_i64(2 * follow->rest_ms, fetcher_rest_max_ms(follow->fetcher));
}

void fetcher_remove(struct follow *follow, bool look_again)
{
    struct fetcher *fetcher = follow->fetcher;
    struct partition *p = follow->partition;
    uint8_t key[FOLLOW_KEY_BYTES];
    if (follow->in_session) {
        fetcher_session_end(fetcher);
    }
    list_remove(&follow->node);
    struct follow *removed = map_remove(&fetcher->by_id, follow_key(p->topic, p->index, key));
    assert(removed == follow);
    fetcher->follow_count--;
    heap_free(&fetcher->room->heap, follow, sizeof(*follow));
    if (list_empty(&fetcher->follows)) {
        loop_at_turn_end(fetcher->room->loop, &fetcher->turn_end);
    }
    if (look_again) {
        partition_enter(p);
        bool post = !p->fetch_posted;
        p->fetch_posted = true;
        lock_leave(p->lock);
        if (post) {
            fetcher_look(p); /* our hold goes along */
            return;
        }
    }
    partition_drop(p);
}

/* Takes over the hold. Beside the others of its topic, so that a request names each topic once. */
static struct follow *follow_add(struct fetcher *fetcher, struct partition *p)
{
    uint8_t key[FOLLOW_KEY_BYTES];
    struct follow *follow = HEAP_NEW(&fetcher->room->heap, struct follow);
    if (follow == NULL || !map_put(&fetcher->by_id, follow_key(p->topic, p->index, key), follow)) {
        heap_free(&fetcher->room->heap, follow, sizeof(*follow));
        return NULL;
    }
    follow->fetcher = fetcher;
    follow->partition = p;
    follow->rest_ms = FETCH_REST_MIN_MS;
    struct list_node *before = &fetcher->follows.head;
    LIST_EACH(&fetcher->follows, node)
    {
        if (uuid_eq(CONTAINER_OF(node, struct follow, node)->partition->topic, p->topic)) {
            before = node;
            break;
        }
    }
    list_insert_before(before, &follow->node);
    fetcher->follow_count++;
    return follow;
}

static bool same_question(const struct replica_fetch_plan *a, const struct replica_fetch_plan *b)
{
    return a->leader_epoch == b->leader_epoch && a->fetch_offset == b->fetch_offset &&
           a->last_fetched_epoch == b->last_fetched_epoch;
}

static void look(struct fetch_room *room, struct partition *p,
                 const struct replica_fetch_plan *plan, bool urgent)
{
    uint8_t key[FOLLOW_KEY_BYTES];
    struct fetcher *fetcher = fetcher_find(room, plan->leader);
    struct follow *follow = fetcher == NULL
                                ? NULL
                                : map_get(&fetcher->by_id, follow_key(p->topic, p->index, key));
    if (follow != NULL && follow->partition != p) { /* set aside and made anew since */
        fetcher_remove(follow, false);
        follow = NULL;
    }
    if (follow != NULL) {
        partition_drop(p); /* the follow has a hold of its own */
    } else {
        follow = fetcher == NULL ? NULL : follow_add(fetcher, p);
        if (follow == NULL) {
            trace_log(room->table->config.trace, TRACE_ERROR, TRACE_FETCHER,
                      "%s-%d: no memory to follow broker %d.", p->name, p->index, plan->leader);
            partition_drop(p);
            return;
        }
    }
    follow->urgent = follow->urgent || urgent;
    bool asked = follow->in_poll && same_question(&follow->asked, plan);
    if (!asked) {
        follow->rest_until_ms = 0;
        follow->rest_ms = FETCH_REST_MIN_MS;
        fetcher->rest_ms = FETCH_REST_MIN_MS;
        fetcher->changed = true;
    }
    if (!asked || urgent) {
        loop_at_turn_end(room->loop, &fetcher->turn_end);
    }
}

static struct fetch_room *room_of(struct partitions *table, int32_t leader)
{
    return table->rooms[(uint32_t)leader % table->config.reactor_count];
}

static void look_delivered(struct mail *mail)
{
    struct partition *p = CONTAINER_OF(mail, struct partition, fetch_mail);
    struct fetch_room *room = p->fetch_room;
    struct replica_fetch_plan plan;
    bool urgent;
    partition_enter(p);
    p->fetch_posted = false;
    lock_leave(p->lock);
    if (room->stopping || !partition_plan_now(p, &plan, &urgent)) {
        partition_drop(p);
    } else if (room_of(room->table, plan.leader) != room) {
        partition_enter(p);
        bool post = !p->fetch_posted;
        p->fetch_posted = true;
        lock_leave(p->lock);
        if (post) {
            fetcher_look(p);
        } else {
            partition_drop(p);
        }
    } else {
        look(room, p, &plan, urgent);
    }
}

void fetcher_look(struct partition *p)
{
    partition_enter(p);
    assert(p->fetch_posted);
    int32_t leader = p->core.view.leader;
    lock_leave(p->lock);
    p->fetch_room = room_of(p->table, leader < 0 ? 0 : leader);
    p->fetch_mail.deliver = look_delivered;
    loop_post(p->fetch_room->loop, &p->fetch_mail);
}

/* ---- the room's life ---- */

static void room_stopped(struct mail *mail)
{
    struct fetch_room *room = CONTAINER_OF(mail, struct fetch_room, stopped_mail);
    assert(room->table->rooms_open > 0);
    room->table->rooms_open--;
    table_rooms_stopped(room->table);
}

static void room_stop(struct mail *mail)
{
    struct fetch_room *room = CONTAINER_OF(mail, struct fetch_room, stop_mail);
    room->stopping = true;
    LIST_EACH(&room->fetchers, node)
    {
        struct fetcher *fetcher = CONTAINER_OF(node, struct fetcher, node);
        struct list_node *follow;
        hang_up(fetcher);
        timer_cancel(room->loop, &fetcher->timer);
        while ((follow = list_first(&fetcher->follows)) != NULL) {
            fetcher_remove(CONTAINER_OF(follow, struct follow, node), false);
        }
    }
    loop_post(room->table->config.control, &room->stopped_mail);
}

err_t fetch_rooms_open(struct partitions *table)
{
    for (uint32_t i = 0; i < table->config.reactor_count; i++) {
        struct fetch_room *room = HEAP_NEW(&table->heap, struct fetch_room);
        ENSURE(room != NULL, ERR_NO_MEMORY);
        table->rooms[i] = room;
        room->table = table;
        room->loop = table->config.reactors[i];
        heap_init(&room->heap, memory_source(table->host), ROOM_HEAP_MAX);
        arena_init(&room->arena, memory_source(table->host), ROOM_ARENA_CHUNK, ROOM_HEAP_MAX);
        list_init(&room->fetchers);
        room->stop_mail.deliver = room_stop;
        room->stopped_mail.deliver = room_stopped;
        int n = snprintf(room->client_id, sizeof(room->client_id), "broker-%d-fetcher-%u",
                         table->config.broker_id, i);
        assert(n > 0);
    }
    return OK;
}

void fetch_rooms_start(struct partitions *table)
{
    table->rooms_open = table->config.reactor_count;
}

void fetch_rooms_stop(struct partitions *table)
{
    for (uint32_t i = 0; i < table->config.reactor_count; i++) {
        loop_post(table->rooms[i]->loop, &table->rooms[i]->stop_mail);
    }
}

void fetch_rooms_close(struct partitions *table)
{
    for (uint32_t i = 0; i < table->config.reactor_count; i++) {
        struct fetch_room *room = table->rooms[i];
        if (room != NULL) {
            arena_release(&room->arena);
            heap_release(&room->heap);
        }
    }
}
