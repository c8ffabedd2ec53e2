/*
 * The writing half of the raw client: an idempotent producer over all partitions of a topic, in one poll loop.
 *
 * Order: a partition's batches lie in one queue by sequence. Up to IN_FLIGHT_MAX of them are at the leader; when one fails or the
 * connection breaks, nothing more is sent for that partition until every answer in flight has come or is given up, and then
 * all that is not acknowledged goes again, in order, with the same sequences. So a retry can neither reorder nor duplicate.
 * Where to: the leader of the highest epoch that anybody told, by Metadata of whichever broker answers or by a KIP-951 hint.
 * A leader that is silent for STALL_NS is not given up, but the others are asked; only a higher epoch ends the wait.
 */
#include "tests/failover/raw_client.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/failover/raw_conn.h"
#include "tests/failover/raw_history.h"

enum { IN_FLIGHT_MAX = 5, BATCH_RECORDS_MAX = 200, ASKED_MAX = 512, TURN_MS = 5 };
static const uint64_t MS = 1000000, RETRY_NS = 20 * 1000000, STALL_NS = 200 * 1000000;

struct batch {
    struct batch *next;
    uint64_t first_value, invoked_ns;
    int32_t count;
    bool sent;
    struct out bytes;
};

struct part {
    int32_t leader, epoch, next_sequence, in_flight;
    int32_t at; /* the broker that has what is in flight */
    bool draining;
    uint64_t next_try_ns, sent_ns, owed_from_ns; /* sent_ns: of the oldest question in flight */
    struct batch *head, *tail;
};

struct asked {
    int32_t correlation, partition; /* partition -1: Metadata */
    struct batch *batch;
};

struct link {
    struct conn conn;
    struct asked asked[ASKED_MAX]; /* ring, in the order of the answers */
    unsigned first, count;
    bool metadata_asked;
};

struct producer {
    const struct options *o;
    FILE *history;
    struct raw_producer_id id;
    struct link links[BROKERS_MAX];
    int link_count, partition_count;
    struct part parts[PARTITIONS_MAX];
    uint64_t next_value, next_metadata_ns, progress_ns, flushed_ns;
    uint8_t *payload;
    uint32_t topic_crc;
    uint64_t retries;
    int refused;
};

static struct link *link_of(struct producer *p, int32_t broker)
{
    for (int k = 0; k < p->link_count; k++)
        if (p->links[k].conn.broker.id == broker)
            return &p->links[k];
    return NULL;
}

static void know_broker(struct producer *p, const struct raw_broker *b)
{
    struct link *l = link_of(p, b->id);
    if (l == NULL && p->link_count < BROKERS_MAX) {
        l = &p->links[p->link_count++];
        l->conn = (struct conn){.fd = -1};
    }
    if (l != NULL && l->conn.state == CONN_CLOSED)
        l->conn.broker = *b;
}

/* The batch is not at the leader any more: it goes again once the partition's other answers have come. */
static void take_back(struct producer *p, int32_t partition, struct batch *b, uint64_t now)
{
    struct part *part = &p->parts[partition];
    assert(b->sent && part->in_flight > 0);
    b->sent = false;
    part->in_flight--;
    part->draining = part->in_flight > 0;
    part->next_try_ns = now + RETRY_NS;
    p->retries++;
}

static void drop_link(struct producer *p, struct link *l, uint64_t now)
{
    for (; l->count > 0; l->count--, l->first = (l->first + 1) % ASKED_MAX)
        if (l->asked[l->first].batch != NULL) {
            take_back(p, l->asked[l->first].partition, l->asked[l->first].batch, now);
            p->parts[l->asked[l->first].partition].next_try_ns = now;
        }
    l->metadata_asked = false;
    conn_close(&l->conn, now);
}

/* A leader of a higher epoch, or any when none is known. What waits at a stalled former leader is taken back. */
static void follow_leader(struct producer *p, int32_t partition, int32_t leader, int32_t epoch,
                          uint64_t now)
{
    struct part *part = &p->parts[partition];
    if (leader < 0 || epoch < part->epoch || (epoch == part->epoch && part->leader >= 0))
        return;
    if (part->in_flight > 0 && part->at != leader) {
        if (now - part->sent_ns <= STALL_NS)
            return; /* the former leader will answer, or break, or be too slow: then this comes again */
        drop_link(p, link_of(p, part->at), now);
    }
    part->leader = leader;
    part->epoch = epoch;
    part->next_try_ns = part->draining ? part->next_try_ns : now;
}

