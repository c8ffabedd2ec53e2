"""kafka-consumer-groups and kafka-groups, word for word (tools/*.txt), and Kafka's own reader of __consumer_offsets."""
import itertools, os

import clients as stock
import fetch, kwire, members, toolbox

HERE = os.path.dirname(os.path.abspath(__file__))
STORIES = (("kafka-4.3", fetch.KAFKA_NEW), ("kafka-3.9", fetch.KAFKA_OLD))
READ, OTHER, GROUP, SECOND = "tool-read", "tool-other", "tool-group", "tool-second"
ROWS = 10  # in each of three partitions, a minute apart from midnight of 2024-01-01 on
WRITER = """
import sys, confluent_kafka as ck
p = ck.Producer({"bootstrap.servers": sys.argv[1]})
for topic in sys.argv[2:]:
    for i in range(%d):
        for partition in range(3):
            p.produce(topic, b"v", partition=partition, timestamp=1704067200000 + 60000 * i)
sys.exit(p.flush(30))
""" % ROWS


def _prepare(s, box):
    """Two topics, two groups that have read one of them, no other group."""
    if READ not in s.written:
        for topic in (READ, OTHER):
            s.topic(topic, 3, {"retention.ms": "-1"})
        stock.run([fetch.confluent_python(), "-c", WRITER, s.cluster.bootstrap, READ, OTHER])
        s.written[READ] = s.written[OTHER] = 3 * ROWS
    s.wait("tools: groups of other parts are gone", lambda: (box.run("kafka-consumer-groups --delete --all-groups"), not box.run("kafka-consumer-groups --list")[1].split())[1])
    for group in (GROUP, SECOND):
        box.run(f"kafka-consumer-groups --reset-offsets --group {group} --topic {READ} --to-latest --execute")


def _sits(s, section, member):
    """Brings the member where the section wants it."""
    if section.startswith("a member") and not member:
        member = s.member("confluent", GROUP, READ, **{"group.protocol": "classic"})
        s.wait("tools: a member is there", lambda: members.covered([member], [READ], 3))
    elif member and not section.startswith("a member"):
        member.end()
        member = None
    return member


def tools(s):
    for story, version in STORIES:
        path = os.path.join(HERE, "tools", f"{story}.txt")
        steps, member = toolbox.load(path), None
        with toolbox.ToolBox(version, s.cluster.bootstrap, s.cluster.data_dir) as box:
            _prepare(s, box)
            served = None if s.o.peer else kwire.api_versions(s.cluster.brokers[0].address)
            for section, own in itertools.groupby(steps, lambda step: step.section):
                member = _sits(s, section, member)
                other = "".join(f"\n$ {step.command}\n{difference}" for step, difference in
                                toolbox.play(box, own, [n.port for n in s.cluster.nodes.values()], served, s.o.rewrite) if difference)
                s.out.check(not other, f"tools: {section} of {version} prints what it does against Apache Kafka{other}")
        if s.o.rewrite:
            toolbox.save(path, steps)


def log(s):
    topic = group = "logged"
    s.topic(topic)
    s.write(topic, 120)
    member = s.member("confluent", group, topic)
    s.wait("log: a member has read and committed all", lambda: s.all_read(topic, [member]) and sum(member.commits.values()) == 120)
    dumped = s.dump(group)
    missing = [p for (_, p), offset in member.commits.items()
               if f'"group":"{group}","topic":"{topic}","partition":{p}' not in dumped or f'"offset":{offset},' not in dumped]
    s.out.check(not missing, f"log: DumpLogSegments reads __consumer_offsets and finds each offset {missing or ''}")
    s.out.check(f'"group":"{group}"' in dumped and '"protocolType":"consumer"' in dumped, "log: and the group itself")


PARTS = {"tools": tools, "log": log}
