"""Changes of settings, one after the other, as answered by Apache Kafka 4.3.1 (answers.txt) and by us.

(title, kind, name, [(key, op, value)], options of api.alter). The topic is `t1`, the broker is 1. What we answer otherwise on
purpose stands in DIFFERS: title -> (answer, why).
"""
from api import APPEND, BROKER, CLIENT_METRICS, DELETE, GROUP, SET, SUBTRACT, TOPIC


def _topic():
    def t(title, *changes, **options):
        return f"topic {title}", TOPIC, "t1", list(changes), options
    yield t("set", ("retention.ms", SET, "2000"))
    yield t("set null", ("retention.ms", SET, None))
    yield t("set two nulls", ("retention.ms", SET, None), ("segment.ms", SET, None))
    yield t("no number", ("retention.ms", SET, "abc"))
    yield t("empty number", ("retention.ms", SET, ""))
    yield t("number in blanks", ("retention.ms", SET, " 3000 "))
    yield t("below", ("retention.ms", SET, "-2"))
    yield t("above INT", ("segment.bytes", SET, "99999999999"))
    yield t("small segment", ("segment.bytes", SET, "13"))
    yield t("unknown", ("foo", SET, "1"))
    yield t("unknown and bad", ("retention.ms", SET, "x"), ("foo", SET, "1"))
    yield t("delete unknown", ("foo", DELETE, None))
    yield t("delete what is not set", ("flush.ms", DELETE, None))
    yield t("delete with a value", ("retention.ms", DELETE, "55"))
    yield t("no boolean", ("preallocate", SET, "yes"))
    yield t("boolean in capitals", ("preallocate", SET, "TRUE"))
    yield t("no policy", ("cleanup.policy", SET, "shred"))
    yield t("policy and none", ("cleanup.policy", SET, "compact,shred"))
    yield t("policy twice", ("cleanup.policy", SET, "delete,delete"))
    yield t("empty policy", ("cleanup.policy", SET, ""))
    yield t("append", ("cleanup.policy", APPEND, "delete"))
    yield t("append again", ("cleanup.policy", APPEND, "delete"))
    yield t("subtract what is not there", ("cleanup.policy", SUBTRACT, "compact"))
    yield t("subtract the last", ("cleanup.policy", SUBTRACT, "delete"))
    yield t("append null", ("cleanup.policy", APPEND, None))
    yield t("subtract null", ("cleanup.policy", SUBTRACT, None))
    yield t("append to a number", ("retention.ms", APPEND, "1"))
    yield t("subtract from a number", ("retention.ms", SUBTRACT, "1"))
    yield t("append to unknown", ("foo", APPEND, "1"))
    yield t("delete a list", ("cleanup.policy", DELETE, None))
    yield t("append to the default", ("cleanup.policy", APPEND, "compact"))
    yield t("a key twice", ("retention.ms", SET, "1"), ("retention.ms", SET, "2"))
    yield t("operation 7", ("retention.ms", 7, "1"))
    yield t("no codec", ("compression.type", SET, "bzip2"))
    yield t("gzip level 0", ("compression.gzip.level", SET, "0"))
    yield t("gzip level 10", ("compression.gzip.level", SET, "10"))
    yield t("lz4 level 18", ("compression.lz4.level", SET, "18"))
    yield t("ratio 2", ("min.cleanable.dirty.ratio", SET, "2"))
    yield t("no ratio", ("min.cleanable.dirty.ratio", SET, "x"))
    yield t("throttled", ("leader.replication.throttled.replicas", SET, "0:1,1:2"))
    yield t("all throttled", ("leader.replication.throttled.replicas", SET, "*"))
    yield t("badly throttled", ("leader.replication.throttled.replicas", SET, "0-1"))
    yield t("throttled appended to all", ("leader.replication.throttled.replicas", APPEND, "2:3"))
    yield t("no replicas", ("min.insync.replicas", SET, "0"))
    yield t("more replicas than there are", ("min.insync.replicas", SET, "5"))
    yield t("tiered", ("remote.storage.enable", SET, "true"))
    yield t("not tiered", ("remote.storage.enable", SET, "false"))
    yield t("local retention", ("local.retention.ms", SET, "-3"))
    yield t("lags that contradict each other", ("min.compaction.lag.ms", SET, "100"), ("max.compaction.lag.ms", SET, "50"))
    yield t("internal", ("internal.segment.bytes", SET, "1000"))
    yield t("no kind of timestamp", ("message.timestamp.type", SET, "Later"))
    yield t("validate good", ("retention.ms", SET, "777"), validate_only=True)
    yield t("validate bad", ("retention.ms", SET, "x"), validate_only=True)
    yield t("nothing")
    yield t("version 1", ("retention.ms", SET, "4"), version=1)
    for title, name, changes in (("missing", "nope", [("retention.ms", SET, "1")]), ("missing, bad", "nope", [("retention.ms", SET, "x")]),
                                 ("missing, nothing", "nope", []), ("bad name", "a b", [("retention.ms", SET, "1")]),
                                 ("no name", "", [("retention.ms", SET, "1")])):
        yield f"topic {title}", TOPIC, name, changes, {}
    for kind in (0, 3, 99):
        yield f"type {kind}", kind, "x", [("a", SET, "1")], {}


