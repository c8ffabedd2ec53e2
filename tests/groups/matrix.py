"""Every client of the matrix as a member of groups: its own group, pause and seek, patterns, seats, assignors, mixed groups."""
import signal, time

import members
from suite import PARTITIONS

CANNOT = {"kcat": {"pause", "seek"}, "kafkajs": {"static"}, "kafka-python": {"static"}}  # what a client has no call for
COOPERATIVE = ("confluent", "franz-go", "java-3.9", "java-4.3", "kcat")
CI_COOPERATIVE = ("confluent", "franz-go", "java-4.3")
RANGE = ("confluent", "kafka-python", "kafka-python-3", "franz-go", "kcat", "java-4.3", "java-3.9", "confluent")
JVMS_AT_ONCE = 2


def clients(s):
    """Each client alone: reads, commits, pauses, seeks, and a second one goes on where it stopped."""
    for kind in members.KINDS if s.o.full else [k for k in members.KINDS if k != "java-3.9"]:
        client(s, kind)
        s.end_all()


def client(s, kind, prefix="client", **settings):
    topic = group = f"{prefix}-{kind}"
    s.topic(topic)
    s.write(topic, 120)
    m = s.member(kind, group, topic, **settings)
    if not s.wait(f"{kind}: reads all partitions", lambda: members.covered([m], [topic], PARTITIONS) and s.all_read(topic, [m])):
        return
    everything = [(topic, p) for p in range(PARTITIONS)]
    if "pause" not in CANNOT.get(kind, ()):
        m.tell("pause", *everything)
        s.write(topic, 60)
        time.sleep(1.0)
        had = len(m.values)
        m.tell("resume", *everything)
        s.wait(f"{kind}: reads on when it resumes", lambda: s.all_read(topic, [m]))
        s.out.check(had == 120, f"{kind}: reads nothing while it pauses ({had - 120} records)")
    if "seek" not in CANNOT.get(kind, ()):
        first = lambda: sum(1 for _, p, offset, _ in m.read if (p, offset) == (2, 0))
        had = first()
        m.tell("seek", (topic, 2), offset=0)
        s.write(topic, 6)
        s.wait(f"{kind}: reads again from where it was sent", lambda: first() > had and s.all_read(topic, [m]))
    if kind == "kcat":  # says nothing of its commits: one every 200 ms, and one when it leaves
        time.sleep(0.5)
    else:
        s.wait(f"{kind}: commits what it read", lambda: sum(m.commits.values()) == s.written[topic])
    m.end()
    s.write(topic, 30)
    again = s.member(kind, group, topic, **settings)
    fresh = {f"v{i}" for i in range(s.written[topic] - 30, s.written[topic])}
    s.wait(f"{kind}: another one reads what is new", lambda: again.values >= fresh)
    s.out.check(again.values == fresh, f"{kind}: and only that ({len(again.values) - 30} records more)")
    again.end()


def patterns(s):
    """Topics by a pattern, those that come later, too; and two groups of one topic do not know of each other."""
    kinds = members.KINDS if s.o.full else ("confluent", "kafka-python-3", "franz-go", "kcat")
    topics = [s.topic(f"pattern.{n}", 2) for n in range(2)]
    s.topic("other.pattern", 2)
    for topic in (*topics, "other.pattern"):
        s.write(topic, 10)
    seats = []
    for at in range(0, len(kinds), 4):
        seats = [s.member(kind, f"pattern-{kind}", r"^pattern\..*") for kind in kinds[at:at + 4]]
        for m in seats:
            s.wait(f"{m.name}: a pattern covers the topics that match", lambda: members.covered([m], topics, 2))
        if at + 4 >= len(kinds):
            topics.append(s.topic("pattern.new", 2))
            s.write("pattern.new", 10)
            for m in seats:
                s.wait(f"{m.name}: and one that comes later", lambda: members.covered([m], topics, 2) and len(m.values) == 10 and len(m.read) == 30)
        for m in seats:
            m.end()


