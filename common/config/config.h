/*
 * Configuration: Kafka's .properties files and --override key=value, through one table (config_table.h), of which
 * docs/CONFIG.md is made too.
 *
 * The text is java.util.Properties', as UTF-8: `#` or `!` comments, `=`, `:` or blanks between key and value, a backslash goes
 * on in the next line or escapes (\t \n \r \f \uXXXX). Of two equal keys the last counts, with a warning. Precedence:
 * override, file, default. Values are checked when they are set; messages are sentences that say what, where, why and what
 * to do. Unknown keys are warnings with the nearest known name (errors with config.strict=true); keys of Kafka without effect
 * here are notes. A password is never shown. Pure; texts are copied into the arena.
 *
 *     config_init(&config, &arena);
 *     config_read(&config, bytes_of_file, "broker.properties");
 *     config_override(&config, slice_str("node.id=7"));
 *     config_finish(&config, "broker", host_name, &net);
 *     for (i = 0; i < config.message_count; i++) ... print config.grades[i], config.messages[i] ...
 *     if (config_failed(&config)) return EXIT_CONFIG;
 *     time_ms every = config_int(&config, CONFIG_HEARTBEAT_MS);
 */
#ifndef ODRADEK_CONFIG_CONFIG_H
#define ODRADEK_CONFIG_CONFIG_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/config/config_table.h"

enum config_key {
#define CONFIG_ENUM(id, name, type, fallback, valid, mode, effect, text) CONFIG_##id,
    CONFIG_TABLE(CONFIG_ENUM)
#undef CONFIG_ENUM
        CONFIG_KEYS
};

enum topic_config_key {
#define TOPIC_CONFIG_ENUM(id, name, type, fallback, valid, synonyms, effect, text) \
    TOPIC_CONFIG_##id,
    CONFIG_TOPIC_TABLE(TOPIC_CONFIG_ENUM)
#undef TOPIC_CONFIG_ENUM
        TOPIC_CONFIG_KEYS
};

/* Numbers as in DescribeConfigs responses (ConfigResponse.ConfigType). */
enum config_type {
    CONFIG_TYPE_BOOLEAN = 1,
    CONFIG_TYPE_STRING = 2,
    CONFIG_TYPE_INT = 3,
    CONFIG_TYPE_SHORT = 4,
    CONFIG_TYPE_LONG = 5,
    CONFIG_TYPE_DOUBLE = 6,
    CONFIG_TYPE_LIST = 7,
    CONFIG_TYPE_CLASS = 8,
    CONFIG_TYPE_PASSWORD = 9
};

enum config_mode { CONFIG_READ_ONLY, CONFIG_PER_BROKER, CONFIG_CLUSTER_WIDE };

enum config_effect {
    CONFIG_WORKS,
    CONFIG_OWN,       /* works, and Kafka has no such key */
    CONFIG_NO_EFFECT, /* known, and changes nothing here */
    CONFIG_HIDDEN,    /* the same, internal to Kafka: told to clients only where it is set */
    CONFIG_REFUSED    /* another value than the default is an error */
};

enum config_grade { CONFIG_NOTE, CONFIG_WARNING, CONFIG_ERROR };

/* More are counted, not kept; errors are always kept (the last seat is theirs). */
#define CONFIG_MESSAGES_MAX 256
/* A file is written by hand: what is longer is another file. */
#define CONFIG_FILE_MAX     ((size_t)10 << 20)

struct config {
    struct arena *arena;
    struct slice values[CONFIG_KEYS]; /* trimmed; p == NULL: not set. NUL-terminated */
    bool given[CONFIG_KEYS];          /* by file or override, not the default */
    bool overridden[CONFIG_KEYS];
    const char *file;            /* the last one read, as messages name it */
    uint32_t lines[CONFIG_KEYS]; /* of the file, where it is given there */
    const char *messages[CONFIG_MESSAGES_MAX];
    enum config_grade grades[CONFIG_MESSAGES_MAX];
    bool fatal[CONFIG_MESSAGES_MAX]; /* the node must not start: an error */
    uint32_t message_count;
    uint32_t untold;  /* messages beyond what is kept */
    uint32_t unknown; /* keys that nobody knows */
    bool failed;
};

