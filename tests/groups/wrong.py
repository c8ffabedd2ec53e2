"""Bad input, and a neighbour group that must not notice. What each case is answered stands in answers.txt, as Apache Kafka answered it
(tests/groups/run --peer kafka --only wrong --rewrite writes it); a case is a name and error codes."""
import itertools, os, time

import members, suite, words
from suite import PARTITIONS

HERE = os.path.dirname(os.path.abspath(__file__))
ANSWERS = os.path.join(HERE, "answers.txt")
TOPIC = "wrong"
MEMBERS_MAX = 40  # group.max.size of the cluster
JOINERS = 10_000
# No group has the empty name here; Apache Kafka keeps offsets under it, which only clients from before 2.2 wrote.
OURS = {"commit 2 in no group": "24", "commit 9 in no group": "24", "a commit into no group": "24", "offsets of no group": "(24, None)",
        "no group is deleted": "24", "groups that are not there are described": "(24, '') (69, 'Dead')"}
LONG = "x" * 30_000


class Case:
    """Cases of one group, a fresh one each time."""

    def __init__(self, s, group):
        self.s, self.group = s, group
        self.address = words.coordinator(s.cluster.bootstrap, group)
        self.told, self.first = [], None

    def raw(self, **how):
        return words.Raw(self.address, self.group, **how)

    def near(self, name):
        """A name like this that the same coordinator has."""
        want = suite.java_hash(self.group) % 50
        return next(n for n in (f"{name}{i}" for i in range(10_000)) if suite.java_hash(n) % 50 == want)

    def since(self, epoch):
        """Epochs counted from the group's first one."""
        self.first = self.first or (epoch if epoch > 0 else None)
        return epoch - self.first + 1 if epoch > 0 else epoch

    def note(self, name, *codes):
        self.told.append(f"{name}\t{' '.join(map(str, codes))}")


def _settled(c, session_ms=6000, **how):
    """A member alone in its group, with an assignment."""
    m = c.raw(session_ms=session_ms, **how)
    joined = m.join()
    synced = m.sync(assignments=[{"member": m.member, "assignment": b"mine"}])
    c.note("a member joins and syncs", joined["error"], synced["error"])
    return m


def strangers(c):
    """Heartbeats, commits, leaves of whom nobody knows."""
    m, code = _settled(c), lambda told: told["error"] if not isinstance(told, int) else told
    for name, ask in (("heartbeat", m.heartbeat), ("sync", m.sync), ("commit", lambda **v: m.commit(TOPIC, 0, 1, **v))):
        for version in (0, 3) if name != "commit" else (2, 9):
            c.note(f"{name} {version} of an unknown member", code(ask(version=version, member="nobody")))
            c.note(f"{name} {version} without a member id", code(ask(version=version, member="")))
            c.note(f"{name} {version} with a long member id", code(ask(version=version, member=LONG)))
            c.note(f"{name} {version} of the generation before", code(ask(version=version, generation=m.generation - 1)))
            c.note(f"{name} {version} of a generation to come", code(ask(version=version, generation=m.generation + 1)))
            c.note(f"{name} {version} of generation -1", code(ask(version=version, generation=-1)))
            c.note(f"{name} {version} in no group", code(ask(version=version, group="")))
            c.note(f"{name} {version} in a group that is not there", code(ask(version=version, group=c.near("wrong-nowhere"))))
            c.note(f"{name} {version} in a group with a long name", code(ask(version=version, group=c.near(LONG))))
        newest = {} if name != "commit" else {"version": 9}
        c.note(f"{name} of an unknown seat", code(ask(**newest, instance="seat-9")))
        c.note(f"{name} of an empty seat", code(ask(**newest, instance="")))
    c.note("sync with another type", code(m.sync(type="connect")))
    c.note("sync with another protocol", code(m.sync(protocol="roundrobin")))
    c.note("the member itself", m.heartbeat(), m.commit(TOPIC, 0, 5), m.fetch(TOPIC, 0))
    c.note("a commit from outside while there are members", m.commit(TOPIC, 0, 1, member="", generation=-1))
    leave = lambda **v: (lambda told: (told["error"], *(x["error"] for x in told.get("members", []))))(m.leave(**v))
    row = lambda member="", instance=None: [{"member": member, "instance": instance, "reason": None}]
    c.note("an unknown member leaves", *leave(members=row("nobody")), *leave(version=0, member="nobody"))
    c.note("an unknown seat leaves", *leave(members=row("", "seat-9")))
    c.note("nobody leaves", *leave(members=[]), *leave(members=row("")))
    c.note("a leave from no group", *leave(group=""), *leave(group=c.near("wrong-nowhere")))
    c.note("two leave, one of them unknown", *leave(members=row("nobody") + row(m.member)))
    c.note("and is gone", m.heartbeat(), m.commit(TOPIC, 0, 9), m.fetch(TOPIC, 0))


