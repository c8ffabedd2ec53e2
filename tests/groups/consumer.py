"""The consumer protocol (KIP-848): members of stock clients, what Kafka's tools print of their groups, patterns, migration online.

    consumer         confluent-kafka and Java 4.3: come, go, die; console consumer; kafka-consumer-groups; expiry of sessions
    consumer-regex   patterns evaluated by the coordinator: topics that come later are read
    consumer-moves   members of both protocols in one group, and groups that become of the other kind and back
    consumer-clients each client alone: reads, commits, pauses, seeks; another one goes on where it stopped
    consumer-static  static members: who comes again in time has its partitions again; nobody gets a seat that is taken
    consumer-configs settings of one group (kafka-configs --entity-type groups): what members are told and how soon they are missed
"""
import os, signal, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "wire"), os.path.join(HERE, "..", "apis"), HERE]
import clients as stock
import kwire, matrix, members, suite, words
from messages import Message, encode, parse

CONSUMER = {"group.protocol": "consumer"}
KINDS = members.NEWER
CONFIG_COMMAND = "kafka.admin.ConfigCommand"
# Of the brokers: short enough that who dies is missed soon.
SETTINGS = {"group.consumer.min.heartbeat.interval.ms": 200, "group.consumer.heartbeat.interval.ms": 200,
            "group.consumer.min.session.timeout.ms": 2000, "group.consumer.session.timeout.ms": 3000}


def shared(s, kind, **settings):
    """Three members over six partitions: one leaves, one dies, the last one reads all."""
    topic = group = s.topic(f"next-{kind}")
    who = lambda: s.member(kind, group, topic, **CONSUMER, **settings)
    covered = lambda some: members.covered(some, [topic], suite.PARTITIONS)
    s.write(topic, 500)
    some = [who()]
    s.wait(f"consumer: {kind}: one member reads all partitions", lambda: covered(some))
    some += [who(), who()]
    s.wait(f"consumer: {kind}: three members share them", lambda: covered(some) and all(len(m.assigned) == 2 for m in some))
    s.write(topic, 500)
    s.wait(f"consumer: {kind}: every record is read", lambda: s.all_read(topic, some))
    some[0].end()
    s.wait(f"consumer: {kind}: one leaves, two share", lambda: covered(some[1:]) and all(len(m.assigned) == 3 for m in some[1:]))
    some[1].end(signal.SIGKILL)
    s.wait(f"consumer: {kind}: one dies, the last one reads all when its session is over", lambda: covered(some[2:]))
    s.write(topic, 200)
    s.wait(f"consumer: {kind}: every record is read", lambda: s.all_read(topic, some))
    twice = members.two_owners(some)
    s.out.check(not twice, f"consumer: {kind}: no partition had two readers in one epoch {twice or ''}")
    return topic, group, some[2]


def told(s, topic, group, member):
    """What kafka-consumer-groups prints of a group with one member."""
    s.wait("consumer: everything is committed", lambda: sum(member.commits.values()) == s.written[topic])
    said = s.groups("--describe", "--group", group)
    rows = [line.split() for line in said.splitlines() if f" {topic} " in line]
    s.out.check(len(rows) == suite.PARTITIONS and all(r[3] == r[4] and r[5] == "0" for r in rows),
                f"consumer: --describe has each partition, without a lag {'' if rows else said}")
    said = s.groups("--describe", "--group", group, "--state")
    s.out.check("Stable" in said and "uniform" in said, f"consumer: --describe --state says Stable and uniform: {said.split()[-5:]}")
    said = s.groups("--describe", "--group", group, "--members", "--verbose")
    s.out.check(f"{topic}:0,1,2,3,4,5" in said and "CURRENT-EPOCH" in said, "consumer: --describe --members tells the assignment and the epoch")
    said = s.groups("--list", "--type", "consumer")
    s.out.check(group in said.split(), "consumer: --list --type consumer has the group")
    said = s.groups("--list", "--type", "classic")
    s.out.check(group not in said.split(), "consumer: --list --type classic does not")
    said = s.groups("--delete", "--group", group)
    s.out.check("GroupNotEmptyException" in said, "consumer: --delete refuses while there are members")
    dumped = s.dump(group)
    missing = [name for name in ("assignedPartitions", "topicPartitions", "assignmentEpoch", "subscribedTopicNames", "metadataHash") if f'"{name}"' not in dumped]
    s.out.check(not missing, f"consumer: DumpLogSegments reads the records of the group {missing or ''}")


