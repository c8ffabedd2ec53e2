/* The table of commands. Options are read by name (args.h); a new one is a line here and a line where it counts. */
#include "cli/command.h"

#define TIMES "2026-11-21T08:15:30Z, milliseconds since 1970, or a span before now: -15m, -2h, -7d"
#define YES                                                                     \
    {                                                                           \
        "yes", 'y', OPTION_FLAG,                                                \
            .help = "Does not ask. Needed where standard input is no terminal." \
    }
#define DRY_RUN                                                                          \
    {                                                                                    \
        "dry-run", 0, OPTION_FLAG, .help = "Lets the cluster check it, changes nothing." \
    }
#define PARTITION                                                                      \
    {                                                                                  \
        "partition", 'p', OPTION_TEXT, true, "N,...", .help = "Only these partitions." \
    }
#define SET                                                                            \
    {                                                                                  \
        "set", 's', OPTION_TEXT, true, "NAME=VALUE", .help = "A setting of the topic." \
    }

/* clang-format off */
const struct option common_options[] = {
    {"bootstrap-server", 'b', OPTION_TEXT, .value = "HOST:PORT,...",
     .help = "Brokers to ask first; one that answers is enough. Else ODRADEK_BOOTSTRAP, else localhost:9092."},
    {"timeout", 0, OPTION_NUMBER, .value = "SECONDS", .min = 1, .max = 86400, .fallback = "10",
     .help = "How long an answer or a connection may take."},
    {"json", 'j', OPTION_FLAG, .help = "JSON on standard output and nothing else."},
};
const size_t common_option_count = ARRAY_LEN(common_options);

const struct exit_meaning exit_meanings[] = {
    {EXIT_OK, "done"},
    {EXIT_FAILED, "the cluster refused, or a part of it failed"},
    {EXIT_USAGE, "the command line is wrong"},
    {EXIT_NO_CONNECTION, "no broker could be reached"},
    {EXIT_DENIED, "no permission"},
    {EXIT_TIMED_OUT, "no answer in time"},
    {EXIT_UNHEALTHY, "the cluster answers but is not healthy (doctor, cluster --check)"},
};
const size_t exit_meaning_count = ARRAY_LEN(exit_meanings);

