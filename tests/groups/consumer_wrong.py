"""Bad input of the consumer protocol (KIP-848) and of both protocols in one group, with a neighbour group that must not notice. What each
case is answered stands in consumer_answers.txt, as Apache Kafka answered it (tests/groups/run --peer kafka --only consumer-wrong --rewrite
writes it); a case is a name, error codes, epochs and partitions."""
import os, struct, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "apis"), HERE]
import kwire, words, wrong
from messages import Message, encode, parse

ANSWERS = os.path.join(HERE, "consumer_answers.txt")
TOPIC, SHARED = "consumer-wrong", "consumer-wrong-words"
PARTITIONS = 4  # of SHARED
JOINERS = 10_000
NAMES = ("requests", "unknown", "epochs", "commits", "seats", "patterns", "others", "migrations", "silences", "crowds")
GROUP = 32  # the type of a group's settings
# Where an id is not to become another seat's, where nested repetitions would cost too much, and where Apache Kafka fails inside.
OURS = {"it enters without its seat": "82", "it wants another seat": "82", "enters with an expression of repetitions of repetitions": "128",
        "offsets without a member, but an epoch": "(25,)"}
LONG = wrong.LONG
ASK = parse("group:str member:str epoch:i32 instance?:str rack?:str rebalance:i32 topics?[str] regex?:str@1 assignor?:str "
            "owned?[ id:uuid partitions[i32] ]")
FETCH = Message(9, 8, 9, 6, "groups[ group:str member?:str@9 epoch:i32@9 topics?[ name:str partitions[i32] ] ] stable:bool",
                "throttle:i32 groups[ group:str topics[ name:str partitions[ index:i32 offset:i64 epoch:i32 metadata?:str error:i16 ] ] error:i16 ]")
LOOK = Message(69, 0, 1, 0, "groups[str] ops:bool",
               "throttle:i32 groups[ error:i16 message?:str group:str state:str epoch:i32 target_epoch:i32 assignor:str members[ member:str "
               "instance?:str rack?:str epoch:i32 client:str host:str topics[str] regex?:str assigned[ id:uuid name:str partitions[i32] ] "
               "tags:i8 target[ id:uuid name:str partitions[i32] ] more_tags:i8 type:i8@1 ] ops:i32 ]")
SET = Message(44, 0, 1, 1, "resources[ type:i8 name:str configs[ name:str operation:i8 value?:str ] ] validate_only:bool",
              "throttle:i32 resources[ error:i16 message?:str type:i8 name:str ]")
# Epochs follow each other at once, and nobody is missed while a machine has other things to do.
SETTINGS = {"consumer.assignment.interval.ms": "0", "consumer.session.timeout.ms": "45000", "consumer.heartbeat.interval.ms": "777"}


class Next(words.Raw):
    """A member of the consumer protocol on a connection of its own."""
    topic_id, told_member, interval, told_epoch = None, "", None, 0

    def beat(self, version=1, **values):
        """(error, epoch, partitions or None); epochs are told from the group's first one on, which need not be the same number"""
        base = {"group": self.group, "member": self.member, "epoch": self.generation, "instance": self.instance, "rack": None, "rebalance": -1,
                "topics": None, "regex": None, "assignor": None, "owned": None}
        told = self.connection.call(68, version, encode(ASK, version, True, {**base, **values}), True)
        _, error, _ = told.take("i"), told.take("h"), told.compact_text()
        if error:
            return error, None, None
        self.told_member, epoch, interval = told.compact_text(), told.take("i"), told.take("i")
        if epoch > 0:
            self.interval, self.told_epoch = interval, epoch
            epoch = self.case.since(epoch)
        if told.take("b") < 0:
            return error, epoch, None
        return error, epoch, sorted(p for some in told.compact_array(lambda: self.one_topic(told)) for p in some)

    def one_topic(self, told):
        self.topic_id, told.at = bytes(told.data[told.at:told.at + 16]), told.at + 16
        partitions = told.compact_array(lambda: told.take("i"))
        told.tags()
        return partitions

    def on(self, **values):
        """Lives on in the epoch that it is told."""
        told = self.beat(**values)
        if told[0] == 0:
            self.generation = self.told_epoch
        return told

    def enter(self, **values):
        return self.on(**{"epoch": 0, "rebalance": 60_000, "topics": [SHARED], "owned": [], **values})

    def has(self, *partitions, topic=None):
        return [{"id": topic or self.topic_id, "partitions": list(partitions)}]

    def offset(self, version=9, **values):
        row = {"group": self.group, "member": self.member, "epoch": self.generation, "topics": [{"name": SHARED, "partitions": [0]}], **values}
        told = FETCH.call(self.connection, version, groups=[row], stable=False)["groups"][0]
        return (told["error"], *(p["offset"] for t in told["topics"] for p in t["partitions"]))

    def look(self, *groups, version=1):
        """[(error, state, epoch, epoch of the target, [(member epoch, assigned, target)])]"""
        parts = lambda rows: sorted(p for row in rows for p in row["partitions"])
        told = LOOK.call(self.connection, version, groups=list(groups or [self.group]), ops=False)["groups"]
        since = self.case.since
        return [(g["error"], g["state"], since(g["epoch"]), since(g["target_epoch"]),
                 sorted((since(m["epoch"]), parts(m["assigned"]), parts(m["target"])) for m in g["members"])) for g in told]


