"""kafka-consumer-groups, and Kafka's own reader of __consumer_offsets."""
import members
from suite import PARTITIONS


def tools(s):
    topic = group = "tooled"
    s.topic(topic)
    s.write(topic, 120)
    member = s.member("confluent", group, topic)
    s.wait("tools: a member has read all", lambda: s.all_read(topic, [member]))
    s.wait("tools: and committed all", lambda: sum(member.commits.values()) == 120)
    said = s.groups("--describe", "--group", group, "--state")
    s.out.check("Stable" in said and "range" in said, "tools: --describe --state says Stable and range" + ("" if "Stable" in said else f": {said}"))
    said = s.groups("--describe", "--group", group, "--members")
    s.out.check("rdkafka" in said and "/127.0.0.1" in said, "tools: --describe --members says client and host")
    member.end()
    said = s.groups("--list", "--state")
    s.out.check(any(line.split()[:1] == [group] and "Empty" in line for line in said.splitlines()), "tools: --list --state has the group, Empty")
    offsets = s.committed(group, topic)
    s.out.check(sum(offsets.values()) == 120, "tools: --describe tells the committed offsets")
    dumped = s.dump(group)
    missing = [p for p, offset in offsets.items() if f'"group":"{group}","topic":"{topic}","partition":{p}' not in dumped or f'"offset":{offset},' not in dumped]
    s.out.check(not missing, f"tools: DumpLogSegments reads our __consumer_offsets and finds each of them {missing or ''}")
    s.groups("--reset-offsets", "--group", group, "--topic", f"{topic}:0,1", "--to-earliest", "--execute")
    offsets = s.committed(group, topic)
    s.out.check(offsets.get(0) == 0 and offsets.get(1) == 0 and offsets[2] > 0, "tools: --reset-offsets moved the two partitions only")
    s.groups("--delete-offsets", "--group", group, "--topic", f"{topic}:0")
    s.out.check(0 not in s.committed(group, topic), "tools: --delete-offsets forgot one partition")
    said = s.groups("--delete", "--group", group)
    s.out.check("successful" in said and group not in s.groups("--list").split(), "tools: --delete removed the group")


PARTS = {"tools": tools}