const struct command commands[] = {
    {"topics list", "", 0, 0, "lists the topics with their partitions and how they are", NULL, false,
     {{"internal", 'i', OPTION_FLAG, .help = "The cluster's own topics too."},
      {"names", 'n', OPTION_FLAG, .help = "Names only, one a line."}},
     {{"odradek topics list --json | jq -r '.topics[].name'", "names for a script"}},
     topics_list},
    {"topics create", "TOPIC...", 1, UINT32_MAX, "creates topics", NULL, false,
     {{"partitions", 'p', OPTION_NUMBER, .value = "N", .min = 1, .max = 100000,
       .help = "Partitions; else the brokers' num.partitions."},
      {"replicas", 'r', OPTION_NUMBER, .value = "N", .min = 1, .max = 16,
       .help = "Replicas of each; else the brokers' default.replication.factor."},
      SET,
      {"assign", 0, OPTION_TEXT, true, "BROKER,...",
       .help = "The brokers of the next partition, the preferred leader first; instead of --partitions and --replicas."},
      {"if-not-exists", 0, OPTION_FLAG, .help = "A topic that exists is no error."},
      DRY_RUN},
     {{"odradek topics create orders -p 6 -r 3 --set min.insync.replicas=2", "six partitions on three brokers each"}},
     topics_create},
    {"topics describe", "[TOPIC...]", 0, UINT32_MAX, "shows partitions, leaders, replicas and settings of topics", NULL, false,
     {{"all-settings", 'a', OPTION_FLAG, .help = "Settings at their defaults too."}},
     {{"odradek topics describe orders", "who leads, who is in sync"}},
     topics_describe},
    {"topics alter", "TOPIC", 1, 1, "changes settings and adds partitions", NULL, false,
     {{"partitions", 'p', OPTION_NUMBER, .value = "N", .min = 1, .max = 100000,
       .help = "As many partitions as this. Keys go to other partitions from then on."},
      SET,
      {"unset", 'u', OPTION_TEXT, true, "NAME", .help = "Back to the cluster's default."},
      {"add", 0, OPTION_TEXT, true, "NAME=VALUE", .help = "Adds to a setting that is a list."},
      {"remove", 0, OPTION_TEXT, true, "NAME=VALUE", .help = "Takes from a setting that is a list."},
      DRY_RUN},
     {{"odradek topics alter orders --set retention.ms=86400000 --unset max.message.bytes", "keeps records for a day"}},
     topics_alter},
    {"topics delete", "TOPIC...", 1, UINT32_MAX, "deletes topics with all their records", NULL, false,
     {YES, {"if-exists", 0, OPTION_FLAG, .help = "A topic that does not exist is no error."}},
     {{"odradek topics delete orders --yes", "without a question"}},
     topics_delete},
    {"topics offsets", "TOPIC", 1, 1, "shows where the partitions begin and end, or where a time lies in them", NULL, false,
     {PARTITION, {"at", 0, OPTION_TEXT, .value = "TIME", .help = "The first record at or after a time: " TIMES "."}},
     {{"odradek topics offsets orders --at -2h", "the offsets of two hours ago"}},
     topics_offsets},
    {"topics trim", "TOPIC", 1, 1, "removes the records before an offset or a time", NULL, false,
     {PARTITION,
      {"before", 0, OPTION_TEXT, .value = "PLACE", .help = "An offset, end, or @TIME: @2026-11-21T08:15:30Z, @-7d."},
      YES},
     {{"odradek topics trim orders --before @-7d --yes", "forgets all that is older than a week"}},
     topics_trim},
    {"produce", "TOPIC", 1, 1, "writes lines of standard input as records",
     "Each line is a record's value; --key takes what stands before the separator as its key, --headers a first part like "
     "trace:1,source:web as its headers. --format json takes a JSON object a line, as `consume --json` writes it. Batches that "
     "are not acknowledged are sent again, to whoever leads by then; with acks=all the producer is idempotent, so that no "
     "record is lost or doubled. The summary goes to standard error, with --json to standard output.", false,
     {{"key", 'k', OPTION_FLAG, .help = "Text up to the separator is the record's key."},
      {"separator", 's', OPTION_TEXT, .value = "TEXT", .fallback = ":", .help = "Between headers, key and value; \\t is a tab."},
      {"headers", 0, OPTION_FLAG, .help = "Each line begins with headers: name:value,name:value and the separator."},
      {"header", 'H', OPTION_TEXT, true, "NAME=VALUE", .help = "A header on every record."},
      {"format", 'f', OPTION_WORD, .value = "FORMAT", .words = "text|json", .fallback = "text", .help = "What a line is."},
      {"null", 0, OPTION_TEXT, .value = "TEXT", .help = "A key or value of this text is null."},
      {"partition", 'p', OPTION_NUMBER, .value = "N", .min = 0, .max = 100000,
       .help = "All records go there; else by the key's hash as Java's producers do, without a key anywhere."},
      {"acks", 'a', OPTION_WORD, .value = "ACKS", .words = "all|1|0", .fallback = "all",
       .help = "Who must have a record: all replicas in sync, the leader, nobody."},
      {"no-idempotence", 0, OPTION_FLAG, .help = "Sends again without the broker knowing it: a record may be doubled."},
      {"compression", 'z', OPTION_WORD, .value = "CODEC", .words = "none|gzip|snappy|lz4|zstd", .fallback = "none",
       .help = "Of the batches."},
      {"batch-bytes", 0, OPTION_NUMBER, .value = "N", .min = 1024, .max = 67108864, .fallback = "262144",
       .help = "A partition's batch holds as much, before compression."},
      {"line-bytes", 0, OPTION_NUMBER, .value = "N", .min = 1024, .max = 268435456, .fallback = "16777216",
       .help = "The longest line."},
      {"delivery-timeout", 0, OPTION_NUMBER, .value = "SECONDS", .min = 1, .max = 86400, .fallback = "120",
       .help = "A batch that is not acknowledged by then has failed."},
      {"skip-bad-lines", 0, OPTION_FLAG, .help = "Lines that are no record are told and passed over, instead of ending the run."},
      {"quiet", 'q', OPTION_FLAG, .help = "No summary."}},
     {{"echo 'o-1:{\"item\":\"lamp\"}' | odradek produce orders --key", "one record with the key o-1"},
      {"odradek consume orders --json | odradek produce copy --format json", "copies a topic with keys, headers and times"}},
     produce_run},
    {"consume", "TOPIC", 1, 1, "prints records",
     "Without --follow it ends at what was the end when it began. Changes of leaders are waited for; no record is printed twice. "
     "--json prints one object a line: topic, partition, offset, timestamp, key, value, headers; bytes that are no text "
     "come as key_base64 and value_base64.", false,
     {{"from", 'o', OPTION_TEXT, .value = "PLACE", .fallback = "beginning",
       .help = "beginning, end (and follow), an offset, -N for the last N of each partition, @TIME: @2026-11-21T08:15:30Z, @-2h."},
      {"count", 'n', OPTION_NUMBER, .value = "N", .min = 0, .max = INT64_MAX, .help = "Ends after N records."},
      PARTITION,
      {"follow", 'F', OPTION_FLAG, .help = "Goes on as records come."},
      {"key", 'k', OPTION_FLAG, .help = "Prints keys too."},
      {"headers", 0, OPTION_FLAG, .help = "Prints headers too, as name:value,name:value."},
      {"offsets", 0, OPTION_FLAG, .help = "Prints partition:offset too."},
      {"timestamps", 't', OPTION_FLAG, .help = "Prints times too."},
      {"no-value", 0, OPTION_FLAG, .help = "Prints no values."},
      {"separator", 's', OPTION_TEXT, .value = "TEXT", .fallback = "\\t", .help = "Between what is printed of a record."}},
     {{"odradek consume orders --from -10 --key --timestamps", "the last ten of each partition"},
      {"odradek consume orders --from @-1h --json | jq .value", "the last hour"}},
     consume_run},
    {"cluster", "", 0, 0, "shows brokers, controllers, leaders and the lag of replicas",
     "Partitions that lack a leader or replicas are listed, with --all every partition. LAG counts the records that a follower is "
     "behind its leader.", false,
     {{"all", 'a', OPTION_FLAG, .help = "Every partition."},
      {"check", 'c', OPTION_FLAG, .help = "Ends with 6 unless every broker answers and every partition has a leader and all replicas."},
      {"watch", 'w', OPTION_NUMBER, .value = "SECONDS", .min = 1, .max = 86400, .help = "Again and again, until Ctrl-C."}},
     {{"odradek cluster --watch 2", "while a broker is restarted"},
      {"until odradek cluster --check >/dev/null 2>&1; do sleep 1; done", "waits until all is well"}},
     cluster_run},
    {"doctor", "", 0, 0, "goes a client's way and explains each hop",
     "Name, connection, ApiVersions and metadata of each bootstrap address, then of each broker at the address that it advertises; the "
     "controllers; the partitions. A hop that fails says what to do next. Nothing is written unless --write asks for it.", false,
     {{"write", 0, OPTION_TEXT, .value = "TOPIC", .help = "Writes a record to this topic and reads it back."}},
     {{"odradek doctor -b broker.example.com:9092", "why can I not connect?"}},
     doctor_run},
    {"completion", "bash|zsh|fish", 1, 1, "prints the completion script of a shell", NULL, true, {{0}},
     {{"eval \"$(odradek completion bash)\"", "in ~/.bashrc"},
      {"odradek completion fish > ~/.config/fish/completions/odradek.fish", "for fish"}},
     completion_run},
    {"man", "", 0, 0, "prints the man page", NULL, true, {{0}},
     {{"odradek man | man -l -", "reads it"}},
     man_run},
    {"help", "[COMMAND]", 0, 2, "says what a command does and takes", NULL, true, {{0}}, {{0}}, help_run},
    {"version", "", 0, 0, "prints the version", NULL, true, {{0}}, {{0}}, version_run},
};
const size_t command_count = ARRAY_LEN(commands);
/* clang-format on */

const struct command *command_find(const char *name)
{
    assert(name != NULL);
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

const struct option *command_option(const struct command *command, size_t at)
{
    size_t own = 0;
    while (own < COMMAND_OPTIONS_MAX && command->options[own].name != NULL) {
        if (own == at) {
            return &command->options[own];
        }
        own++;
    }
    return command->offline || at - own >= common_option_count ? NULL : &common_options[at - own];
}