def joins(c):
    """Joins that cannot be let in."""
    m = c.raw()
    code = lambda **v: m.join_once(**v)["error"]
    for version in (0, 4, 9):
        c.note(f"join {version} of no group", code(version=version, group=""))
        c.note(f"join {version} of an unknown member", code(version=version, member="nobody"))
        c.note(f"join {version} with too short a session", code(version=version, session_ms=1))
        c.note(f"join {version} with too long a session", code(version=version, session_ms=2_000_000_000))
        c.note(f"join {version} with a negative session", code(version=version, session_ms=-1))
        c.note(f"join {version} without protocols", code(version=version, protocols=[]))
        c.note(f"join {version} without a type", code(version=version, type=""))
    c.note("join without a member id", code())
    c.note("join of an unknown member in a group that is not there", code(group=c.near("wrong-nowhere"), member="nobody"))
    _settled(c)
    c.note("join with another type", code(type="connect"))
    c.note("join without a common protocol", code(protocols=[{"name": "other", "metadata": b""}]))
    c.note("join with a type without a name", code(type=""))
    c.note("join of a long member id", code(member=LONG))
    for name, group in (("with a long name", LONG), ("with a name of blanks", "  "), ("with a name of control letters", "a\0\n\x7f"),
                        ("with a name of dots", "../..")):
        with words.Raw(words.coordinator(c.s.cluster.bootstrap, group), group, session_ms=3000, rebalance_ms=3000) as other:
            c.note(f"a group {name} is joined", other.join()["error"], other.heartbeat(), other.leave()["error"])
    with words.Raw(words.coordinator(c.s.cluster.bootstrap, "wrong-metadata"), "wrong-metadata", session_ms=3000) as other:
        big = [{"name": "range", "metadata": b"m" * 600_000}]  # Apache Kafka leaves it without an answer, so there is nothing to compare
        told = "no answer" if c.s.o.peer else (other.join(protocols=big)["error"], other.heartbeat())
        c.s.out.check(c.s.o.peer or told == (0, 0), f"wrong: a member with much metadata joins: {told}")


