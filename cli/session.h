/*
 * A client's view of a cluster, for one thread that does one thing after the other: connections to brokers, each greeted with
 * ApiVersions, requests in the newest version that both sides know, and the brokers' addresses as metadata tells them.
 *
 * Nothing here retries a request: a caller that may ask again knows why. Waiting turns the loop (common/port/turn.h), so that
 * many requests may be out at once while the caller waits for one of them.
 * Answers are copied into the caller's arena and live as long as it. All input is bounded by SESSION_FRAME_MAX and by the walker's
 * own checks (common/wire/kmsg.h).
 */
#ifndef ODRADEK_CLI_SESSION_H
#define ODRADEK_CLI_SESSION_H

#include "common/client/client_conn.h"
#include "common/port/turn.h"
#include "common/wire/kafka_error.h"
#include "kmsg/metadata.h"

#define SESSION_FRAME_MAX     ((size_t)100 << 20) /* Kafka's own answers to a fetch end there */
#define SESSION_BOOTSTRAP_MAX 16
#define SESSION_APIS          128
#define NO_VERSION            (-1)

/* Keys of the requests that the command line sends. */
enum api_key {
    API_PRODUCE = 0,
    API_FETCH = 1,
    API_LIST_OFFSETS = 2,
    API_METADATA = 3,
    API_API_VERSIONS = 18,
    API_CREATE_TOPICS = 19,
    API_DELETE_TOPICS = 20,
    API_DELETE_RECORDS = 21,
    API_INIT_PRODUCER_ID = 22,
    API_DESCRIBE_CONFIGS = 32,
    API_DESCRIBE_LOG_DIRS = 35,
    API_CREATE_PARTITIONS = 37,
    API_INCREMENTAL_ALTER_CONFIGS = 44,
    API_DESCRIBE_QUORUM = 55,
    API_DESCRIBE_CLUSTER = 60,
    API_DESCRIBE_TOPIC_PARTITIONS = 75,
};

struct link;

/* A request that is out, or its answer. Lives in the caller, zeroed before its first use; free again once it is not out. */
struct ask {
    struct client_call call;
    struct list_node node; /* the link's own */
    struct link *link;
    struct arena *arena;
    void *response;
    time_us sent_at;
    time_us deadline;
    bool out;
    err_t err; /* of an ask that is not out: OK, the response is there; else why it is not */
};

enum link_state {
    LINK_CLOSED,
    LINK_DIALING,
    LINK_GREETING,
    LINK_READY,
};

/* A connection to one broker. */
struct link {
    struct client_conn conn;
    struct list_node node;
    struct session *session;
    struct net_address address;
    int32_t broker_id; /* -1: only an address so far */
    enum link_state state;
    err_t why;        /* of LINK_CLOSED */
    time_us began_at; /* of the dial */
    time_us ready_at;
    time_us retry_at; /* not dialled again before */
    struct list asks; /* in the order they were sent */
    struct ask greeting;
    int16_t versions[SESSION_APIS][2]; /* what the broker serves */
    struct arena arena;
};

struct session {
    struct host *host;
    struct loop *loop;
    struct heap heap;
    struct arena arena; /* links, names; as long as the session */
    struct net_address bootstrap[SESSION_BOOTSTRAP_MAX];
    uint32_t bootstrap_count;
    struct list links;
    time_us timeout_us; /* of a dial with its greeting, and of each request */
    bool interrupted;   /* a signal asked to stop */
};

/* The loop has no thread and belongs to the caller. */
void session_init(struct session *, struct host *, struct loop *, time_us timeout_us);
void session_release(struct session *);

/* "host:port,host,[::1]:9092"; 9092 where no port is given. ERR_MALFORMED, ERR_LIMIT; *ret_bad: the item that is wrong. */
err_t session_bootstrap(struct session *, const char *list, struct slice *ret_bad) MUST_USE;
/* One address as above. */
err_t session_address_parse(struct slice text, struct net_address *ret_address) MUST_USE;

/* The link to a broker or address, which is made and dialled when need be; does not wait. ERR_NO_MEMORY. */
err_t session_link(struct session *, int32_t broker_id, const struct net_address *,
                   struct link **ret_link) MUST_USE;
/* A link to whoever answers: one that is up, else the bootstrap addresses one after the other. The error is the last one's. */
err_t session_any(struct session *, struct link **ret_link) MUST_USE;
/* Until it is ready. */
err_t link_wait(struct link *) MUST_USE;
void link_close(struct link *, err_t why);

/* The newest version of an API that both sides know; NO_VERSION: none. The link is ready. */
int16_t link_version(const struct link *, enum api_key);

/* Sends; the answer is awaited with ask_wait or by turning the session until !ask->out. Takes time-outs from the session, and
 * `more_us` beside, for requests that the broker may hold. ERR_UNSUPPORTED: the broker does not serve it. */
err_t ask_start(struct ask *, struct link *, enum api_key, const void *request, struct arena *,
                void *response, time_us more_us) MUST_USE;
err_t ask_wait(struct ask *) MUST_USE;
/* Both, on this link. */
err_t ask_link(struct link *, enum api_key, const void *request, struct arena *,
               void *response) MUST_USE;
/* A request without an answer (acks=0). */
err_t link_tell(struct link *, enum api_key, const void *request) MUST_USE;
/* Forgets an ask whose owner goes; its link is closed. */
void ask_drop(struct ask *);

/* One turn: what is there, or until something comes, or until `until`. Asks past their deadline fail with ERR_TIMEOUT, and their
 * connection with them. */
void session_turn(struct session *, time_us until);
/* Turns for so long; shorter when interrupted. */
void session_sleep(struct session *, time_us span_us);
time_us session_now(const struct session *);

/* Metadata of these topics (count 0: of none; names NULL: of all) from whoever answers, and the brokers' addresses beside. */
err_t session_metadata(struct session *, const struct slice *names, int32_t count, struct arena *,
                       struct kmsg_metadata_response *ret_response) MUST_USE;
/* The link to a broker of this metadata, ready. ERR_NOT_FOUND: the metadata knows none of this id. */
err_t session_broker(struct session *, const struct kmsg_metadata_response *, int32_t broker_id,
                     struct link **ret_link) MUST_USE;
bool metadata_address(const struct kmsg_metadata_response *, int32_t broker_id,
                      struct net_address *ret_address) MUST_USE;

#endif