def member(c, name, instance=None, group=None):
    m = Next(c.address, group or c.group)
    m.member, m.generation, m.instance, m.case = name, 0, instance, c
    return m


def _set(s):
    """The groups' settings, once the coordinators heed them."""
    rows = [{"type": GROUP, "name": f"consumer-wrong-{name}", "configs": [{"name": k, "operation": 0, "value": v} for k, v in SETTINGS.items()]} for name in NAMES]
    with kwire.Connection(s.cluster.bootstrap.split(",")[0], 30.0) as connection:
        told = SET.call(connection, 1, resources=rows, validate_only=False)["resources"]
    s.out.check(not any(r["error"] for r in told), f"consumer-wrong: settings of groups {[r for r in told if r['error']] or ''}")

    def heeded(c):
        m = member(c, "asks-the-interval")
        m.enter(), m.beat(epoch=-1)
        m.ask(words.DELETE, groups=[m.group])
        m.__exit__()
        return m.interval == int(SETTINGS["consumer.heartbeat.interval.ms"])
    for name in NAMES:
        c = wrong.Case(s, f"consumer-wrong-{name}")
        if not kwire.wait_until(lambda: heeded(c), 30, 0.1):
            s.out.check(False, f"consumer-wrong: the settings of {c.group} are not heeded")


def requests(c):
    """What can be told from a request alone."""
    a = member(c, "a")
    for name, values in (("no group", {"group": ""}), ("a group of blanks", {"group": "  "}), ("no member id", {"member": ""}),
                         ("a member id of blanks", {"member": " "}), ("an empty instance", {"instance": ""}), ("an empty rack", {"rack": ""}),
                         ("a rebalance time-out of -1", {"rebalance": -1}), ("partitions", {"owned": a.has(0, topic=b"\1" * 16)}),
                         ("no list of partitions", {"owned": None}), ("no subscription", {"topics": None}),
                         ("an assignor that there is not", {"assignor": "nosuch"}), ("an assignor without a name", {"assignor": ""}),
                         ("a partition of no topic", {"owned": a.has(0, topic=bytes(16))})):
        c.note(f"enters with {name}", a.enter(**values)[0])
        a.beat(epoch=-1)
    for ms in (0, -2, -(1 << 31)):
        c.note(f"enters with a rebalance time-out of {ms}", a.enter(rebalance=ms)[0])
        c.note("and lives on", a.on()[0])
        a.beat(epoch=-1)
    c.note("version 0 enters with no group", a.enter(version=0, group="")[0])
    c.note("version 0 enters without a subscription", a.enter(version=0, topics=None)[0])
    for name, values in (("group", {"group": c.near(LONG)}), ("member id", {"member": LONG}), ("instance", {"instance": LONG}), ("rack", {"rack": LONG}),
                         ("topic", {"topics": [LONG]}), ("assignor", {"assignor": LONG})):
        c.note(f"enters with a long {name}", a.enter(**values)[0])
        a.beat(**{**values, "epoch": -1})
    c.note("enters with an empty topic", a.enter(topics=[""])[0])
    c.note("enters with a topic that cannot be", a.enter(topics=["../.."])[0])
    c.note("enters with 1,000 topics, each twice", a.enter(topics=[f"t{i}" for i in range(1000)] * 2)[0])
    a.beat(epoch=-1)


