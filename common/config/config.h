/*
 * Configuration: Kafka's .properties files and --override key=value, through one table (config_table.h).
 *
 * Precedence: an override wins over the file, the file over the default. The text is Java's: `#` or `!` comments, `=`, `:`
 * or a space between key and value, a backslash goes on in the next line or escapes. Values are checked when they are set;
 * problems are sentences that name the place. A key that this build does not know is a warning, with the nearest known name.
 * Pure; texts are copied into the arena.
 */
#ifndef ODRADEK_CONFIG_CONFIG_H
#define ODRADEK_CONFIG_CONFIG_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/config/config_table.h"

enum config_key {
#define CONFIG_ENUM(symbol, name, type, value, least, most, doc) symbol,
    CONFIG_TABLE(CONFIG_ENUM)
#undef CONFIG_ENUM
        CONFIG_KEYS
};

enum topic_config_key {
#define TOPIC_CONFIG_ENUM(symbol, name, behind) symbol,
    TOPIC_CONFIG_TABLE(TOPIC_CONFIG_ENUM)
#undef TOPIC_CONFIG_ENUM
        TOPIC_CONFIG_KEYS
};

enum config_type { CONFIG_TYPE_INT, CONFIG_TYPE_BOOL, CONFIG_TYPE_TEXT, CONFIG_TYPE_LIST };

#define CONFIG_MESSAGES_MAX 64
#define CONFIG_FILE_MAX     ((size_t)1 << 20)

struct config {
    struct arena *arena;
    struct slice values[CONFIG_KEYS]; /* p == NULL: not set */
    bool given[CONFIG_KEYS];          /* by file or override, not the default */
    const char *messages[CONFIG_MESSAGES_MAX];
    bool fatal[CONFIG_MESSAGES_MAX]; /* the node must not start */
    uint32_t message_count;
};

/* All defaults. */
void config_init(struct config *, struct arena *);
/* place: the file's name, for messages. */
void config_read(struct config *, struct slice text, const char *place);
/* "key=value" */
void config_override(struct config *, struct slice assignment);
bool config_failed(const struct config *);

bool config_set(const struct config *, enum config_key);
int64_t config_int(const struct config *, enum config_key); /* must be set */
bool config_bool(const struct config *, enum config_key);
struct slice config_text(const struct config *, enum config_key); /* NULL slice: not set */
const char *config_name(enum config_key);
enum config_type config_type(enum config_key);
const char *config_doc(enum config_key);

/* Kafka's chains of synonyms: ms before minutes before hours; log.dirs before log.dir. */
int64_t config_retention_ms(const struct config *);
int64_t config_roll_ms(const struct config *);

/* The next item of a comma-separated list, trimmed; false at the end. */
bool config_item(struct slice *list, struct slice *ret_item);

struct config_address {
    char name[64]; /* of the listener, or the id as text */
    char host[HOST_NAME_MAX_BYTES + 1];
    uint16_t port;
};
/* "NAME://host:port"; "id@host:port". ERR_MALFORMED. */
err_t config_listener_parse(struct slice, struct config_address *ret_address) MUST_USE;
err_t config_voter_parse(struct slice, int32_t *ret_id,
                         struct config_address *ret_address) MUST_USE;

/* --- topic settings --- */

const char *topic_config_name(enum topic_config_key);
bool topic_config_find(struct slice name, enum topic_config_key *ret_key);
enum config_key topic_config_behind(enum topic_config_key);
/* Whether a topic may have this setting; on false a sentence in `why`. */
bool topic_config_check(struct slice name, struct slice value, char *why, size_t why_bytes);
/* As number: `value` if given (p != NULL), else what the broker's configuration says. */
int64_t topic_config_int(const struct config *, enum topic_config_key, struct slice value);
struct slice topic_config_text(const struct config *, enum topic_config_key, struct slice value);

#endif
