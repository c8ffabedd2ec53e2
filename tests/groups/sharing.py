"""Members of one client share a group, leave it, die, and others go on where they stopped."""
import os, signal, subprocess, time

import clients as stock
import fetch, members
from suite import PARTITIONS


def share(s):
    for kind in ("confluent", "kafka-python") if s.o.full else ("confluent",):
        topic = group = f"share-{kind}"
        s.topic(topic)
        s.write(topic, 1000)
        seats = [s.member(kind, group, topic)]
        covered = lambda who, each: members.covered(who, [topic], PARTITIONS) and all(len(m.assigned) == each for m in who)
        s.wait(f"{kind}: one member reads all partitions", lambda: covered(seats, 6))
        seats += [s.member(kind, group, topic) for _ in range(2)]
        s.wait(f"{kind}: three members share them", lambda: covered(seats, 2))
        s.write(topic, 1000)
        s.wait(f"{kind}: every record is read", lambda: s.all_read(topic, seats))
        seats[0].end()
        s.wait(f"{kind}: one leaves, two share", lambda: covered(seats[1:], 3))
        seats[1].end(signal.SIGKILL)
        s.wait(f"{kind}: one dies, the last reads all when its session is over", lambda: covered(seats[2:], 6))
        s.write(topic, 500)
        s.wait(f"{kind}: every record is read", lambda: s.all_read(topic, seats))
        time.sleep(0.5)
        seats[2].end()
        again = s.member(kind, group, topic)
        s.write(topic, 1)
        s.wait(f"{kind}: who comes later reads what is new", lambda: f"v{s.written[topic] - 1}" in again.values)
        s.out.check(len(again.read) <= 1 + 500, f"{kind}: and goes on where the last one had committed ({len(again.read)} records read)")
        again.end()
        twice = members.two_owners([*seats, again])
        s.out.check(not twice, f"{kind}: no partition had two owners in one generation {twice or ''}")


def static(s):
    topic = group = "static"
    s.topic(topic)
    s.write(topic, 600)
    member = lambda i: s.member("confluent", group, topic, **{"group.instance.id": f"seat-{i}", "session.timeout.ms": 20000})
    seats = [member(0), member(1)]
    s.wait("static: two members share", lambda: members.covered(seats, [topic], PARTITIONS) and all(len(m.assigned) == 3 for m in seats))
    s.wait("static: every record is read", lambda: s.all_read(topic, seats))
    before, moves = set(seats[1].assigned), seats[0].moves
    gone = seats[1]
    gone.end(signal.SIGKILL)
    seats[1] = member(1)
    s.wait("static: who restarts in time has its partitions again", lambda: seats[1].assigned == before)
    s.write(topic, 100)
    s.wait("static: and reads on", lambda: s.all_read(topic, [gone, *seats]))
    s.out.check(seats[0].moves == moves, f"static: the other one was not asked to move ({seats[0].moves - moves} moves)")
    for m in seats:
        m.end()


def coordinator(s):
    topic = group = "coordinated"
    s.topic(topic)
    seats = [s.member("confluent", group, topic) for _ in range(3)]
    s.write(topic, 500)
    s.wait("coordinator: three members share", lambda: members.covered(seats, [topic], PARTITIONS) and all(len(m.assigned) == 2 for m in seats))
    for n in range(10 if s.o.full else 2):
        s.wait("coordinator: every record is read", lambda: s.all_read(topic, seats))
        s.cluster.wait_isr_full("__consumer_offsets")
        _, victim = s.coordinator_of(group)
        before = {p: max(m.commits.get((topic, p), 0) for m in seats) for p in range(PARTITIONS)}
        s.cluster.kill(victim)
        s.write(topic, 500)
        s.wait(f"coordinator: broker {victim} killed, every record is read", lambda: s.all_read(topic, seats))
        after = s.committed(group, topic)
        back = {p: (before[p], after.get(p, 0)) for p in before if after.get(p, 0) < before[p]}
        s.out.check(not back, f"coordinator: no committed offset went back {back or ''}")
        s.cluster.restart(victim)
    s.wait("coordinator: each partition has one reader", lambda: members.covered(seats, [topic], PARTITIONS))
    for m in seats:
        m.end()


def console(s):
    topic = s.topic("console")
    s.write(topic, 300)
    kcat = [fetch.kcat(), "-b", s.cluster.bootstrap, "-q", "-e", "-X", "auto.offset.reset=earliest", "-G", "by-kcat", topic]
    lines = lambda cmd: stock.run(cmd, stdout=subprocess.PIPE).stdout.decode().count("\n")
    s.out.check(lines(kcat) == 300, "console: kcat -G reads all")
    s.write(topic, 50)
    s.out.check(lines(kcat) == 50, "console: kcat -G goes on where it stopped")
    for name, version in (("java-3.9", fetch.KAFKA_OLD), ("java-4.3", fetch.KAFKA_NEW)):
        java = stock.Java(name, version)
        read = lambda count: lines(java.command("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", s.cluster.bootstrap, "--topic",
                                                topic, "--group", f"by-{name}", "--from-beginning", "--max-messages", str(count), "--timeout-ms", "30000"))
        had = s.written[topic]
        s.out.check(read(had) == had, f"console: {name}'s console consumer reads all in a group")
        s.write(topic, 20)
        s.out.check(read(20) == 20, f"console: {name}'s goes on where it stopped")


PARTS = {"share": share, "static": static, "coordinator": coordinator, "console": console}