def unknown(c):
    """Of whom nobody knows, and groups that are not there."""
    a = member(c, "a")
    for epoch in (-1 << 31, -3, -2, -1, 1):
        c.note(f"epoch {epoch} in a group that is not there", a.beat(epoch=epoch)[0])
    c.note("epoch -2 with an instance in a group that is not there", a.beat(epoch=-2, instance="one")[0])
    c.note("epoch 1 without a member id", a.beat(epoch=1, member="")[0])
    zero = member(c, "")
    told = zero.enter(version=0)
    c.note("version 0 lets the coordinator name it", told, len(zero.told_member))
    zero.member = zero.told_member
    c.note("and hears from it", zero.on(version=0))
    for epoch in (-2, -1, 1):
        c.note(f"an unknown member with epoch {epoch}", a.beat(epoch=epoch)[0], a.beat(epoch=epoch, instance="one")[0])
    c.note("a member with a long id", a.beat(epoch=1, member=LONG)[0])
    look = lambda *groups: [row[:2] for row in zero.look(*groups)]
    c.note("described: no group", *look(""))
    c.note("described: a group that is not there", *look(c.near("consumer-wrong-nowhere")), *look(c.near(LONG)))
    c.note("described: some", *sorted(look(c.group, "", c.near("consumer-wrong-nowhere"), c.group)))
    c.note("described: version 0", *(row[0] for row in zero.look(version=0)))
    c.note("the member leaves", zero.beat(version=0, epoch=-1))
    c.note("and is gone", zero.beat(version=0)[0], zero.beat(version=0, epoch=-1)[0])
    c.note("described: without members", *zero.look())


def epochs(c):
    """Two members and their epochs."""
    a, b = member(c, "a"), member(c, "b")
    nowhere = b"\7" * 16
    c.note("the first enters", a.enter())
    c.note("it lives on", a.on())
    c.note("it says everything again", a.on(rebalance=60_000, topics=[SHARED], owned=a.has(0, 1, 2, 3)))
    c.note("an epoch to come", a.beat(epoch=a.generation + 1)[0], a.beat(epoch=(1 << 31) - 1)[0])
    first = a.generation
    c.note("an unknown instance", a.beat(instance="one")[0])
    c.note("another assignor that there is not", a.beat(assignor="nosuch")[0])
    c.note("the second enters", b.enter())
    c.note("it lives on", b.on())
    c.note("the first is to give back", a.on())
    c.note("it has not yet", a.on(owned=a.has(0, 1, 2, 3)))
    c.note("it has, and has a topic that there is not", a.on(owned=a.has(0, 1) + a.has(0, topic=nowhere)))
    c.note("it has, and partitions that there are not", a.on(owned=a.has(0, 1, 77, -1)))
    c.note("the second gets it", b.on())
    c.note("described", *a.look())
    c.note("the first with the epoch before", a.beat(epoch=first, owned=a.has(0, 1)))
    c.note("with what it has, twice", a.beat(epoch=first, owned=a.has(0, 1) + a.has(0, 1)))
    c.note("with a part of it", a.beat(epoch=first, owned=a.has(1)))
    c.note("with nothing", a.beat(epoch=first, owned=[]))
    c.note("with what is not its own", a.beat(epoch=first, owned=a.has(0, 1, 2))[0])
    c.note("with a topic that there is not", a.beat(epoch=first, owned=a.has(0, topic=nowhere))[0])
    c.note("and without saying what it has", a.beat(epoch=first)[0])
    c.note("it enters again", a.enter())
    c.note("the second leaves", b.beat(epoch=-1))
    c.note("the first gets all", a.on(owned=a.has(0, 1)))
    c.note("it subscribes to nothing", a.on(rebalance=60_000, topics=[], owned=a.has(0, 1, 2, 3)))
    c.note("and gives all back", a.on(owned=[]))
    c.note("it leaves", a.beat(epoch=-1))
    c.note("and once more", a.beat(epoch=-1)[0])