BEAT = parse("group:str member:str epoch:i32 instance?:str rack?:str rebalance:i32 topics?[str] regex?:str@1 assignor?:str "
             "owned?[ id:uuid partitions[i32] ]")


def too_much(s, group):
    """A member that subscribes to more than a record can hold is refused; what the group does goes on."""
    def enter(count):
        with kwire.Connection(words.coordinator(s.cluster.bootstrap, group), 30.0) as c:
            told = c.call(68, 1, encode(BEAT, 1, True, {
                "group": group, "member": "greedy", "epoch": 0, "instance": None, "rack": None, "rebalance": 10_000, "regex": None,
                "assignor": None, "owned": [], "topics": [f"{i:040d}" for i in range(count)]}), True)
            return told.take("i") and 0, told.take("h")
    s.out.check(enter(100_000)[1] == 42, "consumer: a subscription of 4 MB is refused with INVALID_REQUEST")
    s.out.check(enter(1000)[1] == 0, "consumer: one of 40 KB is taken")


def consumer(s):
    for kind in KINDS:
        topic, group, last = shared(s, kind)
        if kind == "confluent":
            told(s, topic, group, last)
            too_much(s, "greedy")
            partition, broker = s.coordinator_of(group)
            s.cluster.wait_isr_full("__consumer_offsets")
            s.cluster.kill(broker)
            s.write(topic, 100)
            s.wait("consumer: the coordinator is killed, every record is read", lambda: s.all_read(topic, s.live))
            s.wait("consumer: and commits go on", lambda: sum(last.commits.values()) == s.written[topic])
            s.cluster.restart(broker)
        last.end()
    topic = "next-confluent"
    command = lambda count: s.java.command("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", s.cluster.bootstrap, "--topic", topic,
                                           "--group", "next-console", "--from-beginning", "--max-messages", str(count), "--timeout-ms", "30000",
                                           "--command-property", "group.protocol=consumer")
    lines = lambda count: stock.run(command(count), stdout=subprocess.PIPE).stdout.decode().count("\n")
    s.out.check(lines(s.written[topic]) == s.written[topic], "consumer: the console consumer reads all")
    s.write(topic, 20)
    s.out.check(lines(20) == 20, "consumer: and goes on where it stopped")


def consumer_regex(s):
    first = s.topic("regex-a", 2)
    s.write(first, 50)
    some = [s.member(kind, f"by-regex-{kind}", "^regex-.*", **CONSUMER, **({"patterns": "brokers"} if "java" in kind else {})) for kind in KINDS]
    for m in some:
        s.wait(f"consumer-regex: {m.name}: a pattern is evaluated by the coordinator", lambda m=m: s.all_read(first, [m]))
    second = s.topic("regex-b", 2)
    s.write(second, 50)
    for m in some:
        read = lambda m=m: len({(p, o) for t, p, o, _ in m.read if t == second})
        s.wait(f"consumer-regex: {m.name}: a topic that comes later is read", lambda read=read: read() == 50)
        said = s.groups("--describe", "--group", f"by-regex-{m.name}", "--members", "--verbose")
        s.out.check("regex-a:0,1" in said and "regex-b:0,1" in said, f"consumer-regex: {m.name}: --describe tells both topics")


