#include <stdio.h>

#include "broker/meta/control_internal.h"
#include "common/base/bytes.h"
#include "common/meta/codec/meta_codec.h"
#include "common/port/memory.h"
#include "common/wire/kafka_error.h"

#define SUBSCRIBE_TIMEOUT_MS 2000
/* To tell what differs in an image takes less than twice the memory that it takes: an image that controllers can keep can be taken. */
#define ARENA_MAX            (2 * CONTROLLER_HEAP_MAX)

static void tail_fatal(struct control *c, err_t err)
{
    char sentence[256];
    (void)snprintf(sentence, sizeof(sentence),
                   "the controllers' metadata behind offset %lld cannot be applied: %s%s",
                   (long long)c->offset, err_text(err),
                   err == ERR_VERSION ? "; upgrade this broker" : "");
    trace_log(c->trace, TRACE_ERROR, TRACE_CONTROL, "%s", sentence);
    c->events->fatal(c->ctx, sentence);
}

void control_tail_reset(struct control *c)
{
    if (c->building != NULL) {
        meta_image_drop(&c->metadata->store, c->building);
        c->building = NULL;
    }
}

static void on_subscribed(struct rpc_call *call, err_t err, const Odradek__Frame *answer)
{
    struct control *c = CONTAINER_OF(call, struct control, call);
    if (c->conn == NULL) {
        return;
    }
    if (err != OK) {
        control_reconnect(c, err_text(err));
        return;
    }
    if (control_misdirected(c, answer)) {
        return;
    }
    if (answer->error == KAFKA_OFFSET_OUT_OF_RANGE) {
        trace_log(c->trace, TRACE_ERROR, TRACE_CONTROL, "%s", answer->error_text);
        c->events->fatal(c->ctx, answer->error_text);
        return;
    }
    if (answer->error != 0) {
        control_reconnect(c, answer->error_text);
        return;
    }
    timer_cancel(c->loop, &c->rest_timer);
    c->state = CONTROL_UP;
    c->rest_ms = 10;
    control_beat_now(c);
    control_requests_send(c);
}

void control_subscribe(struct control *c)
{
    Odradek__Tail body = ODRADEK__TAIL__INIT;
    body.offset = c->offset;
    body.epoch = c->offset_epoch;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_TAIL;
    frame.tail = &body;
    c->state = CONTROL_SUBSCRIBING;
    c->call.done = on_subscribed;
    rpc_ask(c->conn, &c->call, &frame, SUBSCRIBE_TIMEOUT_MS);
}

/* The new image is shown to everybody, and to the broker's rooms what changed. */
static void publish(struct control *c, struct meta_image *image, const struct meta_changes *changes)
{
    struct meta_image *old = c->metadata->image;
    bool caught_up = control_caught_up(c);
    meta_image_hold(old);
    c->events->coming(c->ctx, old, image, changes);
    metadata_publish(c->metadata, image);
    c->events->image(c->ctx, old, image, changes);
    meta_image_drop(&c->metadata->store, old);
    if (!caught_up && control_caught_up(c)) {
        control_beat_now(c); /* our own registration was applied: we may be unfenced */
    }
}

static err_t batch_apply(struct control *c, const Odradek__TailPush *push, struct arena *arena)
{
    struct meta_batch batch;
    struct meta_changes changes;
    struct meta_image *image;
    TRY(meta_batch_decode(slice_of(push->batch.data, push->batch.len), arena, &batch, NULL));
    TRY(meta_image_apply(&c->metadata->store, c->metadata->image, batch, push->offset, push->epoch,
                         arena, &changes, &image));
    c->offset = push->offset;
    c->offset_epoch = push->epoch;
    publish(c, image, &changes);
    return OK;
}

/* One chunk: packed batches, each behind its length. */
static err_t chunk_apply(struct control *c, struct slice bytes, struct arena *arena)
{
    while (bytes.n > 0) {
        struct meta_batch batch;
        struct meta_image *next;
        ENSURE(bytes.n >= 4 && load_be32(bytes.p) <= bytes.n - 4, ERR_CORRUPT);
        size_t n = load_be32(bytes.p);
        TRY(meta_batch_decode(slice_of(bytes.p + 4, n), arena, &batch, NULL));
        TRY(meta_image_apply(&c->metadata->store, c->building, batch, meta_offset(c->building),
                             meta_epoch(c->building), arena, NULL, &next));
        meta_image_drop(&c->metadata->store, c->building);
        c->building = next;
        bytes.p += 4 + n;
        bytes.n -= 4 + n;
    }
    return OK;
}

static err_t snapshot_finish(struct control *c, const Odradek__TailPush *push, struct arena *arena)
{
    struct meta_changes changes;
    meta_image_position(c->building, push->offset, push->epoch);
    TRY(meta_image_diff(c->metadata->image, c->building, arena, &changes));
    changes.count = MUTANT(105) ? 0 : changes.count;
    struct meta_image *image = c->building;
    c->building = NULL;
    c->offset = push->offset;
    c->offset_epoch = push->epoch;
    publish(c, image, &changes);
    return OK;
}

static err_t snapshot_apply(struct control *c, const Odradek__TailPush *push, struct arena *arena)
{
    if (push->snapshot_first) {
        control_tail_reset(c);
        c->building = meta_image_empty(&c->metadata->store);
        ENSURE(c->building != NULL, ERR_NO_MEMORY);
    }
    ENSURE(c->building != NULL, ERR_MALFORMED);
    TRY(chunk_apply(c, slice_of(push->batch.data, push->batch.len), arena));
    return push->snapshot_last ? snapshot_finish(c, push, arena) : OK;
}

void control_pushed(struct control *c, const Odradek__TailPush *push)
{
    struct arena arena;
    err_t err = OK;
    arena_init(&arena, memory_source(loop_host(c->loop)), 16384, ARENA_MAX);
    if (push->snapshot) {
        err = snapshot_apply(c, push, &arena);
    } else if (push->offset != c->offset + 1) {
        control_reconnect(c, "a gap in the metadata tail");
    } else if (push->batch.len > 0) {
        err = batch_apply(c, push, &arena);
    } else {
        c->offset = push->offset;
        c->offset_epoch = push->epoch;
    }
    arena_release(&arena);
    if (err != OK) {
        /* What comes behind it before we have stopped is no whole snapshot. */
        control_tail_reset(c);
        tail_fatal(c, err);
    }
}