def commits(c):
    """Commits and fetches of offsets in member epochs."""
    a, b = member(c, "a"), member(c, "b")
    commit = lambda m, **v: m.commit(SHARED, 0, 7, **{"version": 9, **v})
    c.note("two enter", a.enter(), b.enter())
    first = a.generation
    c.note("the first gives back", a.on(), a.on(owned=a.has(0, 1)))
    c.note("the second gets it", b.on())
    c.note("a commit", commit(a))
    c.note("of a version without epochs", commit(a, version=8))
    c.note("in an epoch to come", commit(a, generation=a.generation + 1))
    c.note("in the epoch before, of what it had", commit(a, generation=first), commit(a, generation=first - 1))
    c.note("in an epoch before, of what it had not", commit(b, generation=first), commit(b, generation=0))
    c.note("of an unknown member", commit(a, member="nobody"), commit(a, member="nobody", generation=-1))
    c.note("without a member", commit(a, member=""), commit(a, member="", generation=-1))
    c.note("with negative epochs", commit(a, generation=-1), commit(a, generation=-2))
    c.note("with an instance that is nobody's", commit(a, instance="one"))
    c.note("with a long member id", commit(a, member=LONG))
    c.note("in a group that is not there", commit(a, group=c.near("consumer-wrong-nowhere")))
    c.note("of a topic that is not there", a.commit("consumer-wrong-no-topic", 0, 7, version=9))
    c.note("offsets", a.offset())
    c.note("in an epoch to come", a.offset(epoch=a.generation + 1))
    c.note("in the epoch before", a.offset(epoch=first))
    c.note("with negative epochs", a.offset(epoch=-1), a.offset(epoch=-2))
    c.note("of an unknown member", a.offset(member="nobody"), a.offset(member="nobody", epoch=-1))
    c.note("without a member", a.offset(member=""), a.offset(member="", epoch=-1), a.offset(member=None, epoch=-1))
    c.note("offsets without a member, but an epoch", a.offset(member=None))
    c.note("of a version without epochs", a.offset(version=8))
    c.note("of a group that is not there", a.offset(group=c.near("consumer-wrong-nowhere")))
    c.note("they leave", a.beat(epoch=-1), b.beat(epoch=-1))
    c.note("a commit of who has left", commit(a), commit(a, generation=0), commit(a, generation=-1))
    c.note("a commit without a member into the empty group", commit(a, member="", generation=-1), commit(a, member="", generation=-1, version=2))
    c.note("offsets of who has left", a.offset(), a.offset(epoch=-1))


def seats(c):
    """Static members."""
    a, b, other = member(c, "a", "one"), member(c, "b", "one"), member(c, "a")
    c.note("a static member enters", a.enter())
    c.note("another one wants its seat", b.enter()[0], b.enter(instance="one", member=LONG)[0])
    c.note("it speaks without its seat", other.beat(epoch=a.generation)[0])
    c.note("it enters without its seat", other.enter()[0])
    c.note("it wants another seat", a.enter(instance="two")[0])
    c.note("another one speaks for its seat", b.beat(epoch=a.generation)[0], b.beat(epoch=-1)[0], b.beat(epoch=-2)[0])
    c.note("a commit for its seat", b.commit(SHARED, 0, 1, version=9, generation=a.generation), a.commit(SHARED, 0, 1, version=9))
    c.note("it steps aside", a.beat(epoch=-2))
    c.note("twice", a.beat(epoch=-2)[0])
    c.note("it speaks all the same", a.beat()[0])
    c.note("another one has the seat", b.enter())
    c.note("the first is back too late", a.beat()[0], a.enter()[0])
    c.note("the second leaves for good", b.beat(epoch=-1))
    c.note("the first enters", a.enter())
    c.note("and leaves", a.beat(epoch=-1))