def consumer_moves(s):
    topic = group = s.topic("moved")
    s.write(topic, 300)
    covered = lambda some: members.covered(some, [topic], suite.PARTITIONS)
    old = [s.member("confluent", group, topic), s.member("java-4.3", group, topic)]
    s.wait("consumer-moves: two classic members share", lambda: covered(old) and all(len(m.assigned) == 3 for m in old))
    new = [s.member("confluent", group, topic, **CONSUMER)]
    s.wait("consumer-moves: one of the consumer protocol comes, three share", lambda: covered(old + new) and all(len(m.assigned) == 2 for m in old + new))
    s.out.check(group in s.groups("--list", "--type", "consumer").split(), "consumer-moves: it is a consumer group now")
    s.write(topic, 300)
    s.wait("consumer-moves: every record is read", lambda: s.all_read(topic, old + new))
    old[0].end()
    s.wait("consumer-moves: a classic one leaves, two share", lambda: covered([old[1], *new]) and all(len(m.assigned) == 3 for m in [old[1], *new]))
    new[0].end()
    s.wait("consumer-moves: the last of the consumer protocol leaves, one reads all", lambda: covered([old[1]]))
    s.out.check(group in s.groups("--list", "--type", "classic").split(), "consumer-moves: it is a classic group again")
    s.write(topic, 300)
    s.wait("consumer-moves: every record is read", lambda: s.all_read(topic, old + new))
    another = s.member("java-4.3", group, topic, **CONSUMER)
    s.wait("consumer-moves: and a consumer group once more", lambda: covered([old[1], another]) and len(another.assigned) == 3)
    old[1].end()
    s.wait("consumer-moves: with members of one kind only", lambda: covered([another]))
    told = {p: max(m.commits.get((topic, p), 0) for m in (*old, *new, another)) for p in range(suite.PARTITIONS)}
    now = s.committed(group, topic)
    back = {p: (told[p], now.get(p, 0)) for p in told if now.get(p, 0) < told[p]}
    s.out.check(not back, f"consumer-moves: no commit went back {back or ''}")


def consumer_clients(s):
    for kind in KINDS:
        matrix.client(s, kind, "next-client", **CONSUMER)


ALTER = Message(44, 0, 1, 1, "resources[ type:i8 name:str configs[ name:str op:i8 value?:str ] ] validate:bool",
                "throttle:i32 resources[ error:i16 message?:str type:i8 name:str ]")
GROUP_RESOURCE = 32


def _session(s, group, ms):
    """The group's own session time-out."""
    with kwire.Connection(s.cluster.brokers[0].address, 30.0) as c:
        told = ALTER.call(c, 1, validate=False, resources=[{"type": GROUP_RESOURCE, "name": group, "configs": [
            {"name": "consumer.session.timeout.ms", "op": 0, "value": str(ms)}]}])
    s.out.check(told["resources"][0]["error"] == 0, f"consumer-static: the session of {group} is to last {ms} ms")


def _static(s, kind):
    """Members that leave for a while keep their seat (epoch -2); a seat is given to nobody else while who has it may live."""
    topic = group = s.topic(f"next-seats-{kind}")
    _session(s, group, 45_000)  # however long the machine takes to start a client
    s.write(topic, 60)
    sit = lambda i: s.member(kind, group, topic, **CONSUMER, **{"group.instance.id": f"seat-{i}"})
    kept, gone = sit(0), sit(1)
    covered = lambda: members.covered([kept, gone], [topic], suite.PARTITIONS) and len(kept.assigned) == 3
    if not s.wait(f"consumer-static: {kind}: two static members share", lambda: covered() and s.all_read(topic, [kept, gone])):
        return
    before, moves = set(gone.assigned), kept.moves
    gone.end()
    again = sit(1)
    s.wait(f"consumer-static: {kind}: one leaves for a while, and has its partitions again", lambda: again.assigned == before)
    s.write(topic, 60)
    s.wait(f"consumer-static: {kind}: and reads on", lambda: s.all_read(topic, [kept, gone, again]))
    s.out.check(kept.moves == moves, f"consumer-static: {kind}: the other one was not asked to move")
    second = sit(1)
    refused = lambda: any("instance" in note.lower() for note in second.notes)
    s.wait(f"consumer-static: {kind}: another one with the id of a seat that is taken is refused", refused)
    s.out.check(not second.assigned and again.assigned == before, f"consumer-static: {kind}: and whose it is keeps it: {second.notes[-1:]}")
    if second.process.poll() is None:
        second.end(signal.SIGKILL)
    _session(s, group, 3000)
    time.sleep(1.5)  # some heartbeats; if it was not one, this takes 45 s
    again.end(signal.SIGKILL)
    s.wait(f"consumer-static: {kind}: who is killed has lost its seat when its session is over", lambda: members.covered([kept], [topic], suite.PARTITIONS))
    new = sit(1)
    s.wait(f"consumer-static: {kind}: and it is free", lambda: members.covered([kept, new], [topic], suite.PARTITIONS) and len(new.assigned) == 3)