def _broker(name):
    who = "broker" if name else "all brokers"

    def b(title, *changes, **options):
        return f"{who} {title}", BROKER, name, list(changes), options
    yield b("set", ("log.retention.ms", SET, "5000"))
    yield b("read-only", ("node.id", SET, "5"))
    yield b("read-only ones", ("node.id", SET, "5"), ("log.dirs", SET, "/x"))
    yield b("delete read-only", ("node.id", DELETE, None))
    yield b("append to read-only", ("log.dirs", APPEND, "3"))
    yield b("unknown", ("foo.bar", SET, "5"))
    yield b("append to unknown", ("foo.bar", APPEND, "5"))
    yield b("no number", ("log.retention.ms", SET, "x"))
    yield b("null", ("log.retention.ms", SET, None))
    yield b("delete", ("log.retention.ms", DELETE, None))
    yield b("delete what is not set", ("message.max.bytes", DELETE, None))
    yield b("append", ("log.cleanup.policy", APPEND, "compact"))
    yield b("subtract", ("log.cleanup.policy", SUBTRACT, "delete"))
    yield b("delete a list", ("log.cleanup.policy", DELETE, None))
    yield b("append to a number", ("log.retention.ms", APPEND, "2"))
    yield b("connections", ("max.connections", SET, "1000"))
    yield b("connections -1", ("max.connections", SET, "-1"))
    yield b("limits of addresses", ("max.connections.per.ip.overrides", SET, "127.0.0.200:100"))
    yield b("listeners", ("listeners", SET, "PLAINTEXT://127.0.0.1:1"))
    yield b("network threads", ("num.network.threads", SET, "4"))
    yield b("io threads", ("num.io.threads", SET, "9"))
    yield b("in-sync replicas", ("min.insync.replicas", SET, "1"))
    yield b("in-sync replicas gone", ("min.insync.replicas", DELETE, None))
    yield b("unclean", ("unclean.leader.election.enable", SET, "false"))
    yield b("unclean gone", ("unclean.leader.election.enable", DELETE, None))
    yield b("key store", ("ssl.keystore.location", SET, "/x"))
    yield b("key store of a listener", ("listener.name.plaintext.ssl.keystore.location", SET, "/x"))
    yield b("throttle", ("leader.replication.throttled.rate", SET, "100"))
    yield b("bad throttle", ("leader.replication.throttled.rate", SET, "x"))
    yield b("negative throttle", ("leader.replication.throttled.rate", SET, "-1"))
    yield b("retention in minutes", ("log.retention.minutes", SET, "3"))
    yield b("operation 9", ("log.retention.ms", 9, "3"))
    yield b("a key twice", ("log.retention.ms", SET, "3"), ("log.retention.ms", SET, "4"))
    yield b("no codec", ("compression.type", SET, "bzip"))
    yield b("validate", ("compression.type", SET, "gzip"), validate_only=True)
    yield b("clean up", *((k, DELETE, None) for k in ("foo.bar", "max.connections", "max.connections.per.ip.overrides", "num.io.threads",
                                                     "num.network.threads", "listener.name.plaintext.ssl.keystore.location",
                                                     "leader.replication.throttled.rate")))