static void log_batch(struct producer *p, int32_t partition, const struct batch *b, int64_t offset,
                      int status, int16_t code)
{
    uint64_t now = now_ns();
    for (int32_t n = 0; n < b->count; n++)
        history_add(p->history, &(struct history_event){.invoked_ns = b->invoked_ns,
                                                        .returned_ns = now,
                                                        .value = b->first_value + (uint64_t)n,
                                                        .offset = offset >= 0 ? offset + n : -1,
                                                        .partition = partition,
                                                        .client = (uint16_t)p->o->client,
                                                        .op = HISTORY_SEND,
                                                        .status = (uint8_t)status,
                                                        .code = code});
}

static void acknowledged(struct producer *p, int32_t partition, struct batch *b, int64_t offset,
                         uint64_t now)
{
    struct part *part = &p->parts[partition];
    log_batch(p, partition, b, offset, HISTORY_OK, 0);
    part->in_flight--;
    part->draining = part->draining && part->in_flight > 0;
    part->sent_ns = p->progress_ns = now;
    struct batch **at = &part->head, *before = NULL;
    while (*at != b) {
        before = *at;
        at = &before->next;
    }
    *at = b->next;
    if (part->tail == b)
        part->tail = before;
    out_free(&b->bytes);
    free(b);
}

static bool may_retry(int16_t code)
{
    static const int16_t codes[] = {2,  3,  5,  6,  7,  8,  9,  13, 14,
                                    15, 16, 19, 20, 56, 72, 74, 75, 100};
    for (size_t k = 0; k < sizeof codes / sizeof codes[0]; k++)
        if (codes[k] == code)
            return true;
    return false;
}

static void produced(struct producer *p, int32_t partition, struct batch *b,
                     const struct raw_produced *r, uint64_t now)
{
    struct part *part = &p->parts[partition];
    if (r->error == RAW_NONE) {
        acknowledged(p, partition, b, r->base_offset, now);
        return;
    }
    bool behind_another = part->head !=
                          b; /* its predecessor failed, so this one is out of order by necessity */
    if (!may_retry(r->error) && !(r->error == RAW_OUT_OF_ORDER && behind_another)) {
        fprintf(
            stderr,
            "raw_client: partition %d, %d records from value %#llx: refused with error code %d\n",
            partition, b->count, (unsigned long long)b->first_value, r->error);
        p->refused = r->error;
        return;
    }
    take_back(p, partition, b, now);
    if (r->error == RAW_NOT_LEADER || r->error == RAW_FENCED_LEADER_EPOCH) {
        if (r->hint_broker.id >= 0)
            know_broker(p, &r->hint_broker);
        if (r->hint_leader >= 0 && r->hint_epoch > part->epoch)
            follow_leader(p, partition, r->hint_leader, r->hint_epoch, now);
        else if (behind_another == false)
            part->leader = -1;
    }
}

static void learned(struct producer *p, const struct raw_view *v, uint64_t now)
{
    for (int k = 0; k < v->broker_count; k++)
        know_broker(p, &v->brokers[k]);
    for (int32_t n = 0; n < p->partition_count && n < v->partition_count; n++)
        follow_leader(p, n, v->leader[n], v->epoch[n], now);
}

static void answered(struct producer *p, struct link *l, struct in *i, uint64_t now)
{
    assert(l->count > 0);
    struct asked a = l->asked[l->first];
    l->first = (l->first + 1) % ASKED_MAX;
    l->count--;
    int32_t correlation = get_i32(i);
    assert(correlation == a.correlation);
    if (a.partition < 0) {
        struct raw_view view;
        l->metadata_asked = false;
        metadata_answer(i, &view);
        if (!i->bad)
            learned(p, &view, now);
        return;
    }
    struct raw_produced r;
    produce_answer(i, &r);
    assert(!i->bad);
    produced(p, a.partition, a.batch, &r, now);
}

static struct asked *ask(struct link *l, int32_t partition, struct batch *b)
{
    struct asked *a = &l->asked[(l->first + l->count++) % ASKED_MAX];
    *a = (struct asked){.correlation = ++l->conn.correlation, .partition = partition, .batch = b};
    return a;
}