def consumer_static(s):
    for kind in KINDS:
        _static(s, kind)
        s.end_all()


def _group_settings(s, group, *args):
    """kafka-configs on one group; what it prints."""
    command = s.java.command(CONFIG_COMMAND, "--bootstrap-server", s.cluster.bootstrap, "--entity-type", "groups", "--entity-name", group, *args)
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=stock.TIMEOUT_S).stdout.decode()


def _told_interval(s, group):
    """The heartbeat interval that a member of the group is told."""
    with kwire.Connection(words.coordinator(s.cluster.bootstrap, group), 30.0) as c:
        beat = lambda epoch: c.call(68, 1, encode(BEAT, 1, True, {
            "group": group, "member": "asks-the-interval", "epoch": epoch, "instance": None, "rack": None, "rebalance": 10_000, "regex": None,
            "assignor": None, "owned": [] if epoch == 0 else None, "topics": ["nowhere"] if epoch == 0 else None}), True)
        told = beat(0)
        told.take("i"), told.take("h"), told.compact_text(), told.compact_text(), told.take("i")
        interval = told.take("i")
        beat(-1)
    return interval


def _missed_after(s, kind, group, topic):
    """Two members; one is killed. Seconds until the other one has all."""
    some = [s.member(kind, group, topic, **CONSUMER) for _ in range(2)]
    covered = lambda who: members.covered(who, [topic], suite.PARTITIONS)
    s.wait(f"consumer-configs: {kind}: two members share", lambda: covered(some) and all(len(m.assigned) == 3 for m in some))
    began = time.monotonic()
    some[0].end(signal.SIGKILL)
    s.wait(f"consumer-configs: {kind}: one dies, the other one reads all when its session is over", lambda: covered(some[1:]))
    took = time.monotonic() - began
    some[1].end()
    return took


def consumer_configs(s):
    topic = s.topic("next-configs")
    usual, group = SETTINGS["group.consumer.heartbeat.interval.ms"], "next-configs-confluent"
    s.out.check(_told_interval(s, group) == usual, f"consumer-configs: members are told the brokers' {usual} ms")
    said = _group_settings(s, group, "--alter", "--add-config", "consumer.heartbeat.interval.ms=900,consumer.session.timeout.ms=7000")
    s.out.check("Completed updating" in said, f"consumer-configs: kafka-configs sets two settings of a group {said if 'Completed' not in said else ''}")
    said = _group_settings(s, group, "--describe")
    s.out.check("consumer.heartbeat.interval.ms=900" in said and "consumer.session.timeout.ms=7000" in said, "consumer-configs: and shows them")
    s.wait("consumer-configs: members are told the group's 900 ms", lambda: _told_interval(s, group) == 900)
    s.out.check(_told_interval(s, "next-configs-other") == usual, "consumer-configs: those of another group are not")
    for what in ("consumer.session.timeout.ms=100", "consumer.heartbeat.interval.ms=999999"):
        said = _group_settings(s, group, "--alter", "--add-config", what)
        s.out.check("Completed updating" not in said and "InvalidConfigurationException" in said, f"consumer-configs: {what} is refused")
    s.out.check("consumer.session.timeout.ms=7000" in _group_settings(s, group, "--describe"), "consumer-configs: what was set stands")
    for kind in KINDS:
        group = f"next-configs-{kind}"
        _group_settings(s, group, "--alter", "--add-config", "consumer.heartbeat.interval.ms=900,consumer.session.timeout.ms=7000")
        took = _missed_after(s, kind, group, topic)
        s.out.check(took > 5.5, f"consumer-configs: {kind}: a session of the group's 7 s, not of the brokers' 3 s ({took:.1f} s)")
        _group_settings(s, group, "--alter", "--delete-config", "consumer.heartbeat.interval.ms,consumer.session.timeout.ms")
        s.wait(f"consumer-configs: {kind}: without them members are told {usual} ms again", lambda group=group: _told_interval(s, group) == usual)


PARTS = {"consumer": consumer, "consumer-regex": consumer_regex, "consumer-moves": consumer_moves, "consumer-clients": consumer_clients,
         "consumer-static": consumer_static, "consumer-configs": consumer_configs}
