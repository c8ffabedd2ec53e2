#include "cli/session.h"

#include <stdio.h>

#include "cli/version.h"
#include "common/base/bytes.h"
#include "common/port/clock.h"
#include "common/port/memory.h"
#include "kmsg/api_versions.h"

#define HEAP_MAX        ((size_t)1 << 30)
#define ARENA_MAX       ((size_t)64 << 20)
#define REDIAL_US       100000
#define GREETING_MEMORY ((size_t)1 << 20)

void session_init(struct session *session, struct host *host, struct loop *loop, time_us timeout_us)
{
    assert(timeout_us >= 0);
    *session = (struct session){.host = host, .loop = loop, .timeout_us = timeout_us};
    heap_init(&session->heap, memory_source(host), HEAP_MAX);
    arena_init(&session->arena, memory_source(host), 16384, ARENA_MAX);
    list_init(&session->links);
}

void session_release(struct session *session)
{
    LIST_EACH(&session->links, node)
    {
        struct link *link = CONTAINER_OF(node, struct link, node);
        link_close(link, ERR_CLOSED);
        arena_release(&link->arena);
    }
    loop_turn(session->loop, 0); /* closed connections are freed at a turn's end */
    arena_release(&session->arena);
    heap_release(&session->heap);
}

time_us session_now(const struct session *session)
{
    return clock_mono_us(session->host);
}

/* ---- addresses ---- */

err_t session_address_parse(struct slice text, struct net_address *ret_address)
{
    assert(text.p != NULL);
    const uint8_t *end = text.p + text.n;
    const uint8_t *close = text.n > 0 && text.p[0] == '[' ? memchr(text.p, ']', text.n) : NULL;
    const uint8_t *colon = memrchr(text.p, ':', text.n);
    struct slice host = text;
    uint32_t port = 9092;
    ENSURE(text.n > 0 && (text.p[0] != '[' || close != NULL), ERR_MALFORMED);
    if (close != NULL) {
        host = slice_of(text.p + 1, (size_t)(close - text.p - 1));
        ENSURE(close + 1 == end || close + 1 == colon, ERR_MALFORMED);
        colon = close + 1 == end ? NULL : colon;
    } else if (colon != NULL && memchr(text.p, ':', (size_t)(colon - text.p)) == NULL) {
        host.n = (size_t)(colon - text.p);
    } else {
        colon = NULL; /* none, or an IPv6 address without brackets */
    }
    if (colon != NULL) {
        port = 0;
        ENSURE(colon + 1 < end && end - colon <= 6, ERR_MALFORMED);
        for (const uint8_t *p = colon + 1; p < end; p++) {
            ENSURE(*p >= '0' && *p <= '9', ERR_MALFORMED);
            port = port * 10 + (*p - '0');
        }
    }
    ENSURE(host.n > 0 && host.n <= HOST_NAME_MAX_BYTES && port > 0 && port <= UINT16_MAX,
           ERR_MALFORMED);
    memcpy(ret_address->host, host.p, host.n);
    ret_address->host[host.n] = '\0';
    ret_address->port = (uint16_t)port;
    return OK;
}

err_t session_bootstrap(struct session *session, const char *list, struct slice *ret_bad)
{
    *ret_bad = slice_str(list);
    for (const char *at = list; *at != '\0';) {
        size_t n = strcspn(at, ", ");
        if (n > 0) {
            *ret_bad = slice_of(at, n);
            ENSURE(session->bootstrap_count < SESSION_BOOTSTRAP_MAX, ERR_LIMIT);
            TRY(session_address_parse(*ret_bad, &session->bootstrap[session->bootstrap_count]));
            session->bootstrap_count++;
        }
        at += n + (at[n] != '\0');
    }
    return session->bootstrap_count > 0 ? OK : ERR_MALFORMED;
}

/* ---- links ---- */

static void asks_fail(struct link *link, err_t why)
{
    assert(why != OK);
    for (struct list_node *node = list_pop(&link->asks); node != NULL;
         node = list_pop(&link->asks)) {
        struct ask *ask = CONTAINER_OF(node, struct ask, node);
        ask->out = false;
        ask->err = why;
    }
}

void link_close(struct link *link, err_t why)
{
    assert(why != OK);
    client_conn_close(&link->conn);
    if (link->state != LINK_CLOSED) {
        link->state = LINK_CLOSED;
        link->why = why;
        link->retry_at = session_now(link->session) + REDIAL_US;
    }
    asks_fail(link, why);
}