def _settles(m, wanted):
    """The epochs depend on when an expression is evaluated; what it is assigned does not."""
    def now():
        told = m.on()
        m.parts = told[2] if told[2] is not None else m.parts
        return m.parts == wanted
    m.parts = None
    return bool(kwire.wait_until(now, 20, 0.1))


def patterns(c):
    """Regular expressions that are none, that RE2 does not have, and that explode."""
    a = member(c, "a")
    for name, regex in (("an open group", "(a"), ("an open class", "[a"), ("nothing to repeat", "*a"), ("a backreference", "(a)\\1"), ("lookahead", "a(?=b)"),
                        ("lookbehind", "(?<!a)b"), ("a possessive quantifier", "a++"), ("an atomic group", "(?>a)"), ("a range upside down", "[b-a]"),
                        ("repetitions upside down", "a{3,2}"), ("1,000 repetitions", "a{1000}"), ("1,001 repetitions", "a{1001}"),
                        ("repetitions of repetitions", "(a{100}){100}"), ("an unknown escape", "\\y"), ("a lonely backslash", "a\\"),
                        ("a class that there is not", "\\p{Nosuch}"), ("nothing", ""), ("a zero", "a\0b"), ("30,000 letters", LONG)):
        c.note(f"enters with an expression of {name}", a.enter(topics=None, regex=regex)[0])
        a.beat(epoch=-1)
    c.note("with names and an expression", a.enter(regex="nothing-has-this-name")[0])
    c.note("it changes it to one that is none", a.beat(regex="(a")[0])
    c.note("and lives on", a.on()[0])
    c.note("version 0 does not know them", a.beat(version=0)[0])
    a.beat(epoch=-1)
    for regex in ("(a+)+$", "(.*)*(.*)*(.*)*x", "(([a-z-])+.)+[A-Z]([a-z])+$", "(.|..|...)*consumer-wrong-words!"):
        c.note(f"one that explodes: {regex}", a.enter(topics=None, regex=regex)[0], a.on()[0])
        a.beat(epoch=-1)
    c.note("enters with one that explodes, but finds the topic", a.enter(topics=None, regex="((consumer|-|wrong)+)+-words")[0], _settles(a, list(range(PARTITIONS))))
    c.note("and leaves", a.beat(epoch=-1))


def _classic(c):
    """A member of the classic protocol that subscribes to the topic."""
    old = c.raw(session_ms=20_000, rebalance_ms=20_000)
    subscription = b"\0\0" + struct.pack(">i", 1) + struct.pack(">h", len(SHARED)) + SHARED.encode() + struct.pack(">i", -1)
    return old, [{"name": "range", "metadata": subscription}]


def _error(told):
    return told["error"], *(m["error"] for m in told["members"])


