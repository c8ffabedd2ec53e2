/* The commands of a story. */
#include "tests/golden/replica/desk.h"

#include <stdio.h>
#include <stdlib.h>

static void *take(void *ctx, size_t bytes)
{
    (void)ctx;
    void *p = NULL;
    return posix_memalign(&p, 16, bytes) == 0 ? p : NULL;
}

static void give(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

void desk_init(struct desk *desk)
{
    memset(desk, 0, sizeof(*desk));
    desk->source = (struct memory_source){take, give, NULL};
    desk->now = 1000;
}

void desk_release(struct desk *desk)
{
    for (int i = 1; i <= DESK_BROKERS; i++) {
        desk_stop(&desk->brokers[i]);
    }
}

/* The value behind " name=", or NULL. */
static const char *option(const char *line, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = strchr(line, ' '); p != NULL; p = strchr(p + 1, ' ')) {
        if (strncmp(p + 1, name, n) == 0 && p[1 + n] == '=') {
            return p + 2 + n;
        }
    }
    return NULL;
}

static int64_t number(const char *line, const char *name, int64_t otherwise)
{
    const char *value = option(line, name);
    return value == NULL ? otherwise : strtoll(value, NULL, 10);
}

static bool is(const char *value, const char *word)
{
    return value != NULL && strncmp(value, word, strlen(word)) == 0;
}

/* Whether a list like "1,3" names this broker; everybody when there is no list. */
static bool named(const char *list, int32_t id, bool otherwise)
{
    if (list == NULL) {
        return otherwise;
    }
    for (const char *p = list; *p >= '0' && *p <= '9'; p++) {
        char *end;
        if (strtol(p, &end, 10) == id) {
            return true;
        }
        p = end;
        if (*p != ',') {
            break;
        }
    }
    return false;
}

/* The broker whose number follows the command's name. */
static struct desk_broker *subject(struct desk *desk, const char *line)
{
    const char *p = strchr(line, ' ');
    long id = p == NULL ? 0 : strtol(p + 1, NULL, 10);
    assert(id >= 1 && id <= DESK_BROKERS);
    return &desk->brokers[id];
}

/* cluster [durability=pagecache] [min=N] [lag=MS]: three brokers with empty logs, not booted. */
static void cluster(struct desk *desk, const char *line)
{
    desk_release(desk);
    memset(desk->brokers, 0, sizeof(desk->brokers));
    memset(desk->held, 0, sizeof(desk->held));
    bool pagecache = is(option(line, "durability"), "pagecache");
    desk->view = (struct replica_view){.leader = NO_BROKER,
                                       .member_count = DESK_BROKERS,
                                       .min_isr = (int32_t)number(line, "min", 2),
                                       .durability = pagecache ? REPLICA_PAGECACHE : REPLICA_DISK,
                                       .lag_time_max_ms = number(line, "lag", 10000)};
    for (int32_t i = 1; i <= DESK_BROKERS; i++) {
        desk->brokers[i].id = i;
        desk->brokers[i].broker_epoch = 10 + i;
    }
}

/* log B EPOCH:COUNT ...: what is on its disk, one record a batch. */
static void set_log(struct desk *desk, const char *line)
{
    struct desk_broker *b = subject(desk, line);
    assert(!b->up);
    const char *p = strchr(strchr(line, ' ') + 1, ' ');
    while (p != NULL && p[1] != '\0') {
        char *end;
        int32_t epoch = (int32_t)strtol(p + 1, &end, 10);
        assert(*end == ':');
        b->epochs[b->epoch_count++] = (struct epoch_entry){.epoch = epoch,
                                                           .start_offset = b->log_end};
        for (long n = strtol(end + 1, NULL, 10); n > 0; n--) {
            b->log[b->log_count++] = (struct batch_receipt){.base_offset = b->log_end++,
                                                            .leader_epoch = epoch,
                                                            .record_count = 1,
                                                            .producer_id = NO_PRODUCER_ID,
                                                            .producer_epoch = NO_PRODUCER_EPOCH,
                                                            .base_sequence = NO_SEQUENCE};
        }
        p = strchr(p + 1, ' ');
    }
}

/* view leader=B epoch=N isr=LIST [pe=N] [fenced=LIST] [to=LIST] [min=N] [durability=X] [old=LIST] [unplaced=LIST]: the image that
 * brokers see.
 * old: of these the image still shows the incarnation of the last view. */