def _others():
    for name in ("2", "x", "-1"):
        yield f"broker {name}", BROKER, name, [("log.retention.ms", SET, "5000")], {}

    def m(title, *changes):
        return f"client metrics {title}", CLIENT_METRICS, "m1", list(changes), {}
    yield m("set", ("interval.ms", SET, "1000"))
    yield m("too often", ("interval.ms", SET, "10"))
    yield m("too seldom", ("interval.ms", SET, "3600001"))
    yield m("metrics", ("metrics", SET, "org.apache.kafka."))
    yield m("match", ("match", SET, "client_id=a.*"))
    yield m("match nothing", ("match", SET, "client_id"))
    yield m("match unknown", ("match", SET, "foo=bar"))
    yield m("match half a pattern", ("match", SET, "client_id=("))
    yield m("unknown", ("foo", SET, "1"))
    yield m("append", ("metrics", APPEND, "b"))
    yield "client metrics no name", CLIENT_METRICS, "", [("interval.ms", SET, "1000")], {}

    def g(title, *changes):
        return f"group {title}", GROUP, "g1", list(changes), {}
    yield g("set", ("consumer.session.timeout.ms", SET, "50000"))
    yield g("session too short", ("consumer.session.timeout.ms", SET, "1"))
    yield g("session too long", ("consumer.session.timeout.ms", SET, "500000"))
    yield g("heartbeat too long", ("consumer.heartbeat.interval.ms", SET, "60000"))
    yield g("unknown", ("foo", SET, "1"))
    yield g("no reset", ("share.auto.offset.reset", SET, "sometimes"))
    yield g("reset by duration", ("share.auto.offset.reset", SET, "by_duration:PT1H"))
    yield g("no number", ("consumer.session.timeout.ms", SET, "x"))
    yield g("locks", ("share.partition.max.record.locks", SET, "100000"))
    yield g("standbys", ("streams.num.standby.replicas", SET, "9"))
    yield "group no name", GROUP, "", [("consumer.session.timeout.ms", SET, "50000")], {}


def _legacy():
    def old(title, kind, name, *changes, **options):
        return f"older way {title}", kind, name, list(changes), {"incremental": False, **options}
    yield old("set", TOPIC, "t1", ("retention.ms", "123"))
    yield old("null", TOPIC, "t1", ("retention.ms", None))
    yield old("unknown", TOPIC, "t1", ("foo", "1"))
    yield old("a key twice", TOPIC, "t1", ("retention.ms", "1"), ("retention.ms", "2"))
    yield old("missing", TOPIC, "nope", ("retention.ms", "1"))
    yield old("bad", TOPIC, "t1", ("retention.ms", "x"))
    yield old("nothing", TOPIC, "t1")
    yield old("another broker", BROKER, "2")
    yield old("read-only", BROKER, "1", ("node.id", "1"))
    yield old("client metrics", CLIENT_METRICS, "m1", ("interval.ms", "2000"))
    yield old("group", GROUP, "g1", ("consumer.session.timeout.ms", "50000"))
    yield old("type 0", 0, "x", ("a", "1"))
    for version in (0, 1, 2):
        yield old(f"version {version}", TOPIC, "t1", ("retention.ms", "4"), version=version)


CASES = [*_topic(), *_broker("1"), *_broker(""), *_others(), *_legacy()]

_FIXED = "needs a restart here"
DIFFERS = {
    "topic operation 7": ([42, "Unknown operations type 7"], "Kafka fails with UNKNOWN_SERVER_ERROR"),
    "broker connections -1": ([42, "Invalid value -1 for configuration max.connections: Value must be at least 1"],
                              "0 would lock everybody out; Kafka refuses it later"),
    "all brokers connections -1": ([42, "Invalid value -1 for configuration max.connections: Value must be at least 1"], "the same"),
    "broker listeners": ([42, "Cannot update these configs dynamically: [listeners]"], _FIXED),
    "all brokers listeners": ([42, "Cannot update these configs dynamically: [listeners]"], _FIXED),
    "broker network threads": ([42, "Cannot update these configs dynamically: [num.network.threads]"], _FIXED),
    "all brokers network threads": ([42, "Cannot update these configs dynamically: [num.network.threads]"], _FIXED),
    "all brokers in-sync replicas gone": ([0, None], "without a cluster-wide value the controllers' file counts"),
}
