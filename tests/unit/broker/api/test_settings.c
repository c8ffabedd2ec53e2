/* Settings with what the image knows: for what the cluster decides a broker's own file does not count. */
#include <criterion/criterion.h>

#include "broker/api/settings.h"
#include "tests/unit/common/meta/world.h"

static struct meta_record config_record(enum meta_resource resource, const char *name,
                                        const char *key, const char *value)
{
    struct meta_record record = {.kind = META_CONFIG};
    record.config = (struct meta_config){.resource = resource,
                                         .name = slice_str(name),
                                         .key = slice_str(key),
                                         .value = slice_str(value)};
    return record;
}

struct scene {
    struct meta_world world;
    struct arena arena;
    struct config config;
    struct settings_lookup lookup;
    struct config_dynamic dynamic;
};

static void scene_init(struct scene *scene)
{
    struct meta_record records[] = {
        {.kind = META_TOPIC, .topic = {.id = test_uuid('T', 1), .name = slice_str("t")}},
        config_record(META_RESOURCE_FILES, "", "min.insync.replicas", "2"),
        config_record(META_RESOURCE_FILES, "", "durability", "disk"),
        config_record(META_RESOURCE_FILES, "", "unclean.leader.election.enable", "false")};
    meta_world_init(&scene->world);
    meta_world_apply(&scene->world, records, ARRAY_LEN(records));
    arena_init(&scene->arena, &scene->world.memory.source, 4096, 1 << 20);
    config_init(&scene->config, &scene->arena);
    config_override(&scene->config, slice_str("min.insync.replicas=1"));
    config_override(&scene->config, slice_str("durability=pagecache"));
}

static void look(struct scene *scene)
{
    scene->dynamic = settings_lookup_init(&scene->lookup, scene->world.image, 7);
    scene->lookup.topic = slice_str("t");
}

static void scene_release(struct scene *scene)
{
    arena_release(&scene->arena);
    meta_world_release(&scene->world);
}

static int64_t min_isr(const struct scene *scene)
{
    return config_topic_long(&scene->config, &scene->dynamic, TOPIC_CONFIG_MIN_ISR);
}

Test(settings, the_controllers_file_counts_and_not_the_brokers)
{
    static struct scene scene;
    scene_init(&scene);
    look(&scene);
    cr_assert_eq(min_isr(&scene), 2);
    cr_assert(config_topic_is(&scene.config, &scene.dynamic, TOPIC_CONFIG_DURABILITY, "disk"));
    struct meta_record cluster = config_record(META_RESOURCE_BROKER, "", "min.insync.replicas",
                                               "3");
    meta_world_apply(&scene.world, &cluster, 1);
    look(&scene);
    cr_assert_eq(min_isr(&scene), 3);
    struct meta_record topic = config_record(META_RESOURCE_TOPIC, "t", "min.insync.replicas", "4");
    meta_world_apply(&scene.world, &topic, 1);
    look(&scene);
    cr_assert_eq(min_isr(&scene), 4);
    scene_release(&scene);
}

Test(settings, what_both_files_say_is_told_as_of_the_file)
{
    static struct scene scene;
    struct config_entry entry;
    scene_init(&scene);
    look(&scene);
    scene.lookup.file = &scene.config;
    cr_assert(config_topic_describe(&scene.config, &scene.dynamic, TOPIC_CONFIG_UNCLEAN, &entry));
    cr_assert_eq(entry.origin, CONFIG_FROM_DEFAULT);
    cr_assert(config_topic_describe(&scene.config, &scene.dynamic, TOPIC_CONFIG_MIN_ISR, &entry));
    cr_assert_eq(entry.origin, CONFIG_FROM_CLUSTER);
    cr_assert(slice_eq(entry.value, slice_str("2")));
    scene_release(&scene);
}