static void view(struct desk *desk, const char *line)
{
    struct replica_view *v = &desk->view;
    v->leader = (int32_t)number(line, "leader", v->leader);
    v->leader_epoch = (int32_t)number(line, "epoch", v->leader_epoch);
    v->partition_epoch = (int32_t)number(line, "pe", v->partition_epoch + 1);
    v->min_isr = (int32_t)number(line, "min", v->min_isr);
    if (option(line, "durability") != NULL) {
        v->durability = is(option(line, "durability"), "pagecache") ? REPLICA_PAGECACHE
                                                                    : REPLICA_DISK;
    }
    const char *isr = option(line, "isr");
    v->isr_count = isr == NULL ? v->isr_count : 0;
    for (int32_t i = 1; i <= DESK_BROKERS; i++) {
        bool old = named(option(line, "old"), i, false);
        v->members[i - 1].id = i;
        v->members[i - 1].broker_epoch = old ? v->members[i - 1].broker_epoch
                                             : desk->brokers[i].broker_epoch;
        v->members[i - 1].eligible = !named(option(line, "fenced"), i, false);
        v->members[i - 1].unplaced = named(option(line, "unplaced"), i, false);
        if (isr != NULL && named(isr, i, false)) {
            v->isr[v->isr_count++] = i;
        }
    }
    for (int32_t i = 1; i <= DESK_BROKERS; i++) {
        if (desk->brokers[i].up && named(option(line, "to"), i, true)) {
            struct replica_view own = *v;
            own.self_broker_epoch = desk->brokers[i].broker_epoch;
            struct replica_event event = {.kind = REPLICA_VIEW, .view = &own};
            desk_step(desk, &desk->brokers[i], &event, NULL);
        }
    }
}

/* produce B t=N [n=RECORDS] [acks=A] [pid=P seq=S pepoch=E] */
static void produce(struct desk *desk, const char *line)
{
    int64_t producer = number(line, "pid", NO_PRODUCER_ID);
    int32_t records = (int32_t)number(line, "n", 1);
    struct replica_event event = {.kind = REPLICA_PRODUCE};
    event.produce.ticket = (uint64_t)number(line, "t", 1);
    event.produce.acks = (int16_t)number(line, "acks", -1);
    event.produce.receipt = (struct batch_receipt){
        .record_count = records,
        .last_offset_delta = records - 1,
        .producer_id = producer,
        .producer_epoch = (int16_t)number(line, "pepoch", producer < 0 ? -1 : 0),
        .base_sequence = (int32_t)number(line, "seq", -1)};
    desk_step(desk, subject(desk, line), &event, NULL);
}

/* synced B [end=N]: its newest fsync has ended. */
static void synced(struct desk *desk, const char *line)
{
    struct desk_broker *b = subject(desk, line);
    struct replica_event event = {.kind = REPLICA_DURABLE};
    event.durable.end = number(line, "end", b->sync_end);
    event.durable.cut = b->sync_cut;
    desk_step(desk, b, &event, NULL);
}

static struct desk_fetch *held(struct desk *desk, const char *name)
{
    assert(name != NULL && *name >= 'a' && *name <= 'z');
    return &desk->held[*name - 'a'];
}

/* fetch B: a whole round. ask B as=x, arrive x, deliver x: its three steps. */
static void fetch(struct desk *desk, const char *line)
{
    if (is(line, "ask ")) {
        desk_fetch_ask(desk, subject(desk, line), held(desk, option(line, "as")));
        return;
    }
    if (is(line, "arrive ")) {
        desk_fetch_arrive(desk, held(desk, line + strlen("arrive ")));
        return;
    }
    if (is(line, "deliver ")) {
        desk_fetch_deliver(desk, held(desk, line + strlen("deliver ")));
        return;
    }
    struct desk_fetch *round = &desk->held[DESK_HELD - 1];
    if (desk_fetch_ask(desk, subject(desk, line), round)) {
        desk_fetch_arrive(desk, round);
        if (round->used) {
            desk_fetch_deliver(desk, round);
        }
    }
}