def others(c):
    """Requests of the classic protocol, and administrators', in a consumer group."""
    a, (old, protocols) = member(c, "a"), _classic(c)
    row = lambda name, instance=None: [{"member": name, "instance": instance, "reason": None}]
    c.note("a member enters", a.enter())
    look = lambda version: [(g["error"], g["state"]) for g in old.ask(words.DESCRIBE, version, groups=[c.group], ops=False)["groups"]]
    c.note("described as a classic group", *look(5), *look(6))
    c.note("deleted", *(r["error"] for r in old.ask(words.DELETE, groups=[c.group])["results"]))
    told = old.ask(words.FORGET, topics=[{"name": SHARED, "partitions": [0]}])
    c.note("its offsets deleted", told["error"], *(p["error"] for x in told["topics"] for p in x["partitions"]))
    for name in ("a", "nobody", "", LONG):
        c.note(f"heartbeat, sync, leave of {name[:8] or 'no member'}", old.heartbeat(member=name, generation=a.generation), old.sync(member=name, generation=a.generation)["error"],
               *_error(old.leave(members=row(name))), old.leave(version=0, member=name)["error"])
    c.note("a seat that nobody has", old.heartbeat(member="a", generation=a.generation, instance="one"), *_error(old.leave(members=row("", "one"))))
    c.note("the member after that", a.beat()[0])
    static = member(c, "s", "one")
    c.note("a static one is removed by its seat", a.enter()[0], static.enter()[0], *_error(old.leave(members=row("", "one"))), static.beat()[0])
    c.note("by its id and its seat", static.enter()[0], *_error(old.leave(members=row("nobody", "one"))), *_error(old.leave(members=row("s", "one"))), static.beat()[0])
    c.note("by its id alone", static.enter()[0], *_error(old.leave(members=row("s"))), static.beat()[0])
    c.note("aside", static.enter()[0], static.beat(epoch=-2)[0], *_error(old.leave(members=row("", "one"))), static.beat(epoch=-1)[0])
    c.note("the first one enters again", a.enter()[0])
    join = lambda **v: old.join_once(**{"protocols": protocols, **v})["error"]
    c.note("a join with another type", join(type="connect"))
    c.note("without a type", join(type=""))
    c.note("without protocols", join(protocols=[]))
    c.note("with what no subscription is", join(protocols=[{"name": "range", "metadata": b"\0"}]), join(protocols=[{"name": "range", "metadata": b""}]))
    c.note("with too short a session", join(session_ms=1))
    c.note("of an unknown member", join(member="nobody"))
    c.note("of a member of the consumer protocol's", *(join(member="a", version=v) for v in (3,)))


def migrations(c):
    """Members of both protocols, and groups of the other kind."""
    a, (old, protocols) = member(c, "a"), _classic(c)
    huge = b"\0\0" + struct.pack(">i", 1 << 30)  # Apache Kafka leaves it without an answer, so there is nothing to compare
    with c.raw(session_ms=3000) as alien:
        told = "no answer" if c.s.o.peer else alien.join(protocols=[{"name": "range", "metadata": huge}])["error"], alien.leave()["error"]
        c.s.out.check(c.s.o.peer or told == (0, 0), f"consumer-wrong: a subscription to a billion topics: {told}")
    for kind, said in (("connect", b"\0\0"), ("consumer", b"\0")):
        alien = c.raw(session_ms=20_000, rebalance_ms=3000)
        joined = alien.join(type=kind, protocols=[{"name": "range", "metadata": said}])
        synced = alien.sync(type=kind, assignments=[{"member": alien.member, "assignment": b""}])
        c.note(f"a classic group: {kind}, {len(said)} bytes", joined["error"], synced["error"])
        c.note("a member of the consumer protocol", a.enter()[0], a.beat(epoch=1)[0], a.beat(epoch=-1)[0], *(row[0] for row in a.look()))
        c.note("the classic one goes on", alien.heartbeat(), alien.commit(SHARED, 0, 1), *_error(alien.leave()))
        alien.__exit__()
    c.note("a member enters the empty group", a.enter()[0])
    joined = old.join(protocols=protocols)
    c.note("a classic member joins", joined["error"], joined["protocol"], joined["leader"] == joined["member"], len(joined["members"]))
    c.note("and syncs", old.sync()["error"])
    c.note("in a generation to come", old.sync(generation=99)["error"], old.heartbeat(generation=99), old.heartbeat(generation=-1))
    c.note("with another protocol", old.sync(protocol="sticky")["error"], old.sync(type="connect")["error"])
    c.note("commits", old.commit(SHARED, 0, 3), old.commit(SHARED, 0, 3, generation=99), old.commit(SHARED, 0, 3, member="nobody"))
    c.note("joins without a protocol that others know", old.join_once(protocols=[{"name": "other", "metadata": protocols[0]["metadata"]}])["error"])
    c.note("the first is to give back", a.on()[2], a.on(owned=a.has(0, 1))[2])
    c.note("there is something to take", old.heartbeat())
    again = old.join_once(protocols=protocols)
    c.note("it joins again", again["error"], old.sync(generation=again["generation"])["error"])
    c.note("described", *(row[:2] for row in a.look()))
    turning, _ = _classic(c)
    c.note("another one joins", turning.join(protocols=protocols)["error"])
    c.note("and speaks the consumer protocol without entering", a.beat(member=turning.member, epoch=turning.generation)[0], turning.heartbeat())
    c.note("and leaves", a.beat(member=turning.member, epoch=-1)[0])
    c.note("the one of the consumer protocol leaves", a.beat(epoch=-1))
    c.note("it is a classic group", *(row[0] for row in a.look()), old.heartbeat(generation=again["generation"]))
    joined = old.join(protocols=protocols)
    c.note("its member joins and leads", joined["error"], joined["leader"] == joined["member"], len(joined["members"]))
    c.note("and leaves", *_error(old.leave()))
    c.note("a member of each protocol", a.enter()[0], old.join(protocols=protocols)["error"])
    c.note("that of the consumer protocol is removed", *_error(old.leave(members=[{"member": "a", "instance": None, "reason": None}])))
    c.note("what the group is now", *(row[:2] for row in a.look()), old.heartbeat() == 0, a.enter()[0])
    row = lambda name: {"member": name, "instance": None, "reason": None}
    c.note("both are removed", *_error(old.leave(members=[row("a"), row(old.member)])))
    c.note("the group is deleted", *(r["error"] for r in old.ask(words.DELETE, groups=[c.group])["results"]))


