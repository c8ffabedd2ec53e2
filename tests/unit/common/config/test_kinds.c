#include "tests/unit/common/config/config_lib.h"

#include "common/config/kinds.h"

static char why[512];

static err_t judged(enum config_kind kind, const char *name, const char *value)
{
    const struct config_change change = {slice_str(name), slice_str(value)};
    why[0] = '\0';
    return config_kind_judge(&config, kind, &change, 1, why, sizeof(why));
}

#define RESET_WHY(value)                                                                       \
    "Invalid value " value " for configuration share.auto.offset.reset: Invalid value `" value \
    "` for configuration share.auto.offset.reset. The value must be either 'earliest', "       \
    "'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'."

/* What Apache Kafka 4.3.1 answers. */
Test(kinds, settings_of_groups)
{
    static const struct {
        const char *name, *value, *why; /* why NULL: allowed */
    } cases[] = {
        {"consumer.session.timeout.ms", "50000", NULL},
        {"consumer.session.timeout.ms", "44999",
         "consumer.session.timeout.ms must be greater than or equal to "
         "group.consumer.min.session.timeout.ms"},
        {"consumer.session.timeout.ms", "60001",
         "consumer.session.timeout.ms must be less than or equal to "
         "group.consumer.max.session.timeout.ms"},
        {"consumer.session.timeout.ms", "x",
         "Invalid value x for configuration consumer.session.timeout.ms: Not a number of type "
         "INT"},
        {"share.delivery.count.limit", "1",
         "Invalid value 1 for configuration share.delivery.count.limit: Value must be at least 2"},
        {"share.delivery.count.limit", "11",
         "share.delivery.count.limit must be less than or equal to "
         "group.share.max.delivery.count.limit"},
        {"streams.num.standby.replicas", "3",
         "streams.num.standby.replicas must be less than or equal to "
         "group.streams.max.standby.replicas"},
        {"streams.initial.rebalance.delay.ms", "15001", NULL},
        {"share.isolation.level", "x",
         "Invalid value x for configuration share.isolation.level: String must be one of: "
         "read_committed, read_uncommitted"},
        {"share.auto.offset.reset", "earliest", NULL},
        {"share.auto.offset.reset", "by_duration:PT1H", NULL},
        {"share.auto.offset.reset", "by_duration:P1D", NULL},
        {"share.auto.offset.reset", "by_duration:P1DT2H3M4.5S", NULL},
        {"share.auto.offset.reset", "sometimes", RESET_WHY("sometimes")},
        {"share.auto.offset.reset", "LATEST", RESET_WHY("LATEST")},
        {"share.auto.offset.reset", "by_duration:", RESET_WHY("by_duration:")},
        {"share.auto.offset.reset", "by_duration:P", RESET_WHY("by_duration:P")},
        {"share.auto.offset.reset", "by_duration:PT", RESET_WHY("by_duration:PT")},
        {"share.auto.offset.reset", "by_duration:P1DT", RESET_WHY("by_duration:P1DT")},
        {"share.auto.offset.reset", "by_duration:P1H", RESET_WHY("by_duration:P1H")},
        {"share.auto.offset.reset", "by_duration:PT1M1H", RESET_WHY("by_duration:PT1M1H")},
        {"share.auto.offset.reset", "by_duration:PT1.5H", RESET_WHY("by_duration:PT1.5H")},
        {"share.auto.offset.reset", "by_duration:-PT1H", RESET_WHY("by_duration:-PT1H")},
        {"foo", "1", "Unknown group config name: foo"},
    };
    make();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        err_t err = judged(CONFIG_KIND_GROUP, cases[i].name, cases[i].value);
        cr_assert_eq(err, cases[i].why == NULL ? OK : ERR_INVALID, "%s=%s: %s", cases[i].name,
                     cases[i].value, why);
        cr_assert(err == OK || strcmp(why, cases[i].why) == 0, "%s", why);
    }
    read_text("group.consumer.max.session.timeout.ms=90000\n");
    cr_assert_eq(judged(CONFIG_KIND_GROUP, "consumer.session.timeout.ms", "90000"), OK);
}

