#include "controller/state/state_internal.h"

struct command_result topic_name_check(struct decision *decision, struct slice name)
{
    char why[TOPIC_NAME_WHY_BYTES];
    if (meta_topic_name_good(name, why, sizeof(why))) {
        return (struct command_result){0};
    }
    return result_of(KAFKA_INVALID_TOPIC_EXCEPTION, decision_text(decision, "%s", why));
}

/* Metric names hold '_' where topic names hold '.', so two such topics would share theirs. The names lie in order, so the
 * twins are found by walking down the prefixes that exist: at each separator both ways, where a topic begins like that. */
struct walk {
    const struct meta_image *image;
    uint8_t name[TOPIC_NAME_MAX];
    size_t n;
};

static bool prefix_exists(const struct walk *walk, size_t n)
{
    const struct meta_topic *topic = meta_topic_next(walk->image, slice_of(walk->name, n));
    if (topic == NULL) {
        return false;
    }
    struct slice name = meta_topic_name(topic);
    assert(n > 0 && slice_cmp(name, slice_of(walk->name, n)) > 0);
    return name.n >= n && memcmp(name.p, walk->name, n) == 0;
}

static const struct meta_topic *twin(struct walk *walk, size_t from)
{
    assert(from <= walk->n && walk->n <= TOPIC_NAME_MAX);
    size_t at = from;
    while (at < walk->n && walk->name[at] != '.' && walk->name[at] != '_') {
        at++;
    }
    if (at == walk->n) {
        return meta_topic_named(walk->image, slice_of(walk->name, walk->n));
    }
    uint8_t own = walk->name[at];
    const struct meta_topic *found = NULL;
    for (unsigned i = 0; i < 2 && found == NULL; i++) {
        walk->name[at] = i == 0 ? '.' : '_';
        if (at + 1 == walk->n || prefix_exists(walk, at + 1)) {
            found = twin(walk, at + 1);
        }
    }
    walk->name[at] = own;
    return found;
}

struct slice topic_name_collision(const struct meta_image *image, struct slice name)
{
    assert(name.n > 0 && name.n <= TOPIC_NAME_MAX);
    struct walk walk = {.image = image, .n = name.n};
    memcpy(walk.name, name.p, name.n);
    const struct meta_topic *topic = twin(&walk, 0);
    assert(walk.n == name.n && memcmp(walk.name, name.p, name.n) == 0);
    return topic == NULL ? (struct slice){0} : meta_topic_name(topic);
}
