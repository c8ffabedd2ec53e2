"""A cluster of one broker in which groups work gets two more brokers: the coordinators' topic gets replicas there by itself, eight
partitions at a time; the first broker dies, and the offsets are still there. Apache Kafka leaves such a topic as it was made."""
import os

import cluster, kwire, suite

TOPIC, OFFSETS, WAIT_S = "grows", "__consumer_offsets", 120
OFFSET_PARTITIONS = 50


def _offsets_topic(c):
    """{partition: what the live brokers' first one says}; raises OSError when none answers."""
    return kwire.metadata(next(n for n in c.brokers if n.alive).address, [OFFSETS]).topics[OFFSETS]


def _whole(c, factor):
    told = _offsets_topic(c)
    return len(told) == OFFSET_PARTITIONS and all(len(p.replicas) == factor and p.full for p in told.values())


def _begin(s):
    """Controllers and the first broker; the others' files are written, and they wait."""
    c = cluster.make(s.o, os.path.join(s.cluster.data_dir, "..", "grows"), base_port=s.o.port + 50, overrides=s.cluster.overrides)
    for node in c.nodes.values():
        c.write_config(node)
        c.prepare(node)
    for node in (*c.controllers, c.brokers[0]):
        c.launch(node)
    c.wait_ready()
    return c


def _groups(own, count):
    """One group of each protocol; they read and commit everything there is."""
    own.write(TOPIC, count)
    seats = {"grows-classic": own.member("confluent", "grows-classic", TOPIC),
             "grows-consumer": own.member("confluent", "grows-consumer", TOPIC, **{"group.protocol": "consumer"})}
    own.wait("grows: one broker: a group of each protocol commits all", lambda: all(sum(m.commits.values()) == count for m in seats.values()))
    return seats


def _grown(own, c, seats):
    own.out.check(_whole(c, 1), f"grows: {OFFSETS} has one replica for each of {OFFSET_PARTITIONS} partitions")
    for node in c.brokers[1:]:
        c.launch(node)
    written = own.written[TOPIC]
    own.write(TOPIC, 100)
    own.wait("grows: two more brokers come: every partition gets three replicas in sync", lambda: kwire.wait_until(lambda: _whole(c, 3), 1), WAIT_S)
    first = [p.replicas[0] for p in _offsets_topic(c).values()]
    spread = sorted(first.count(n.id) for n in c.brokers)
    own.out.check(spread[0] >= 16 and spread[-1] <= 17, f"grows: each broker is preferred as the leader of a third of them {spread}")
    own.wait("grows: the groups went on", lambda: all(sum(m.commits.values()) == written + 100 for m in seats.values()))


def grows(s):
    if s.o.peer == "kafka":
        s.out.note("grows: left out: Apache Kafka does not do this")
        return
    c = _begin(s)
    with c:
        own = suite.Suite(s.o, c, s.out)
        try:
            c.create_topic(TOPIC, suite.PARTITIONS, 1)
            seats = _groups(own, 300)
            _grown(own, c, seats)
            told = {group: own.committed(group, TOPIC) for group in seats}
            own.out.check(all(sum(offsets.values()) == 400 for offsets in told.values()), f"grows: everything is committed {told}")
            c.kill(c.brokers[0].id)
            for group in seats:
                after = kwire.wait_until(lambda group=group: own.committed(group, TOPIC) == told[group], 30, 0.1)
                own.out.check(after, f"grows: the first broker dies, and the others know every offset of {group}")
        finally:
            own.end_all()


PARTS = {"grows": grows}
