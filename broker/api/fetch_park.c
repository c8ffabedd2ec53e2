/*
 * The waiting part of a fetch. Each item holds its partition's last answer; `bytes` is the sum of the records in them. News of
 * a partition leads to one more question to that partition alone.
 */
#include "broker/api/fetch.h"

/* A range that is read in twice and is still not there is not readable. */
#define WARMINGS_MAX 2

static void ask(struct fetch *fetch, struct fetch_item *item)
{
    assert(item->partition != NULL && !item->watched && !item->part.warming && !fetch->ending);
    assert(fetch->bytes >= item->bytes);
    fetch->bytes -= item->bytes;
    size_t left = fetch->bytes < fetch->bytes_max ? fetch->bytes_max - fetch->bytes : 0;
    size_t want = item->want.bytes_max > 0 ? (size_t)item->want.bytes_max : 0;
    /* A follower that asks for no bytes tells its durable end and wants no answer. */
    bool first = fetch->bytes == 0 && (fetch->bytes_max > 0 || !fetch->follower);
    bool redirected = item->preferred >= 0;
    partition_fetch(item->partition, &item->part,
                    redirected    ? 0
                    : want < left ? want
                                  : left,
                    first && !redirected);
    item->part.at_once = item->part.at_once || redirected;
    item->bytes = item->part.producers.n +
                  (item->part.records.file != NULL ? item->part.records.n : 0);
    fetch->bytes += item->bytes;
}

static void warm(struct fetch *fetch, struct fetch_item *item)
{
    if (item->warmings < WARMINGS_MAX) {
        item->warmings++;
        partition_warm(item->partition, &item->part, &fetch->wait);
    } else {
        item->error = KAFKA_KAFKA_STORAGE_ERROR;
    }
}

static bool due(const struct fetch *fetch)
{
    if (fetch->expired || fetch->item_count == 0 || fetch->bytes >= fetch->bytes_min) {
        return true;
    }
    for (size_t i = 0; i < fetch->item_count; i++) {
        if (fetch->items[i].error != KAFKA_NONE || fetch->items[i].part.at_once) {
            return true;
        }
    }
    return false;
}

/* Off watch: what a partition's thread writes into a part may be looked at from here on. */
static void unwatch_all(struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->item_count; i++) {
        struct fetch_item *item = &fetch->items[i];
        if (item->watched) {
            partition_unwatch(&item->part);
            item->watched = false;
        }
    }
}

/* Lets go of everything; the answer follows now, or with the mail that is on its way. */
static void end(struct fetch *fetch)
{
    assert(!fetch->ending);
    fetch->ending = true;
    timer_cancel(fetch->request->edge->loop, &fetch->timer);
    unwatch_all(fetch);
    if (fetch_wait_idle(&fetch->wait)) {
        fetch_answer(fetch);
    }
}

/* false: there was news meanwhile. */
static bool watch_all(struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->item_count; i++) {
        struct fetch_item *item = &fetch->items[i];
        if (item->partition == NULL || item->watched || item->error != KAFKA_NONE) {
            continue;
        }
        item->watched = partition_watch(item->partition, &item->part, &fetch->wait);
        if (!item->watched) {
            ask(fetch, item);
            return false;
        }
    }
    return true;
}

static bool warm_all(struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->item_count; i++) {
        struct fetch_item *item = &fetch->items[i];
        if (item->part.cold && item->error == KAFKA_NONE && !item->part.warming) {
            warm(fetch, item);
        }
    }
    return fetch->wait.jobs > 0;
}

/* Answers, or sees to it that something will call again. Cold records are worth any wait: they are what was asked for. */
static void go_on(struct fetch *fetch)
{
    for (;;) {
        if (warm_all(fetch)) {
            return;
        }
        if (due(fetch)) {
            end(fetch);
            return;
        }
        if (watch_all(fetch)) {
            return;
        }
    }
}

static void on_news(struct mail *mail)
{
    struct fetch_wait *wait = CONTAINER_OF(mail, struct fetch_wait, mail);
    struct fetch *fetch = CONTAINER_OF(wait, struct fetch, wait);
    fetch_wait_again(wait);
    if (fetch->ending) {
        if (fetch_wait_idle(wait)) {
            fetch_answer(fetch);
        }
        return;
    }
    assert(!fetch->request->ended);
    unwatch_all(fetch);
    for (size_t i = 0; i < fetch->item_count; i++) {
        struct fetch_item *item = &fetch->items[i];
        if (item->partition != NULL && item->part.woken && !item->part.warming) {
            ask(fetch, item);
        }
    }
    go_on(fetch);
}

static void on_time(struct timer *timer)
{
    struct fetch *fetch = CONTAINER_OF(timer, struct fetch, timer);
    fetch->expired = true;
    if (fetch->wait.jobs == 0) {
        end(fetch);
    }
}

static void on_gone(struct request *request)
{
    struct fetch *fetch = request->state;
    fetch->expired = true;
    if (!fetch->ending) {
        end(fetch);
    }
}

void fetch_start(struct fetch *fetch, time_ms wait_max_ms)
{
    struct request *request = fetch->request;
    fetch_wait_init(&fetch->wait, request->edge->loop, on_news);
    request->state = fetch;
    request->gone = on_gone;
    fetch->timer.fire = on_time;
    for (size_t i = 0; i < fetch->item_count; i++) {
        if (fetch->items[i].partition != NULL) {
            ask(fetch, &fetch->items[i]);
        }
    }
    if (wait_max_ms <= 0) {
        fetch->expired = true;
    } else {
        time_us until = loop_now_us(request->edge->loop) + wait_max_ms * 1000;
        if (fetch->follower) { /* idle followers are answered in one turn, and ask again in one */
            time_us beat = max_i64(wait_max_ms * 1000 / 4, 1);
            until = (until + beat - 1) / beat * beat;
        }
        timer_arm(request->edge->loop, &fetch->timer, until);
    }
    go_on(fetch);
}
