/*
 * What the file of the active controller says about topics, put into the image: whoever asks what holds for a topic that has
 * no setting of its own, in a cluster that has no default set at run time, finds the same answer (docs/RULES.md). It follows
 * the file: an active controller whose file says something else writes that, with all that a changed setting means.
 */
#include "controller/state/state_internal.h"

static void setting_add(const struct world *world, struct alter_resource *files,
                        struct topic_setting *settings, const char *key, struct slice value)
{
    struct slice old = meta_config_value(world->image, META_RESOURCE_FILES, files->name,
                                         slice_str(key));
    assert(value.p != NULL && files->setting_count < FILE_SETTINGS_MAX);
    if (old.p != NULL && slice_eq(old, value)) {
        return;
    }
    settings[files->setting_count++] = (struct topic_setting){.key = slice_str(key),
                                                              .value = value};
}

err_t files_differ(const struct world *world, struct decision *decision,
                   struct alter_resource *ret_files)
{
    const struct controller_defaults *file = &world->state->settings.defaults;
    struct topic_setting *settings = arena_array(decision->arena, FILE_SETTINGS_MAX,
                                                 sizeof(*settings));
    ENSURE(settings != NULL, ERR_NO_MEMORY);
    struct slice min = decision_text(decision, "%d", file->min_insync_replicas);
    ENSURE(min.p != NULL, ERR_NO_MEMORY);
    *ret_files = (struct alter_resource){
        .resource = META_RESOURCE_FILES, .name = slice_of("", 0), .settings = settings};
    setting_add(world, ret_files, settings, SETTING_MIN_ISR, min);
    setting_add(world, ret_files, settings, SETTING_UNCLEAN,
                slice_str(file->unclean_leader_election ? "true" : "false"));
    setting_add(world, ret_files, settings, SETTING_DURABILITY,
                slice_str(file->durability_disk ? "disk" : "pagecache"));
    assert(ret_files->setting_count <= FILE_SETTINGS_MAX);
    return OK;
}

err_t files_write(const struct alter_resource *files, struct decision *decision)
{
    assert(files->resource == META_RESOURCE_FILES);
    for (uint32_t i = 0; i < files->setting_count; i++) {
        struct meta_record *record = decision_add(decision, META_CONFIG);
        ENSURE(record != NULL, ERR_NO_MEMORY);
        record->config = (struct meta_config){.resource = META_RESOURCE_FILES,
                                              .name = files->name,
                                              .key = files->settings[i].key,
                                              .value = files->settings[i].value};
    }
    return OK;
}