static void conn_closed(struct client_conn *conn, err_t why)
{
    struct link *link = CONTAINER_OF(conn, struct link, conn);
    link_close(link, why);
}

static err_t send(struct ask *ask, struct link *link, const struct kmsg_api *api, int16_t version,
                  const void *request, time_us more_us);

static err_t greet(struct link *link, int16_t version)
{
    assert(link->state == LINK_GREETING);
    struct kmsg_api_versions_request request;
    struct kmsg_api_versions_response *response;
    kmsg_api_versions_request_init(&request);
    if (version >= 3) {
        request.client_software_name = slice_str("odradek");
        request.client_software_version = slice_str(ODRADEK_VERSION);
    }
    arena_clear(&link->arena);
    response = ARENA_NEW(&link->arena, struct kmsg_api_versions_response);
    ENSURE(response != NULL, ERR_NO_MEMORY);
    link->greeting = (struct ask){.arena = &link->arena, .response = response};
    return send(&link->greeting, link, kmsg_api_find(API_API_VERSIONS), version, &request, 0);
}

static void conn_opened(struct client_conn *conn)
{
    assert(CONTAINER_OF(conn, struct link, conn)->state == LINK_DIALING);
    struct link *link = CONTAINER_OF(conn, struct link, conn);
    link->state = LINK_GREETING;
    err_t err = greet(link, 3);
    if (err != OK) {
        link_close(link, err);
    }
}

static void greeted(struct link *link)
{
    assert(link->state == LINK_GREETING && link->greeting.err == OK);
    const struct kmsg_api_versions_response *response = link->greeting.response;
    for (int32_t i = 0; i < response->api_keys.count; i++) {
        const struct kmsg_api_versions_response_api_key *row = &response->api_keys.items[i];
        if (row->api_key >= 0 && row->api_key < SESSION_APIS) {
            link->versions[row->api_key][0] = row->min_version;
            link->versions[row->api_key][1] = row->max_version;
        }
    }
    link->state = LINK_READY;
    link->ready_at = session_now(link->session);
    assert(link->why == OK);
}

static err_t link_dial(struct link *link)
{
    assert(list_empty(&link->asks));
    assert(link->state == LINK_CLOSED);
    link->state = LINK_DIALING;
    link->why = OK;
    link->began_at = session_now(link->session);
    for (size_t i = 0; i < SESSION_APIS; i++) {
        link->versions[i][0] = NO_VERSION;
        link->versions[i][1] = NO_VERSION;
    }
    err_t err = client_conn_open(&link->conn, &link->address);
    if (err != OK) {
        link_close(link, err);
    }
    return err;
}

static struct link *link_find(struct session *session, int32_t broker_id,
                              const struct net_address *address)
{
    assert(address->host[0] != '\0');
    LIST_EACH(&session->links, node)
    {
        struct link *link = CONTAINER_OF(node, struct link, node);
        if (link->broker_id == broker_id && link->address.port == address->port &&
            strcmp(link->address.host, address->host) == 0) {
            return link;
        }
    }
    return NULL;
}

err_t session_link(struct session *session, int32_t broker_id, const struct net_address *address,
                   struct link **ret_link)
{
    struct link *link = link_find(session, broker_id, address);
    if (link == NULL) {
        link = ARENA_NEW(&session->arena, struct link);
        ENSURE(link != NULL, ERR_NO_MEMORY);
        link->session = session;
        link->address = *address;
        link->broker_id = broker_id;
        list_init(&link->asks);
        arena_init(&link->arena, memory_source(session->host), 8192, GREETING_MEMORY);
        client_conn_init(&link->conn, session->loop, &session->heap, slice_str("odradek"),
                         SESSION_FRAME_MAX, conn_opened, conn_closed);
        list_push(&session->links, &link->node);
    }
    *ret_link = link;
    if (link->state == LINK_CLOSED && session_now(session) >= link->retry_at) {
        return link_dial(link);
    }
    return OK;
}

err_t link_wait(struct link *link)
{
    struct session *session = link->session;
    if (link->state == LINK_CLOSED) {
        time_us wait = link->retry_at - session_now(session);
        if (wait > 0) {
            session_sleep(session, wait);
        }
        TRY(link_dial(link));
    }
    while (link->state == LINK_DIALING || link->state == LINK_GREETING) {
        session_turn(session, TIME_NEVER);
        ENSURE(!session->interrupted, ERR_CLOSED);
    }
    assert(link->state == LINK_READY || link->why != OK);
    return link->state == LINK_READY ? OK : link->why;
}