/* One batch of what the rate owes by now, at most BATCH_RECORDS_MAX; what was owed longer than a second is forgiven. */
static struct batch *new_batch(struct producer *p, int32_t partition, uint64_t now)
{
    struct part *part = &p->parts[partition];
    uint64_t gap_ns = 1000000000ull * (uint64_t)p->partition_count / (uint64_t)p->o->rate_per_s;
    if (now - part->owed_from_ns > 1000 * MS)
        part->owed_from_ns = now - 1000 * MS;
    uint64_t due = (now - part->owed_from_ns) / gap_ns;
    if (due == 0 || stop_asked)
        return NULL;
    due = due < BATCH_RECORDS_MAX ? due : BATCH_RECORDS_MAX;
    part->owed_from_ns += due * gap_ns;
    struct batch *b = calloc(1, sizeof *b);
    assert(b != NULL);
    *b = (struct batch){.first_value = p->next_value, .invoked_ns = now, .count = (int32_t)due};
    batch_begin(&b->bytes, &p->id, part->next_sequence, b->count);
    for (int32_t n = 0; n < b->count; n++) {
        payload_fill(p->payload, (size_t)p->o->record_len, p->next_value++, p->topic_crc, partition,
                     (uint32_t)p->o->client);
        batch_record(&b->bytes, n, p->payload, (size_t)p->o->record_len);
    }
    batch_end(&b->bytes, 0);
    part->next_sequence += b->count;
    *(part->tail != NULL ? &part->tail->next : &part->head) = b;
    part->tail = b;
    return b;
}

static struct batch *next_unsent(struct producer *p, int32_t partition, uint64_t now)
{
    struct batch *b = p->parts[partition].head;
    while (b != NULL && b->sent)
        b = b->next;
    return b != NULL ? b : new_batch(p, partition, now);
}

/* Sends what may be sent; true when the partition lacks its leader or waits for it too long. */
static bool serve_partition(struct producer *p, int32_t partition, uint64_t now)
{
    struct part *part = &p->parts[partition];
    struct link *l = part->leader >= 0 ? link_of(p, part->leader) : NULL;
    if (l == NULL)
        return true;
    if (l->conn.state == CONN_CLOSED)
        conn_dial(&l->conn, now);
    if (l->conn.state != CONN_UP)
        return true;
    while (!part->draining && now >= part->next_try_ns && part->in_flight < IN_FLIGHT_MAX &&
           l->count < ASKED_MAX) {
        struct batch *b = next_unsent(p, partition, now);
        if (b == NULL)
            break;
        produce_request(&l->conn.out, ask(l, partition, b)->correlation, p->o->topic, partition,
                        &b->bytes);
        b->sent = true;
        part->at = part->leader;
        if (part->in_flight++ == 0)
            part->sent_ns = now;
    }
    return part->draining || (part->in_flight > 0 && now - part->sent_ns > STALL_NS);
}

/* Asks every broker that is up and owes no Metadata; a silent one is passed over. */
static void ask_metadata(struct producer *p, uint64_t now)
{
    if (now < p->next_metadata_ns)
        return;
    p->next_metadata_ns = now + RETRY_NS;
    for (int k = 0; k < p->link_count; k++) {
        struct link *l = &p->links[k];
        if (l->conn.state == CONN_CLOSED)
            conn_dial(&l->conn, now);
        if (l->conn.state != CONN_UP || l->metadata_asked || l->count >= ASKED_MAX)
            continue;
        metadata_request(&l->conn.out, ask(l, -1, NULL)->correlation, p->o->topic);
        l->metadata_asked = true;
    }
}

static void move_bytes(struct producer *p)
{
    struct pollfd fds[BROKERS_MAX];
    struct link *owner[BROKERS_MAX];
    nfds_t n = 0;
    for (int k = 0; k < p->link_count; k++)
        if (p->links[k].conn.state != CONN_CLOSED) {
            fds[n] = (struct pollfd){.fd = p->links[k].conn.fd,
                                     .events = conn_events(&p->links[k].conn)};
            owner[n++] = &p->links[k];
        }
    poll(fds, n, TURN_MS);
    uint64_t now = now_ns();
    for (nfds_t k = 0; k < n; k++) {
        struct link *l = owner[k];
        size_t taken = 0;
        struct in frame;
        if (l->conn.state == CONN_CLOSED ||
            (fds[k].revents == 0 && l->conn.sent == l->conn.out.len))
            continue;
        bool good = conn_turn(&l->conn, fds[k].revents);
        while (p->refused == 0 && l->conn.state == CONN_UP && conn_frame(&l->conn, &taken, &frame))
            answered(p, l, &frame, now);
        if (l->conn.state != CONN_CLOSED)
            conn_tidy(&l->conn, taken);
        if (!good && l->conn.state != CONN_CLOSED)
            drop_link(p, l, now);
    }
}