def commits(c):
    """Commits of what is not there or does not fit; groups that only keep offsets."""
    m = c.raw()
    ask = lambda *a, **v: m.commit(*a, **v)
    c.note("a commit from outside into an empty group", ask(TOPIC, 0, 7), m.fetch(TOPIC, 0))
    c.note("metadata of 4,096 letters", ask(TOPIC, 0, 8, metadata="m" * 4096), m.fetch(TOPIC, 0))
    c.note("metadata of 4,097 letters", ask(TOPIC, 0, 9, metadata="m" * 4097), m.fetch(TOPIC, 0))
    c.note("a topic that is not there", ask("wrong-no-topic", 0, 1))
    c.note("a partition that is not there", ask(TOPIC, 77, 1))
    c.note("a negative partition", ask(TOPIC, -1, 1))
    c.note("an offset beyond the end", ask(TOPIC, 0, 1 << 62), m.fetch(TOPIC, 0))
    c.note("a commit into no group", ask(TOPIC, 0, 1, group=""))
    c.note("a commit of a stranger into a group that has offsets", ask(TOPIC, 0, 1, member="nobody", generation=3))
    c.note("offsets of no group", m.fetch(TOPIC, 0, group=""))
    c.note("offsets of a group that is not there", m.fetch(TOPIC, 0, group=c.near("wrong-nowhere")))
    c.note("offsets of a topic that is not there", m.fetch("wrong-no-topic", 0))
    gone = lambda **v: (lambda told: (told["error"], *(p["error"] for t in told["topics"] for p in t["partitions"])))(m.ask(words.FORGET, **v))
    rows = lambda name: [{"name": name, "partitions": [0]}]
    c.note("offsets of no group are deleted", *gone(group="", topics=rows(TOPIC)))
    c.note("offsets of a group that is not there are deleted", *gone(group=c.near("wrong-nowhere"), topics=rows(TOPIC)))
    c.note("offsets of a topic that is not there are deleted", *gone(topics=rows("wrong-no-topic")))
    removed = lambda *groups: sorted(r["error"] for r in m.ask(words.DELETE, groups=list(groups))["results"])
    c.note("no group is deleted", *removed(""), *removed())
    c.note("a group that is not there is deleted", *removed(c.near("wrong-nowhere")))
    look = lambda group: [(g["error"], g["state"]) for g in m.ask(words.DESCRIBE, groups=[group], ops=False)["groups"]]
    c.note("groups that are not there are described", *look(""), *look(c.near("wrong-nowhere")))
    with c.raw() as member:
        member.join(session_ms=3000)
        c.note("a group with members is deleted", *removed(c.group))
        c.note("its offsets are deleted", *gone(topics=rows(TOPIC)))
        member.leave()
    c.note("the group is deleted", *removed(c.group))


def _pair(c, leader, other):
    """Both join; (the leader, the other one, what they were told)."""
    joined = [words.beside(m.join) for m in (leader, other)]
    told = [a.take() for a in joined]
    return (other, leader, told) if other.member == told[1]["leader"] else (leader, other, told)


def silent(c):
    """A leader that never syncs: who waits for it is told to join again when the rebalance time-out is over, and goes on without it."""
    leader, other, told = _pair(c, c.raw(rebalance_ms=2000), c.raw(rebalance_ms=2000))
    c.note("two join", *(t["error"] for t in told), len({t["generation"] for t in told}))
    began = time.monotonic()
    waited = words.beside(other.sync).take()
    c.note("the one that syncs waits for the leader and is told", waited["error"])
    c.s.out.check(time.monotonic() - began < 15, f"wrong: and not for ever ({time.monotonic() - began:.1f} s)")
    again = other.join()
    alone = other.sync(assignments=[{"member": other.member, "assignment": b"all"}])
    c.note("it goes on alone", again["error"], len(again["members"]), alone["error"], alone["assignment"])
    c.note("the silent one comes back too late", leader.sync()["error"], leader.heartbeat())


def large(c):
    """A leader hands in more than a record of __consumer_offsets may hold: nobody is assigned anything, and all join again."""
    leader, other, told = _pair(c, c.raw(), c.raw())
    for _ in range(5):
        waiting = words.beside(other.sync)
        time.sleep(0.3)
        given = leader.sync(assignments=[{"member": m.member, "assignment": b"a" * 600_000} for m in (leader, other)])
        waited = waiting.take()
        if waited["error"] != 27:  # else it came late, and has not waited
            break
        leader, other, told = _pair(c, leader, other)
    before = leader.generation
    c.note("the leader is told, and who waits", given["error"], waited["error"], given["assignment"], waited["assignment"])
    c.note("and then", leader.heartbeat(), other.heartbeat(), other.sync()["error"], leader.commit(TOPIC, 0, 1))
    leader, other, told = _pair(c, leader, other)
    c.note("they join again", *(t["error"] for t in told), leader.generation - before)
    synced = leader.sync(assignments=[{"member": m.member, "assignment": b"small"} for m in (leader, other)])
    c.note("and sync", synced["error"], synced["assignment"], other.sync()["assignment"], leader.heartbeat(), other.heartbeat())
    c.note("and leave", leader.leave()["error"], other.leave()["error"])