def seats(s):
    """Static members of each client, killed and started again."""
    kinds = [k for k in members.KINDS if "static" not in CANNOT.get(k, ()) and k not in ("confluent", *(() if s.o.full else ("java-3.9",)))]
    for kind in kinds:
        topic = group = f"seats-{kind}"
        s.topic(topic)
        s.write(topic, 60)
        sit = lambda i, kind=kind: s.member(kind, group, topic, **{"group.instance.id": f"seat-{i}", "session.timeout.ms": 20000})
        kept, gone = sit(0), sit(1)
        s.wait(f"{kind}: two static members share", lambda: members.covered([kept, gone], [topic], PARTITIONS) and len(kept.assigned) == 3 and s.all_read(topic, [kept, gone]))
        before, moves = set(gone.assigned), kept.moves
        gone.end(signal.SIGKILL)
        again = sit(1)
        s.write(topic, 30)
        s.wait(f"{kind}: the one that restarts has its partitions again", lambda: again.assigned == before and s.all_read(topic, [kept, gone, again]))
        s.out.check(kept.moves == moves, f"{kind}: the other one was not asked to move")
        s.end_all()


def cooperative(s):
    """Who shares by cooperative-sticky keeps what it can keep: nothing is taken from a member but what another one gets."""
    for kind in COOPERATIVE if s.o.full else CI_COOPERATIVE:
        topic = group = f"cooperative-{kind}"
        s.topic(topic)
        s.write(topic, 60)
        sit = lambda kind=kind: s.member(kind, group, topic, **{"partition.assignment.strategy": "cooperative-sticky"})
        first = sit()
        s.wait(f"{kind}: one cooperative member reads all", lambda: members.covered([first], [topic], PARTITIONS) and s.all_read(topic, [first]))
        taken = set()
        take = first.take
        lost = lambda line: (taken.update(p for p in line.split(" ")[2].split(",") if p) if line.startswith("revoked") else None, take(line))
        first.take = lost
        second = sit()
        s.wait(f"{kind}: a second one gets half", lambda: members.covered([first, second], [topic], PARTITIONS) and len(second.assigned) == 3)
        names = {t.strip() for t in taken}
        s.out.check(3 <= len(names) < PARTITIONS, f"{kind}: and the first one was not asked for all ({len(names)} of {PARTITIONS})")
        s.write(topic, 60)
        s.wait(f"{kind}: every record is read", lambda: s.all_read(topic, [first, second]))
        second.end(signal.SIGKILL)
        s.wait(f"{kind}: the second one dies, the first one has all again", lambda: members.covered([first], [topic], PARTITIONS))
        twice = members.two_owners([first, second])
        s.out.check(not twice, f"{kind}: no partition had two owners in one generation {twice or ''}")
        s.end_all()


def mixed(s):
    """One group of many clients, one to eight members over six partitions, while they come, leave and are killed."""
    topic, group, other = s.topic("mixed"), "mixed", "mixed-neighbour"
    neighbour = s.member("confluent", other, topic)
    s.write(topic, 60)
    s.wait("mixed: a neighbour group reads the same topic", lambda: s.all_read(topic, [neighbour]))
    moves, every, live = neighbour.moves, [], []

    def settled(what):
        each = (PARTITIONS // len(live), -(-PARTITIONS // len(live)))
        fair = lambda: members.covered(live, [topic], PARTITIONS) and all(each[0] <= len(m.assigned) <= each[1] for m in live)
        s.wait(f"mixed: {what}: {len(live)} members, each partition has one reader", fair)

    for at, kind in enumerate(RANGE, 1):
        live.append(s.member(kind, group, topic, **{"partition.assignment.strategy": "range"}))
        every.append(live[-1])
        if at in (1, 4, 8):
            settled(f"{kind} came")
    s.write(topic, 120)
    s.wait("mixed: every record is read", lambda: s.all_read(topic, every))
    for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM) if not s.o.full else (signal.SIGTERM, signal.SIGKILL) * 3:
        gone = live.pop(0)
        gone.end(how)
        settled(f"{gone.name} {'left' if how == signal.SIGTERM else 'was killed'}")
        s.write(topic, 30)
        s.wait("mixed: every record is read", lambda: s.all_read(topic, every))
    twice = members.two_owners(every)
    s.out.check(not twice, f"mixed: no partition had two owners in one generation {twice or ''}")
    s.wait("mixed: the neighbour read every record by itself", lambda: s.all_read(topic, [neighbour]))
    s.out.check(neighbour.moves == moves, "mixed: and was never asked to move")


PARTS = {"clients": clients, "patterns": patterns, "seats": seats, "cooperative": cooperative, "mixed": mixed}
