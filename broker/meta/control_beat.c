#include "broker/meta/control_internal.h"
#include "common/wire/kafka_error.h"

static void beat_send(struct control *c);

static void beat_later(struct control *c)
{
    timer_arm(c->loop, &c->beat_timer, loop_now_us(c->loop) + c->options.heartbeat_ms * 1000);
}

static void heard(struct control *c, const Odradek__Heartbeaten *answer)
{
    c->may_be_unfenced = false;
    if ((bool)answer->fenced != c->fenced) {
        c->fenced = answer->fenced;
        trace_log(c->trace, TRACE_INFO, TRACE_CONTROL,
                  c->fenced ? "fenced by the controllers; leading nothing until unfenced"
                            : "unfenced: serving");
        c->events->fenced(c->ctx, c->fenced);
    }
    if (answer->should_shut_down && c->want_shutdown) {
        c->events->may_stop(c->ctx);
    }
}

static void on_beaten(struct rpc_call *call, err_t err, const Odradek__Frame *answer)
{
    struct control *c = CONTAINER_OF(call, struct control, beat);
    if (c->conn == NULL) {
        return;
    }
    /* The answer lies behind what is coming: who asked elsewhere would be sent that from its beginning, each time. */
    if (err == ERR_TIMEOUT && rpc_received_bytes(c->conn) != c->beat_received) {
        beat_send(c);
        return;
    }
    if (err != OK) {
        control_reconnect(c, "no answer to a heartbeat");
        return;
    }
    if (control_misdirected(c, answer)) {
        return;
    }
    if (answer->error == KAFKA_STALE_BROKER_EPOCH ||
        answer->error == KAFKA_BROKER_ID_NOT_REGISTERED) {
        trace_log(c->trace, TRACE_WARN, TRACE_CONTROL,
                  "the controllers do not know epoch %lld (%s); registering again",
                  (long long)c->epoch, answer->error_text);
        c->epoch = -1;
        control_reconnect(c, "registering again");
        return;
    }
    if (answer->body_case == ODRADEK__FRAME__BODY_HEARTBEATEN) {
        heard(c, answer->heartbeaten);
    }
    if (c->conn == NULL) {
        return;
    }
    if (c->beat_again) {
        c->beat_again = false;
        beat_send(c);
    } else {
        beat_later(c);
    }
}

static void beat_send(struct control *c)
{
    ProtobufCBinaryData dirs[LOG_DIRS_MAX];
    if (c->held) {
        beat_later(c);
        return;
    }
    for (uint32_t i = 0; i < c->offline_dir_count; i++) {
        dirs[i] = rpc_uuid(&c->offline_dirs[i]);
    }
    Odradek__Heartbeat body = ODRADEK__HEARTBEAT__INIT;
    body.broker = c->options.broker;
    body.epoch = c->epoch;
    body.metadata_offset = c->offset;
    body.want_fence = c->want_fence;
    body.want_shutdown = c->want_shutdown;
    body.offline_dirs = dirs;
    body.n_offline_dirs = c->offline_dir_count;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_HEARTBEAT;
    frame.heartbeat = &body;
    c->beat.done = on_beaten;
    c->beat_received = rpc_received_bytes(c->conn);
    c->may_be_unfenced = c->may_be_unfenced || !(c->want_fence || c->want_shutdown);
    rpc_ask(c->conn, &c->beat, &frame, max_i64(c->options.session_ms / 2, 100));
}

static void on_beat_timer(struct timer *timer)
{
    control_beat_now(CONTAINER_OF(timer, struct control, beat_timer));
}

void control_beat_now(struct control *c)
{
    c->beat_timer.fire = on_beat_timer;
    if (c->state != CONTROL_UP) {
        return;
    }
    if (c->beat.conn != NULL) {
        c->beat_again = true;
        return;
    }
    timer_cancel(c->loop, &c->beat_timer);
    beat_send(c);
}

void control_beat_stop(struct control *c)
{
    timer_cancel(c->loop, &c->beat_timer);
    rpc_forget(&c->beat);
    rpc_forget(&c->call);
    c->beat_again = false;
}

void control_want_fence(struct control *c, bool want_fence)
{
    if (c->want_fence != want_fence) {
        c->want_fence = want_fence;
        control_beat_now(c);
    }
}

void control_want_shutdown(struct control *c)
{
    c->want_shutdown = true;
    control_beat_now(c);
}

void control_dir_offline(struct control *c, struct uuid dir)
{
    assert(c->offline_dir_count < LOG_DIRS_MAX);
    c->offline_dirs[c->offline_dir_count++] = dir;
    control_beat_now(c);
}

void control_hold_heartbeats(struct control *c, bool hold)
{
    c->held = hold;
}