/* All defaults. */
void config_init(struct config *, struct arena *);
/* place: the file's name, for messages. Keys that an override has set stay. */
void config_read(struct config *, struct slice text, const char *place);
/* "key=value" */
void config_override(struct config *, struct slice assignment);
bool config_failed(const struct config *);

/* No value: config_set says false. config_int of a key without a value, or of another type, is our bug. */
bool config_set(const struct config *, enum config_key);
int64_t config_int(const struct config *, enum config_key); /* INT, SHORT, LONG */
double config_double(const struct config *, enum config_key);
bool config_bool(const struct config *, enum config_key);
struct slice config_text(const struct config *, enum config_key); /* any; NULL slice: not set */
const char *config_str(const struct config *, enum config_key); /* the same as C string, or NULL */

/* --- the table --- */

const char *config_name(enum config_key);
enum config_type config_type(enum config_key);
enum config_mode config_mode(enum config_key);
enum config_effect config_effect(enum config_key);
const char *config_doc(enum config_key);
bool config_find(struct slice name, enum config_key *ret_key);
/* docs/CONFIG.md, piece by piece. */
void config_doc_print(void (*write)(void *ctx, struct slice), void *ctx);

/* --- what several keys say together --- */

/* Kafka's chains of synonyms: ms before minutes before hours. */
int64_t config_retention_ms(const struct config *);
int64_t config_roll_ms(const struct config *);
int64_t config_roll_jitter_ms(const struct config *);
/* Reactors: num.network.threads, else one per core, and one on up to two cores. */
uint32_t config_reactors(const struct config *, uint32_t cores);

/* The next item of a comma-separated list, trimmed, never empty; false at the end. */
bool config_item(struct slice *list, struct slice *ret_item);

struct config_address {
    char name[64];                      /* of the listener, or the id as text */
    char host[HOST_NAME_MAX_BYTES + 1]; /* without brackets; empty: every address of the machine */
    uint16_t port;
};
/* "NAME://host:port"; "id@host:port". ERR_MALFORMED. */
err_t config_listener_parse(struct slice, struct config_address *ret_address) MUST_USE;
err_t config_voter_parse(struct slice, int32_t *ret_id,
                         struct config_address *ret_address) MUST_USE;

/* Who listens where, and who decides: plain data. */
struct config_net {
    struct config_listener {
        struct config_address bind;       /* name in upper case */
        struct config_address advertised; /* the same name; host never empty */
    } listeners[LISTENERS_MAX];
    uint32_t listener_count;
    uint32_t
        inter_broker; /* index: how brokers reach each other; of a controller: how controllers do */
    struct config_voter {
        int32_t id; /* -1: unknown (controller.quorum.bootstrap.servers) */
        struct config_address address;
    } voters[VOTERS_MAX]; /* by id; of a controller node.id is among them */
    uint32_t voter_count;
    struct config_address admin[LISTENERS_MAX];
    uint32_t admin_count;
    int32_t node_id;
    const char *log_dirs[LOG_DIRS_MAX];
    uint32_t log_dir_count;
    const char *metadata_dir;
};

/*
 * Checks what hangs together, for a node of this role ("broker" or "controller"), and fills *ret_net, which means something
 * only if !config_failed. host_name: of this machine, for listeners without a host. Adds messages.
 */
void config_finish(struct config *, const char *role, const char *host_name,
                   struct config_net *ret_net);

/* --- settings of topics (more in topic_config.h) --- */

const char *topic_config_name(enum topic_config_key);
bool topic_config_find(struct slice name, enum topic_config_key *ret_key);
/* The first of the node's keys behind it; CONFIG_KEYS: none. */
enum config_key topic_config_behind(enum topic_config_key);
/* Whether a topic may have this setting; on false a sentence of Kafka's kind in `why` (a client is told INVALID_CONFIG). */
bool topic_config_check(struct slice name, struct slice value, char *why, size_t why_bytes);
/* As number: `value` if given (p != NULL), else what the node's configuration says. */
int64_t topic_config_int(const struct config *, enum topic_config_key, struct slice value);
struct slice topic_config_text(const struct config *, enum topic_config_key, struct slice value);

#endif