/* Producer id and the first leaders, from whichever broker answers first. */
static bool begin(struct producer *p)
{
    struct raw_broker seeds[BROKERS_MAX];
    struct raw_view view;
    struct out frame = {0}, buf = {0};
    struct in i;
    int count = parse_brokers(p->o->bootstrap, seeds, BROKERS_MAX), turn = 0;
    bool done = false;
    init_producer_request(&frame, 1);
    while (!done && now_ns() - p->progress_ns < (uint64_t)p->o->hang_ms * MS) {
        if (raw_metadata(seeds, count, &turn, p->o->topic, &view)) {
            int fd = raw_dial(&seeds[turn % count], 2000);
            done = fd >= 0 && raw_call(fd, &frame, &buf, &i) &&
                   init_producer_answer(&i, &p->id) == RAW_NONE;
            if (fd >= 0)
                close(fd);
        }
        poll(NULL, 0, done ? 0 : 20);
    }
    out_free(&frame);
    out_free(&buf);
    if (!done)
        return false;
    p->partition_count = view.partition_count;
    for (int n = 0; n < p->partition_count; n++)
        p->parts[n] = (struct part){.leader = -1, .epoch = -1, .owed_from_ns = now_ns()};
    learned(p, &view, now_ns());
    return true;
}

static bool idle(const struct producer *p)
{
    for (int n = 0; n < p->partition_count; n++)
        if (p->parts[n].head != NULL)
            return false;
    return true;
}

static int finish(struct producer *p, int code)
{
    for (int n = 0; n < p->partition_count; n++)
        for (struct batch *b = p->parts[n].head, *next; b != NULL; b = next) {
            log_batch(p, n, b, -1, HISTORY_INFO, (int16_t)p->refused);
            next = b->next;
            out_free(&b->bytes);
            free(b);
        }
    for (int k = 0; k < p->link_count; k++) {
        conn_close(&p->links[k].conn, 0);
        out_free(&p->links[k].conn.out);
        out_free(&p->links[k].conn.in);
    }
    fclose(p->history);
    printf("{\"values\": %llu, \"retries\": %llu}\n",
           (unsigned long long)(p->next_value & 0xffffffffffull), (unsigned long long)p->retries);
    free(p->payload);
    free(p);
    return code;
}

int produce_main(const struct options *o)
{
    struct producer *p = calloc(1, sizeof *p);
    assert(p != NULL);
    p->o = o;
    p->next_value = (uint64_t)o->client << 40 | 1;
    p->payload = malloc((size_t)o->record_len);
    assert(p->payload != NULL);
    p->topic_crc = crc32_ieee(o->topic, strlen(o->topic));
    p->progress_ns = now_ns();
    p->history = history_open(o->history);
    if (!begin(p)) {
        fprintf(stderr, "raw_client: no producer id or no leaders of %s for %d ms\n", o->topic,
                o->hang_ms);
        return finish(p, EXIT_HUNG);
    }
    while (!(stop_asked && idle(p))) {
        uint64_t now = now_ns();
        bool lacking = false;
        for (int32_t n = 0; n < p->partition_count; n++)
            lacking |= serve_partition(p, n, now);
        if (lacking)
            ask_metadata(p, now);
        move_bytes(p);
        now = now_ns();
        if (p->refused != 0)
            return finish(p, EXIT_REFUSED);
        if (now - p->progress_ns > (uint64_t)o->hang_ms * MS) {
            fprintf(stderr, "raw_client: nothing was acknowledged for %d ms\n", o->hang_ms);
            return finish(p, EXIT_HUNG);
        }
        if (now - p->flushed_ns > 10 * MS) {
            fflush(p->history);
            p->flushed_ns = now;
        }
    }
    return finish(p, EXIT_WELL);
}