Test(kinds, settings_of_client_metrics)
{
    static const struct {
        const char *name, *value, *why;
        err_t err;
    } cases[] = {
        {"interval.ms", "100", NULL, OK},
        {"interval.ms", "10",
         "Invalid value 10 for interval.ms, interval must be between 100 and 3600000 (1 hour)",
         ERR_RANGE},
        {"interval.ms", "x",
         "Invalid value x for configuration interval.ms: Not a number of type INT", ERR_INVALID},
        {"metrics", "org.apache.kafka.,*", NULL, OK},
        {"match", "", NULL, OK},
        {"match", "client_id=a.*,client_software_name=b", NULL, OK},
        {"match", " client_id = a ", NULL, OK},
        {"match", "client_id=a{2}(?i)b", NULL, OK},
        {"match", "client_id", "Illegal client matching pattern: client_id", ERR_INVALID},
        {"match", "client_id=", "Illegal client matching pattern: client_id=", ERR_INVALID},
        {"match", "foo=bar", "Illegal client matching pattern: foo=bar", ERR_INVALID},
        {"match", "client_id=(", "Illegal client matching pattern: client_id=(", ERR_INVALID},
        {"match", "client_id=[a-", "Illegal client matching pattern: client_id=[a-", ERR_INVALID},
        {"match", "client_id=a)", "Illegal client matching pattern: client_id=a)", ERR_INVALID},
        {"match", "client_id=a\\", "Illegal client matching pattern: client_id=a\\", ERR_INVALID},
        {"foo", "1", "Unknown client metrics configuration: foo", ERR_RANGE},
    };
    make();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        err_t err = judged(CONFIG_KIND_CLIENT_METRICS, cases[i].name, cases[i].value);
        cr_assert_eq(err, cases[i].err, "%s=%s: %s", cases[i].name, cases[i].value, why);
        cr_assert(err == OK || strcmp(why, cases[i].why) == 0, "%s", why);
    }
}

static void describe_named(enum config_kind kind, const char *name, const char *own,
                           struct config_entry *entry)
{
    for (uint32_t i = 0; i < config_kind_keys(kind); i++) {
        if (strcmp(config_kind_name(kind, i), name) == 0) {
            config_kind_describe(&config, NULL, kind, i, slice_str(own), entry);
            return;
        }
    }
    cr_assert(false, "%s", name);
}

Test(kinds, describe)
{
    struct config_entry e;
    make();
    describe_named(CONFIG_KIND_GROUP, "consumer.session.timeout.ms", "50000", &e);
    cr_assert(slice_eq(e.value, slice_str("50000")) && e.origin == CONFIG_FROM_GROUP);
    cr_assert_eq(e.synonym_count, 2);
    cr_assert_str_eq(e.synonyms[1].name, "group.consumer.session.timeout.ms");
    cr_assert_eq(e.synonyms[1].origin, CONFIG_FROM_DEFAULT);
    read_text("group.consumer.session.timeout.ms=47000\n");
    describe_named(CONFIG_KIND_GROUP, "consumer.session.timeout.ms", NULL, &e);
    cr_assert(slice_eq(e.value, slice_str("47000")) && e.origin == CONFIG_FROM_FILE);
    cr_assert_str_eq(e.name, "consumer.session.timeout.ms");
    cr_assert_not(e.read_only); /* the key behind it is */
    describe_named(CONFIG_KIND_GROUP, "share.isolation.level", NULL, &e);
    cr_assert(slice_eq(e.value, slice_str("read_uncommitted")) && e.synonym_count == 1);
    cr_assert_str_eq(e.synonyms[0].name, "share.isolation.level");
    describe_named(CONFIG_KIND_CLIENT_METRICS, "interval.ms", NULL, &e);
    cr_assert(slice_eq(e.value, slice_str("300000")) && e.synonym_count == 0);
    describe_named(CONFIG_KIND_CLIENT_METRICS, "match", "client_id=a", &e);
    cr_assert(e.origin == CONFIG_FROM_CLIENT_METRICS && e.synonym_count == 1);
    cr_assert_eq(e.type, CONFIG_TYPE_LIST);
}