err_t session_any(struct session *session, struct link **ret_link)
{
    assert(session->bootstrap_count > 0);
    err_t last = ERR_UNREACHABLE;
    LIST_EACH(&session->links, node)
    {
        struct link *link = CONTAINER_OF(node, struct link, node);
        if (link->state == LINK_READY) {
            *ret_link = link;
            return OK;
        }
    }
    for (uint32_t i = 0; i < session->bootstrap_count && !session->interrupted; i++) {
        last = session_link(session, -1, &session->bootstrap[i], ret_link);
        last = last != OK ? last : link_wait(*ret_link);
        if (last == OK) {
            return OK;
        }
    }
    LIST_EACH(&session->links, node)
    { /* brokers that metadata told of once */
        struct link *link = CONTAINER_OF(node, struct link, node);
        if (link->broker_id >= 0 && !session->interrupted && link_wait(link) == OK) {
            *ret_link = link;
            return OK;
        }
    }
    return last;
}

/* ---- asks ---- */

int16_t link_version(const struct link *link, enum api_key key)
{
    const struct kmsg_api *api = kmsg_api_find((int16_t)key);
    assert(link->state == LINK_READY && api != NULL);
    int16_t max = (int16_t)min_i64(link->versions[key][1], api->version_max);
    return link->versions[key][1] >= 0 && max >= link->versions[key][0] && max >= api->version_min
               ? max
               : NO_VERSION;
}

static err_t decode(struct ask *ask, struct slice body)
{
    assert(ask->arena != NULL && ask->response != NULL);
    struct slice copy;
    ENSURE(arena_copy(ask->arena, body, &copy), ERR_NO_MEMORY);
    return kmsg_decode(ask->call.api->response, ask->call.version, &copy, ask->arena,
                       ask->response);
}

/* A broker older than our ApiVersions says so in version 0 (protocol guide, "Retrieving Supported API versions"). */
static bool greet_older(struct link *link, const struct ask *ask, struct slice body)
{
    return ask == &link->greeting && ask->call.version > 0 && body.n >= 2 &&
           (int16_t)load_be16(body.p) == KAFKA_UNSUPPORTED_VERSION;
}

static void answered(struct client_call *call, struct slice body)
{
    struct ask *ask = CONTAINER_OF(call, struct ask, call);
    struct link *link = ask->link;
    assert(ask->out);
    list_remove(&ask->node);
    ask->out = false;
    if (greet_older(link, ask, body)) {
        err_t err = greet(link, 0);
        if (err != OK) {
            link_close(link, err);
        }
        return;
    }
    ask->err = decode(ask, body);
    if (ask == &link->greeting && ask->err == OK) {
        greeted(link);
    } else if (ask->err != OK) {
        link_close(link, ask->err); /* what else it says cannot be trusted */
    }
}

static err_t send(struct ask *ask, struct link *link, const struct kmsg_api *api, int16_t version,
                  const void *request, time_us more_us)
{
    struct session *session = link->session;
    assert(!ask->out);
    ask->link = link;
    ask->call = (struct client_call){.api = api, .version = version, .answered = answered};
    ask->sent_at = session_now(session);
    ask->deadline = ask->sent_at + session->timeout_us + more_us;
    ask->err = client_conn_send(&link->conn, &ask->call, request);
    if (ask->err == OK) {
        ask->out = true;
        list_push(&link->asks, &ask->node);
    }
    return ask->err;
}

err_t ask_start(struct ask *ask, struct link *link, enum api_key key, const void *request,
                struct arena *arena, void *response, time_us more_us)
{
    assert(!ask->out && more_us >= 0);
    ENSURE(link->state == LINK_READY, ERR_CLOSED);
    int16_t version = link_version(link, key);
    ENSURE(version != NO_VERSION, ERR_UNSUPPORTED);
    ask->arena = arena;
    ask->response = response;
    return send(ask, link, kmsg_api_find((int16_t)key), version, request, more_us);
}

err_t ask_wait(struct ask *ask)
{
    assert(ask->link != NULL);
    struct session *session = ask->link->session;
    while (ask->out) {
        session_turn(session, TIME_NEVER);
        if (session->interrupted && ask->out) {
            ask_drop(ask);
            return ERR_CLOSED;
        }
    }
    return ask->err;
}

err_t ask_link(struct link *link, enum api_key key, const void *request, struct arena *arena,
               void *response)
{
    struct ask ask = {.out = false};
    TRY(ask_start(&ask, link, key, request, arena, response, 0));
    return ask_wait(&ask);
}