def crowd(c):
    """Many more joiners than a group may have members."""
    parked, refused, spare = [], {}, None
    count = JOINERS if c.s.o.full else JOINERS // 5
    for _ in range(count):
        m = spare or c.raw(session_ms=20_000, rebalance_ms=3000)
        spare, m.member = None, ""
        told = m.join_once()
        if told["error"] == 79:
            m.member = told["member"]
            parked.append((m, words.beside(m.join_once)))
        else:
            refused[told["error"]] = refused.get(told["error"], 0) + 1
            spare = m
    codes = [a.take()["error"] for _, a in parked]
    c.note("a crowd joins: how many may", codes.count(0))
    c.note("the others are told", *sorted({*refused, *codes} - {0}))
    c.s.out.check(sum(refused.values()) + len(codes) == count, f"wrong: {count:,} joiners, each had its answer")
    for (m, _), code in zip(parked, codes):
        if code == 0:
            m.leave(version=1)
        m.__exit__()


def against(s, title, topic, protocol, answers, ours, parts):
    """Each part's answers beside Apache Kafka's, while a neighbour group of this protocol reads the topic."""
    s.topic(topic)
    s.write(topic, 100)
    neighbour = s.member("confluent", f"{title}-neighbour", topic, **{"group.protocol": protocol})
    s.wait(f"{title}: a neighbour reads", lambda: members.covered([neighbour], [topic], PARTITIONS) and s.all_read(topic, [neighbour]))
    moves, told = neighbour.moves, {}
    want = {} if s.o.rewrite else _load(answers)
    for part in parts:
        name = part.__name__
        c = Case(s, f"{title}-{name}")
        try:
            part(c)
        except OSError as e:
            s.out.check(False, f"{title}: {name}: {e!r} after {c.told[-1:]}")
        told[name] = c.told
        wanted = c.told if s.o.rewrite else _wanted(s, ours, want.get(name, []))
        other = [f"{got} instead of {wanted}" for got, wanted in itertools.zip_longest(c.told, wanted) if got != wanted]
        s.out.check(not other, f"{title}: {name}: {len(c.told)} answers are Apache Kafka's" + "".join(f"\n  {line}" for line in other))
        s.write(topic, 20)
        s.wait(f"{title}: {name}: the neighbour reads on", lambda: s.all_read(topic, [neighbour]))
    s.out.check(neighbour.moves == moves, f"{title}: and was never asked to move")
    if s.o.rewrite:
        with open(answers, "w") as f:
            for name, lines in told.items():
                f.write(f"## {name}\n" + "".join(line + "\n" for line in lines))


def wrong(s):
    against(s, "wrong", TOPIC, "classic", ANSWERS, OURS, (strangers, joins, commits, silent, large, crowd))


def _wanted(s, ours, lines):
    """Apache Kafka's answers, but ours where they differ on purpose."""
    pairs = [line.split("\t") for line in lines]
    return [f"{case}\t{ours.get(case, codes) if not s.o.peer else codes}" for case, codes in pairs]


def _load(path):
    """{section: its lines}"""
    sections, name = {}, None
    with open(path) as f:
        for line in f.read().split("\n"):
            if line.startswith("## "):
                name = sections.setdefault(line[3:], [])
            elif line:
                name.append(line)
    return sections


PARTS = {"wrong": wrong}