/* answer B [error=NAME] [ask=N] [pe=N isr=LIST epoch=N]: the controller's answer; as asked unless it says otherwise. */
static void answer(struct desk *desk, const char *line)
{
    struct desk_broker *b = subject(desk, line);
    struct replica_event event = {.kind = REPLICA_ISR_ANSWER};
    event.isr_answer.ask = (uint64_t)number(line, "ask", (int64_t)b->ask.number);
    const char *error = option(line, "error");
    for (int16_t code = -1; error != NULL && code < 200; code++) {
        const char *name = kafka_error_name(code);
        if (strcmp(name, error) == 0) {
            event.isr_answer.error = (enum kafka_error)code;
        }
    }
    assert(error == NULL || event.isr_answer.error != KAFKA_NONE);
    event.isr_answer.leader_epoch = (int32_t)number(line, "epoch", b->ask.leader_epoch);
    event.isr_answer.partition_epoch = (int32_t)number(line, "pe", b->ask.partition_epoch + 1);
    const char *isr = option(line, "isr");
    for (uint32_t i = 0; isr == NULL && i < b->ask.count; i++) {
        event.isr_answer.isr[event.isr_answer.isr_count++] = b->ask.isr[i].id;
    }
    for (int32_t i = 1; isr != NULL && i <= DESK_BROKERS; i++) {
        if (named(isr, i, false)) {
            event.isr_answer.isr[event.isr_answer.isr_count++] = i;
        }
    }
    desk_step(desk, b, &event, NULL);
}

/* crash B [keep=END]: what lies behind END is lost. boot B [epoch=N]: up again, registered anew. */
static void crash(struct desk *desk, const char *line)
{
    struct desk_broker *b = subject(desk, line);
    desk_stop(b);
    int64_t keep = number(line, "keep", b->log_end);
    while (b->log_count > 0 && receipt_last_offset(&b->log[b->log_count - 1]) >= keep) {
        b->log_count--;
    }
    b->log_end = keep < b->log_end ? keep : b->log_end;
}

static void boot(struct desk *desk, const char *line)
{
    for (int i = 1; i <= DESK_BROKERS; i++) {
        struct desk_broker *b = &desk->brokers[i];
        if (named(strchr(line, ' ') + 1, i, false)) {
            b->broker_epoch = number(line, "epoch", b->broker_epoch);
            desk_boot(desk, b);
        }
    }
}

/* tick B [after=MS] */
static void tick(struct desk *desk, const char *line)
{
    desk->now += number(line, "after", 0);
    struct replica_event event = {.kind = REPLICA_TICK};
    desk_step(desk, subject(desk, line), &event, NULL);
}

/* noted B: what it was told of producers is on disk. latest B: ListOffsets. delete B to=N: DeleteRecords. rebuild B: replays its log. show: all of them. */
static void latest(struct desk *desk, const char *line)
{
    int64_t offset = -1;
    enum kafka_error error = replica_latest(&subject(desk, line)->core, NO_EPOCH, &offset);
    desk_say(desk, "  latest: %s %ld\n", kafka_error_name((int16_t)error), (long)offset);
}

static void delete_records(struct desk *desk, const char *line)
{
    struct desk_broker *b = subject(desk, line);
    struct replica_event event = {.kind = REPLICA_LOG_START, .log_start = number(line, "to", 0)};
    b->log_start = event.log_start;
    uint32_t gone = 0;
    while (gone < b->log_count && receipt_last_offset(&b->log[gone]) < b->log_start) {
        gone++;
    }
    memmove(b->log, b->log + gone, (b->log_count - gone) * sizeof(b->log[0]));
    b->log_count -= gone;
    desk_step(desk, b, &event, NULL);
}

static void rebuild(struct desk *desk, const char *line)
{
    desk_rebuild(desk, subject(desk, line));
}

static void noted(struct desk *desk, const char *line)
{
    struct replica_event event = {.kind = REPLICA_LOADED};
    desk_step(desk, subject(desk, line), &event, NULL);
}

static void show(struct desk *desk, const char *line)
{
    (void)line;
    for (int i = 1; i <= DESK_BROKERS; i++) {
        desk_show(desk, &desk->brokers[i]);
    }
}

static const struct {
    const char *name;
    void (*run)(struct desk *, const char *line);
} commands[] = {
    {"cluster", cluster}, {"log", set_log},   {"view", view},
    {"produce", produce}, {"synced", synced}, {"fetch", fetch},
    {"ask", fetch},       {"arrive", fetch},  {"deliver", fetch},
    {"answer", answer},   {"crash", crash},   {"boot", boot},
    {"tick", tick},       {"latest", latest}, {"delete", delete_records},
    {"rebuild", rebuild}, {"show", show},     {"noted", noted},
};

void desk_command(struct desk *desk, const char *line)
{
    desk->out_n = 0;
    desk->out[0] = '\0';
    size_t n = strcspn(line, " ");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strlen(commands[i].name) == n && strncmp(commands[i].name, line, n) == 0) {
            commands[i].run(desk, line);
            return;
        }
    }
    desk_say(desk, "  unknown command\n");
}