err_t link_tell(struct link *link, enum api_key key, const void *request)
{
    ENSURE(link->state == LINK_READY, ERR_CLOSED);
    int16_t version = link_version(link, key);
    ENSURE(version != NO_VERSION, ERR_UNSUPPORTED);
    return client_conn_tell(&link->conn, kmsg_api_find((int16_t)key), version, request);
}

void ask_drop(struct ask *ask)
{
    if (ask->out) {
        link_close(ask->link, ERR_CLOSED); /* its answer would come to nobody */
    }
    assert(!ask->out);
}

/* ---- turning ---- */

/* Closes what waited too long; answers when to look again. */
static time_us expire(struct session *session)
{
    assert(session->timeout_us > 0);
    time_us now = session_now(session);
    time_us next = TIME_NEVER;
    LIST_EACH(&session->links, node)
    {
        struct link *link = CONTAINER_OF(node, struct link, node);
        time_us deadline = TIME_NEVER;
        if (link->state == LINK_DIALING) {
            deadline = link->began_at + session->timeout_us;
        }
        LIST_EACH(&link->asks, at)
        {
            deadline = min_i64(deadline, CONTAINER_OF(at, struct ask, node)->deadline);
        }
        if (deadline <= now) {
            link_close(link, ERR_TIMEOUT);
        } else {
            next = min_i64(next, deadline);
        }
    }
    return next;
}

void session_turn(struct session *session, time_us until)
{
    time_us next = expire(session);
    loop_turn(session->loop, min_i64(next, until));
    (void)expire(session);
}

void session_sleep(struct session *session, time_us span_us)
{
    assert(span_us >= 0);
    time_us until = session_now(session) + span_us;
    while (session_now(session) < until && !session->interrupted) {
        session_turn(session, until);
    }
}

/* ---- metadata ---- */

static err_t metadata_from(struct link *link, const struct slice *names, int32_t count,
                           struct arena *arena, struct kmsg_metadata_response *ret_response)
{
    assert(link->state == LINK_READY);
    struct kmsg_metadata_request request;
    kmsg_metadata_request_init(&request);
    ENSURE(link_version(link, API_METADATA) != NO_VERSION, ERR_UNSUPPORTED);
    request.allow_auto_topic_creation = link_version(link, API_METADATA) < 4;
    request.topics.count = names == NULL ? -1 : count;
    if (names != NULL) {
        request.topics.items = kmsg_metadata_request_topic_array(arena, count);
        ENSURE(request.topics.items != NULL, ERR_NO_MEMORY);
        for (int32_t i = 0; i < count; i++) {
            request.topics.items[i].name = names[i];
        }
    }
    return ask_link(link, API_METADATA, &request, arena, ret_response);
}

err_t session_metadata(struct session *session, const struct slice *names, int32_t count,
                       struct arena *arena, struct kmsg_metadata_response *ret_response)
{
    struct link *link;
    assert(names == NULL || count >= 0);
    for (int tries = 0; tries < 3; tries++) { /* a link may turn out to be dead */
        TRY(session_any(session, &link));
        err_t err = metadata_from(link, names, count, arena, ret_response);
        if (err != ERR_CLOSED && err != ERR_IO) {
            return err;
        }
        link_close(link, err);
        ENSURE(!session->interrupted, ERR_CLOSED);
    }
    return ERR_CLOSED;
}

bool metadata_address(const struct kmsg_metadata_response *metadata, int32_t broker_id,
                      struct net_address *ret_address)
{
    assert(metadata->brokers.count >= 0);
    for (int32_t i = 0; i < metadata->brokers.count; i++) {
        const struct kmsg_metadata_response_broker *broker = &metadata->brokers.items[i];
        if (broker->node_id == broker_id && broker->host.n > 0 &&
            broker->host.n <= HOST_NAME_MAX_BYTES && broker->port > 0 &&
            broker->port <= UINT16_MAX && memchr(broker->host.p, 0, broker->host.n) == NULL) {
            memcpy(ret_address->host, broker->host.p, broker->host.n);
            ret_address->host[broker->host.n] = '\0';
            ret_address->port = (uint16_t)broker->port;
            return true;
        }
    }
    return false;
}

err_t session_broker(struct session *session, const struct kmsg_metadata_response *metadata,
                     int32_t broker_id, struct link **ret_link)
{
    assert(ret_link != NULL);
    struct net_address address;
    ENSURE(metadata_address(metadata, broker_id, &address), ERR_NOT_FOUND);
    TRY(session_link(session, broker_id, &address, ret_link));
    return link_wait(*ret_link);
}