def silences(c):
    """Who does not give back, join again or sync in time is fenced; the others go on with what it had."""
    a, (old, protocols) = member(c, "a"), _classic(c)
    old.rebalance_ms = 2000
    c.note("a member enters", a.enter())
    c.note("a classic member joins and does not sync", old.join(protocols=protocols)["error"], len(a.on()[2]))
    a.on(owned=a.has(0, 1))
    fenced = lambda: (a.on(), a.look()[0][1:2] + (len(a.look()[0][4]),))[1] == ("Stable", 1)
    c.note("it is fenced when the rebalance time-out is over", bool(kwire.wait_until(fenced, 30, 0.2)))
    c.note("and comes back too late", old.sync()["error"], old.heartbeat())
    a.beat(epoch=-1)
    slow, b = member(c, "slow"), member(c, "b")
    c.note("a member of little patience enters", slow.enter(rebalance=1500))
    c.note("another one comes", b.enter())
    c.note("the first is to give back, and does not", slow.on())
    c.note("the other one has all when the first's time is up", _settles(b, list(range(PARTITIONS))))
    c.note("the first is fenced", slow.beat()[0])
    c.note("and enters again", slow.enter()[0])
    slow.beat(epoch=-1), b.beat(epoch=-1)


def crowds(c):
    """Many more joiners than a group may have members."""
    count, told, inside = JOINERS if c.s.o.full else JOINERS // 10, {}, []
    m = member(c, "")
    for i in range(count):
        m.member = f"joiner-{i:05}"
        error = m.enter()[0]
        told[error] = told.get(error, 0) + 1
        inside += [m.member] if error == 0 else []
        if i == wrong.MEMBERS_MAX:
            before = m.look()
    c.note("a crowd comes: how many may", told.get(0))
    c.note("the others are told", *sorted(set(told) - {0}))
    c.s.out.check(sum(told.values()) == count, f"consumer-wrong: {count:,} joiners, each had its answer")
    c.note("nobody inside notices", m.look() == before)
    old, protocols = _classic(c)
    c.note("nor is there room for a classic one", old.join(protocols=protocols)["error"])
    c.note("the last one that may enters again", m.enter(member=inside[-1])[0])
    c.note("the first one leaves", m.beat(member=inside[0], epoch=-1)[0])
    c.note("there is room for one", m.enter(member="another")[0], m.enter(member="and-another")[0])
    for name in [*inside[1:], "another"]:
        m.beat(member=name, epoch=-1)


def consumer_wrong(s):
    s.topic(SHARED, PARTITIONS)
    _set(s)
    began = time.monotonic()
    wrong.against(s, "consumer-wrong", TOPIC, "consumer", ANSWERS, OURS, [globals()[name] for name in NAMES])
    s.out.note(f"consumer-wrong: {time.monotonic() - began:.1f} s")


PARTS = {"consumer-wrong": consumer_wrong}
