#include "controller/state/state_internal.h"

struct world world_of(const struct controller_state *state)
{
    assert(state->committed != NULL);
    return (struct world){
        .state = state, .image = controller_newest(state), .gone = META_NO_BROKER};
}

const struct meta_broker *world_broker(const struct world *world, int32_t id)
{
    assert(world->image != NULL);
    if (id == world->gone) {
        return NULL;
    }
    if (world->broker != NULL && world->broker->id == id) {
        return world->broker;
    }
    return meta_broker(world->image, id);
}

bool world_active(const struct world *world, int32_t id)
{
    const struct meta_broker *broker = world_broker(world, id);
    return broker != NULL && !broker->fenced && !broker->shutting_down;
}

bool broker_has_dir(const struct meta_broker *broker, struct uuid dir)
{
    assert(broker->dir_count <= LOG_DIRS_MAX);
    for (uint32_t i = 0; i < broker->dir_count; i++) {
        if (uuid_eq(broker->dirs[i], dir)) {
            return true;
        }
    }
    return false;
}

bool world_seat(const struct world *world, const struct meta_replica *replica)
{
    assert(replica != NULL);
    assert(replica->broker >= 0);
    const struct meta_broker *broker = world_broker(world, replica->broker);
    return broker != NULL && (uuid_is_none(replica->dir) || broker_has_dir(broker, replica->dir) ||
                              MUTANT(89)); /* the second guard of it; sweep.c has the first */
}

bool world_kept(const struct world *world, const struct meta_replica *replica)
{
    assert(replica != NULL);
    return world_seat(world, replica) ||
           (replica->synced && world_broker(world, replica->broker) != NULL);
}

/* --- settings --- */

bool setting_matters(struct slice key)
{
    return slice_eq(key, slice_str(SETTING_MIN_ISR)) || slice_eq(key, slice_str(SETTING_UNCLEAN)) ||
           slice_eq(key, slice_str(SETTING_DURABILITY));
}

/* What the decision makes of this resource's setting; false: it leaves it alone. */
static bool changed_value(const struct world *world, enum meta_resource resource, struct slice name,
                          struct slice key, struct slice *ret_value)
{
    const struct alter_resource *change = world->resource;
    assert(key.n > 0);
    if (change == NULL || change->resource != resource || !slice_eq(change->name, name)) {
        return false;
    }
    for (uint32_t i = change->setting_count; i > 0; i--) { /* the last word counts */
        if (slice_eq(change->settings[i - 1].key, key)) {
            *ret_value = change->settings[i - 1].value;
            return true;
        }
    }
    *ret_value = (struct slice){0};
    return change->replace;
}

static struct slice value_of(const struct world *world, enum meta_resource resource,
                             struct slice name, struct slice key)
{
    struct slice value;
    if (changed_value(world, resource, name, key, &value)) {
        return value;
    }
    return meta_config_value(world->image, resource, name, key);
}

struct slice world_setting(const struct world *world, struct slice topic, const char *key)
{
    assert(topic.n > 0);
    struct slice value = value_of(world, META_RESOURCE_TOPIC, topic, slice_str(key));
    if (value.p == NULL) {
        value = value_of(world, META_RESOURCE_BROKER, slice_of("", 0), slice_str(key));
    }
    if (value.p == NULL) {
        value = value_of(world, META_RESOURCE_FILES, slice_of("", 0), slice_str(key));
    }
    return value;
}

/* A positive decimal number, or 0. Values were checked before they were written; a stranger one counts as absent. */
static int32_t number_of(struct slice text)
{
    int64_t number = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || number > INT32_MAX / 10) {
            return 0;
        }
        number = number * 10 + (text.p[i] - '0');
    }
    return number > INT32_MAX ? 0 : (int32_t)number;
}

int32_t world_min_isr(const struct world *world, struct slice topic, uint32_t replicas)
{
    assert(replicas > 0 && replicas <= REPLICAS_MAX);
    int32_t min = number_of(world_setting(world, topic, SETTING_MIN_ISR));
    if (min == 0) {
        min = world->state->settings.defaults.min_insync_replicas;
    }
    assert(min >= 1);
    return min < (int32_t)replicas ? min : (int32_t)replicas;
}

/* Kafka reads booleans and names without regard to case. */
static bool text_is(struct slice text, const char *lower)
{
    size_t n = strlen(lower);
    assert(n > 0);
    if (text.n != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t c = text.p[i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != (uint8_t)lower[i]) {
            return false;
        }
    }
    return true;
}

bool world_unclean(const struct world *world, struct slice topic)
{
    struct slice value = world_setting(world, topic, SETTING_UNCLEAN);
    return value.p == NULL ? world->state->settings.defaults.unclean_leader_election
                           : text_is(value, "true");
}

bool world_disk(const struct world *world, struct slice topic)
{
    struct slice value = world_setting(world, topic, SETTING_DURABILITY);
    return value.p == NULL ? world->state->settings.defaults.durability_disk
                           : text_is(value, "disk");
}
