"""The checks of the suite. Each says what it saw when it fails; the words are Kafka's, and Kafka passes them too (--peer kafka)."""
import os, struct, time, traceback

import kwire
import messages as m

OVERRIDES = {"auto.leader.rebalance.enable": "false", "num.partitions": "4", "default.replication.factor": "2",
             "offsets.topic.num.partitions": "7", "offsets.topic.replication.factor": "3",
             "log.retention.check.interval.ms": "1000",
             "replica.selector.class": "org.apache.kafka.common.replica.RackAwareReplicaSelector"}
LEADER_NOT_AVAILABLE, UNKNOWN_TOPIC_ID, INVALID_UPDATE = 5, 100, 95
NONE, OUT_OF_RANGE, UNKNOWN_TOPIC, NOT_LEADER, TIMED_OUT, INVALID_TOPIC = 0, 1, 3, 6, 7, 17
INVALID_PARTITIONS, INVALID_REPLICATION, INVALID_ASSIGNMENT, INVALID_REQUEST, POLICY = 37, 38, 39, 42, 44
PREFERRED_NOT_AVAILABLE, ELIGIBLE_NOT_AVAILABLE, NOT_NEEDED, NOT_REGISTERED = 80, 83, 84, 102


class Suite:
    def __init__(self, c, out):
        self.cluster, self.out = c, out

    def run(self, part):
        try:
            part()
        except (OSError, kwire.ProtocolError, struct.error, KeyError, IndexError, AssertionError) as e:
            self.out.check(False, f"{part.__name__}: {e!r}\n{traceback.format_exc()}")

    def ask(self, message, version, node=None, timeout_s=20.0, **values):
        address = (node or next(n for n in self.cluster.brokers if n.alive)).address
        with kwire.Connection(address, timeout_s) as c:
            return message.call(c, version, **values)

    def expect(self, title, got, wanted):
        self.out.check(got == wanted, title + ("" if got == wanted else f": {got} instead of {wanted}"))

    def leader_node(self, topic, partition=0):
        return self.cluster.nodes[self.cluster.leader(topic, partition)]

    def produce(self, topic, count, partition=0):
        """Plain batches of one record each, acks=all, by Produce 3."""
        for i in range(count):
            self.send(topic, partition, one_record_batch(b"value-%d" % i))

    def send(self, topic, partition, batch):
        """One batch to the leader, which may learn a moment later than others that it leads."""
        body = kwire.text(None) + struct.pack(">hi", -1, 10000) + kwire.array(
            [kwire.text(topic) + kwire.array([struct.pack(">ii", partition, len(batch)) + batch])])
        def sent():
            with kwire.Connection(self.leader_node(topic, partition).address, 20.0) as c:
                r = c.call(0, 3, body)
            r.take("i"), r.text(), r.take("i"), r.take("i")
            code = r.take("h")
            if code:
                raise kwire.ProtocolError(f"producing to {topic}", code)
            return True
        if not kwire.wait_until(sent, 20):
            raise RuntimeError(f"{topic}-{partition} takes no records")

    # --- CreatePartitions ---

    def grow(self, version, topics, validate_only=False):
        answer = self.ask(m.CREATE_PARTITIONS, version, topics=topics, timeout_ms=10000, validate_only=validate_only)
        return {r["name"]: (r["error"], r["message"]) for r in answer["results"]}

    def partitions(self):
        self.cluster.create_topic("grows", 1, 2)
        for version in m.CREATE_PARTITIONS.versions:
            total = version + 2
            want = [{"name": "grows", "count": total, "assignments": None}]
            checked = self.grow(version, want, validate_only=True)
            before = len(kwire.metadata(self.cluster.brokers[0].address, ["grows"]).topics["grows"])
            made = self.grow(version, want)
            image = kwire.wait_until(lambda: len(self.image("grows")) == total and self.image("grows"), 10)
            self.expect(f"CreatePartitions {version}: validated, then made", (checked, before, made, image and len(image)),
                        ({"grows": (NONE, None)}, total - 1, {"grows": (NONE, None)}, total))
        self.cluster.create_topic("by-hand", 1, 2)
        by_hand = [{"broker_ids": [3, 1]}, {"broker_ids": [2, 3]}]
        made = self.grow(3, [{"name": "by-hand", "count": 3, "assignments": by_hand}])
        image = kwire.wait_until(lambda: len(self.image("by-hand")) == 3 and self.image("by-hand"), 10)
        self.expect("CreatePartitions: where it was told", (made, image and [image[i].replicas for i in (1, 2)]),
                    ({"by-hand": (NONE, None)}, [[3, 1], [2, 3]]))
        self.refused_partitions()

    def image(self, topic):
        return kwire.metadata(self.cluster.brokers[0].address, [topic]).topics[topic]

    def refused_partitions(self):
        hand = lambda *rows: [{"broker_ids": list(r)} for r in rows]
        for title, wants, error, message in (
                ("as many as there are", ("by-hand", 3, None), INVALID_PARTITIONS, "Topic already has 3 partition(s)."),
                ("fewer", ("by-hand", 2, None), INVALID_PARTITIONS,
                 "The topic by-hand currently has 3 partition(s); 2 would not be an increase."),
                ("none", ("by-hand", 0, None), INVALID_PARTITIONS,
                 "The topic by-hand currently has 3 partition(s); 0 would not be an increase."),
                ("an unknown topic", ("nowhere", 2, None), UNKNOWN_TOPIC, None),
                ("too few assignments", ("by-hand", 5, hand((1, 2))), INVALID_ASSIGNMENT,
                 "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified."),
                ("another replication factor", ("by-hand", 4, hand((1, 2, 3))), INVALID_ASSIGNMENT, ...),
                ("a replica twice", ("by-hand", 4, hand((1, 1))), INVALID_ASSIGNMENT, ...),
                ("an unknown broker", ("by-hand", 4, hand((1, 77))), INVALID_ASSIGNMENT, ...),
                ("more replicas than brokers", ("by-hand", 4, hand(range(1, 40))), INVALID_ASSIGNMENT, ...)):
            name, count, rows = wants
            got = self.grow(2, [{"name": name, "count": count, "assignments": rows}])
            if message is ...:
                got = {k: (code, ... if text else None) for k, (code, text) in got.items()}
            self.expect(f"CreatePartitions refuses {title}", got, {name: (error, message)})
        twice = [{"name": n, "count": 9, "assignments": None} for n in ("by-hand", "grows", "by-hand")]
        got = self.ask(m.CREATE_PARTITIONS, 3, topics=twice, timeout_ms=10000, validate_only=True)["results"]
        self.expect("CreatePartitions refuses a name that comes twice, once", sorted((r["name"], r["error"], r["message"]) for r in got),
                    [("by-hand", INVALID_REQUEST, "Duplicate topic name."), ("grows", NONE, None)])

    # --- ElectLeaders ---

    def elect(self, version, kind, topics, node=None):
        answer = self.ask(m.ELECT_LEADERS, version, node, type=kind, topics=topics, timeout_ms=10000)
        return answer.get("error", 0), {(t["topic"], p["index"]): p["error"] for t in answer["results"] for p in t["partitions"]}

    def elections(self):
        self.cluster.create_topic("elect", 3, 3)
        named = lambda *parts: [{"topic": "elect", "partitions": list(parts)}]
        for version in m.ELECT_LEADERS.versions:
            got = self.elect(version, 0, named(0, 9) + [{"topic": "nowhere", "partitions": [0]}])
            self.expect(f"ElectLeaders {version}: not needed, no such partition, no such topic", got,
                        (NONE, {("elect", 0): NOT_NEEDED, ("elect", 9): UNKNOWN_TOPIC, ("nowhere", 0): UNKNOWN_TOPIC}))
        got = self.elect(2, 7, named(0, 1))
        self.expect("ElectLeaders refuses an unknown kind of election", got,
                    (INVALID_REQUEST, {("elect", 0): INVALID_REQUEST, ("elect", 1): INVALID_REQUEST}))
        victim = self.image("elect")[0].replicas[0]
        self.cluster.terminate(victim)
        moved = kwire.wait_until(lambda: self.cluster.leader("elect", 0) != victim, 20)
        got = self.elect(2, 0, named(0))
        self.expect("ElectLeaders: a preferred leader that is down is not available", (bool(moved), got),
                    (True, (NONE, {("elect", 0): PREFERRED_NOT_AVAILABLE})))
        got = self.elect(1, 1, named(0))
        self.expect("ElectLeaders: an unclean election is not needed where there is a leader", got, (NONE, {("elect", 0): NOT_NEEDED}))
        self.cluster.restart(victim)
        for topic in kwire.metadata(self.cluster.brokers[0].address).topics:  # each is asked for
            self.cluster.wait_isr_full(topic)
        error, got = self.elect(0, 0, None)
        back = kwire.wait_until(lambda: self.cluster.leader("elect", 0) == victim, 10)
        self.expect("ElectLeaders of all partitions brings the preferred leaders back and tells only those",
                    (error, got.get(("elect", 0)), set(got.values()), back), (NONE, NONE, {NONE}, True))

        self.unclean()

    def unclean(self):
        """A partition whose only in-sync replica is gone: by an unclean election the other one leads."""
        a, b, c = (n.id for n in self.cluster.brokers)
        self.cluster.create_topic("lost", 1, 2)
        self.grow(3, [{"name": "lost", "count": 2, "assignments": [{"broker_ids": [a, b]}]}])
        kwire.wait_until(lambda: all(len(i.topics["lost"]) == 2 for i in self.cluster.images("lost").values()), 20)
        self.cluster.wait_isr_full("lost")
        self.cluster.kill(b)
        alone = lambda: kwire.metadata(self.cluster.nodes[c].address, ["lost"]).topics["lost"][1]
        kwire.wait_until(lambda: alone().isr == [a], 60)
        self.send("lost", 1, one_record_batch(b"only here"))
        self.cluster.kill(a)
        kwire.wait_until(lambda: alone().leader == -1, 60)
        self.cluster.restart(b)
        kwire.wait_until(lambda: b not in alone().offline, 60)
        named = [{"topic": "lost", "partitions": [1]}]
        node = self.cluster.nodes[c]
        self.expect("ElectLeaders: nobody in sync is there, so no preferred leader", (alone().leader, self.elect(2, 0, named, node)),
                    (-1, (NONE, {("lost", 1): PREFERRED_NOT_AVAILABLE})))
        self.expect("ElectLeaders: an unclean leader where somebody asks for it", self.elect(1, 1, named, node), (NONE, {("lost", 1): NONE}))
        self.out.check(kwire.wait_until(lambda: alone().leader == b and alone().isr == [b], 20), "ElectLeaders: the other replica leads, alone")
        self.cluster.restart(a)
        self.cluster.wait_ready()
        self.cluster.wait_isr_full("lost")

    # --- DeleteRecords ---

    def delete(self, version, topic, offset, partition=0, node=None, timeout_ms=10000):
        def tell():
            answer = self.ask(m.DELETE_RECORDS, version, node or self.leader_node(topic), timeout_ms=timeout_ms,
                              topics=[{"name": topic, "partitions": [{"index": partition, "offset": offset}]}])
            p = answer["topics"][0]["partitions"][0]
            return (p["error"], p["low_watermark"]) if node or p["error"] != NOT_LEADER else None
        return kwire.wait_until(tell, 20)

    def start(self, topic):
        """Where the log begins, by its leader, which may learn a moment later than others that it leads."""
        told = kwire.wait_until(lambda: (kwire.end_offset(self.leader_node(topic).address, topic, 0, at=-2),), 20)
        if not told:
            raise RuntimeError(f"{topic}-0: nobody says where its log begins")
        return told[0]

    def records(self):
        self.cluster.create_topic("forget", 1, 3)
        self.produce("forget", 10)
        for version, offset in zip(m.DELETE_RECORDS.versions, (2, 3, 5)):
            got = self.delete(version, "forget", offset)
            self.expect(f"DeleteRecords {version} to offset {offset}", (got, self.start("forget")), ((NONE, offset), offset))
        self.expect("DeleteRecords to an offset that is gone already", self.delete(2, "forget", 1), (NONE, 5))
        self.expect("DeleteRecords refuses an offset above the high watermark", self.delete(1, "forget", 11), (OUT_OF_RANGE, -1))
        self.expect("DeleteRecords refuses a negative offset", self.delete(1, "forget", -3), (OUT_OF_RANGE, -1))
        self.expect("DeleteRecords refuses an unknown topic", self.delete(1, "nowhere", 0, node=self.cluster.brokers[0]),
                    (UNKNOWN_TOPIC, -1))
        other = next(n for n in self.cluster.brokers if n.id != self.cluster.leader("forget", 0))
        self.expect("DeleteRecords on a follower", self.delete(1, "forget", 6, node=other), (NOT_LEADER, -1))
        self.cluster.create_topic("compacted", 1, 3, {"cleanup.policy": "compact"})
        self.expect("DeleteRecords on a topic that is only compacted", self.delete(2, "compacted", -1), (POLICY, -1))
        self.deleted_for_good()

    def deleted_for_good(self):
        old = self.cluster.leader("forget", 0)
        self.cluster.terminate(old)
        kwire.wait_until(lambda: self.cluster.leader("forget", 0) != old, 20)
        self.expect("DeleteRecords: the next leader begins where the last one did", self.start("forget"), 5)
        self.expect("DeleteRecords to the high watermark", self.delete(2, "forget", -1), (NONE, 10))
        self.cluster.restart(old)
        self.cluster.wait_isr_full("forget")
        self.expect("DeleteRecords waits for a follower that came back", self.delete(2, "forget", -1), (NONE, 10))
        checkpoint = os.path.join(self.cluster.nodes[old].dir, "log-start-offset-checkpoint")
        kept = lambda: any(line.split() == ["forget", "0", "10"] for line in open(checkpoint))
        self.cluster.terminate(old)
        self.out.check(kept(), "DeleteRecords: a follower keeps its start in log-start-offset-checkpoint")
        self.cluster.restart(old)
        self.cluster.wait_isr_full("forget")

        self.segments()

    def segments(self):
        """Files wholly below the start of the log go, everywhere; and a kill does not bring records back."""
        self.cluster.create_topic("segments", 1, 3, {"segment.bytes": "1048576"})
        for _ in range(3):
            self.send("segments", 0, one_record_batch(bytes(700_000)))
        self.expect("DeleteRecords of whole segments", self.delete(2, "segments", 2), (NONE, 2))
        first = [os.path.join(d, "0" * 20 + ".log") for d in self.cluster.partition_dirs("segments", 0).values()]
        gone = kwire.wait_until(lambda: not any(os.path.exists(f) for f in first), 60)
        self.out.check(len(first) == 3 and gone, "DeleteRecords: their files go on every replica")
        old = self.cluster.leader("segments", 0)
        self.cluster.kill(old)
        kwire.wait_until(lambda: self.cluster.leader("segments", 0) != old, 30)
        self.cluster.restart(old)
        self.cluster.wait_isr_full("segments")
        starts = {self.start("segments")}
        self.elect(2, 0, [{"topic": "segments", "partitions": [0]}])
        self.expect("DeleteRecords outlives kills", starts | {self.start("segments")}, {2})

    # --- DescribeLogDirs, DescribeProducers ---

    def places(self):
        self.cluster.create_topic("placed", 2, 3)
        self.produce("placed", 5, 1)
        node = self.cluster.brokers[0]
        for version in m.DESCRIBE_LOG_DIRS.versions:
            got = self.ask(m.DESCRIBE_LOG_DIRS, version, node, topics=[{"topic": "placed", "partitions": [0, 1, 1, 7]},
                                                                      {"topic": "nowhere", "partitions": [0]}])
            one = got["results"][0]
            rows = {(t["name"], p["index"]): (p["size"] > 0, p["lag"], p["future"]) for t in one["topics"] for p in t["partitions"]}
            space = 0 < one["usable"] <= one["total"] if version >= 4 else True
            self.expect(f"DescribeLogDirs {version}", (len(got["results"]), one["error"], one["log_dir"], rows, space),
                        (1, NONE, node.dir, {("placed", 0): (False, 0, False), ("placed", 1): (True, 0, False)}, True))
        every = self.ask(m.DESCRIBE_LOG_DIRS, 4, node, topics=None)["results"][0]
        none = self.ask(m.DESCRIBE_LOG_DIRS, 4, node, topics=[])["results"][0]
        self.out.check("placed" in {t["name"] for t in every["topics"]} and not any(t["partitions"] for t in none["topics"]),
                       "DescribeLogDirs of all topics, and of none")
        self.written_by("placed")

    def written_by(self, topic):
        got = self.ask(m.DESCRIBE_PRODUCERS, 0, self.leader_node(topic, 1), topics=[{"name": topic, "partitions": [1, 7]},
                                                                                   {"name": "nowhere", "partitions": [0]}])
        rows = {(t["name"], p["index"]): (p["error"], p["producers"]) for t in got["topics"] for p in t["partitions"]}
        self.expect("DescribeProducers: nobody with an id; unknown partition and topic", rows,
                    {(topic, 1): (NONE, []), (topic, 7): (UNKNOWN_TOPIC, []), ("nowhere", 0): (UNKNOWN_TOPIC, [])})
        producer = self.idempotent(topic, 3)
        for node in self.cluster.brokers:
            find = lambda: self.ask(m.DESCRIBE_PRODUCERS, 0, node, topics=[{"name": topic, "partitions": [0]}])["topics"][0][
                "partitions"][0]["producers"]
            kwire.wait_until(find, 5)
            got = [(p["id"], p["epoch"], p["last_sequence"], p["coordinator_epoch"], p["txn_start"]) for p in find()]
            self.expect(f"DescribeProducers on broker {node.id}, leader or not", got, [(producer, 0, 2, -1, -1)])

    def idempotent(self, topic, count):
        """Writes with a producer id and sequences; answers the id."""
        with kwire.Connection(self.leader_node(topic, 0).address, 20.0) as c:
            def new_id():
                r = c.call(22, 0, kwire.text(None) + struct.pack(">i", 60000))
                r.take("i")
                code, producer = r.take("h"), r.take("q")
                return (producer,) if code == NONE else None
            producer, = kwire.wait_until(new_id, 20)
        for i in range(count):
            self.send(topic, 0, one_record_batch(b"x", producer, 0, i))
        return producer

    # --- topics that are asked for ---

    def asked(self, version, names, allow=True, ids=None):
        """{name or id: error} of one Metadata request."""
        topics = [{"id": bytes(16), "name": n} for n in names] + [{"id": i, "name": None} for i in ids or ()]
        got = self.ask(m.METADATA, version, topics=topics, auto_create=allow, cluster_operations=False, topic_operations=False)
        return {t["name"] or t["id"]: t["error"] for t in got["topics"]}

    def creation(self):
        for version in m.METADATA.versions:
            name = f"asked-{version}"
            if version >= 4:
                self.expect(f"Metadata {version} creates nothing where it may not", self.asked(version, [name], False), {name: UNKNOWN_TOPIC})
                self.expect(f"Metadata {version}: indeed", self.asked(version, [name], False), {name: UNKNOWN_TOPIC})
            first = self.asked(version, [name])[name]
            self.out.check(first in (UNKNOWN_TOPIC, LEADER_NOT_AVAILABLE), f"Metadata {version} has the topic created: {first} meanwhile")
            made = kwire.wait_until(lambda: self.asked(version, [name])[name] == NONE and self.image(name), 20)
            self.expect(f"Metadata {version}: it has num.partitions and default.replication.factor",
                        made and (len(made), len(made[0].replicas)), (4, 2))
        for name in ("no such", "x" * 250, ".", "..", "a/b", ""):
            self.expect(f"Metadata of the name {name[:20]!r}", list(self.asked(12, [name]).values()), [INVALID_TOPIC])
        self.expect("Metadata of an unknown id", self.asked(13, [], ids=[b"0123456789abcdef"]), {b"0123456789abcdef": UNKNOWN_TOPIC_ID})
        self.expect("Metadata of an internal topic that may not be created", self.asked(8, ["__consumer_offsets"], False),
                    {"__consumer_offsets": UNKNOWN_TOPIC})
        self.asked(8, ["__consumer_offsets"])
        made = kwire.wait_until(lambda: self.asked(8, ["__consumer_offsets"])["__consumer_offsets"] == NONE and
                                self.image("__consumer_offsets"), 20)
        self.expect("Metadata of an internal topic creates it as its coordinator wants it", made and (len(made), len(made[0].replicas)), (7, 3))
        got = self.ask(m.DESCRIBE_TOPIC_PARTITIONS, 0, topics=[{"name": "never"}], limit=100, cursor=-1)["topics"][0]
        again = self.asked(9, ["never"], False)
        self.expect("DescribeTopicPartitions never creates", (got["error"], again), (UNKNOWN_TOPIC, {"never": UNKNOWN_TOPIC}))

    # --- DescribeQuorum ---

    def describe_quorum(self, version, topic="__cluster_metadata", index=0):
        return self.ask(m.DESCRIBE_QUORUM, version, topics=[{"name": topic, "partitions": [{"index": index}]}])

    def quorum(self):
        voters, brokers = {n.id for n in self.cluster.controllers}, {n.id for n in self.cluster.brokers}
        for version in m.DESCRIBE_QUORUM.versions:
            got = self.describe_quorum(version)
            p = got["topics"][0]["partitions"][0]
            seen = (got["error"], p["error"], {v["id"] for v in p["voters"]}, {o["id"] for o in p["observers"]})
            self.expect(f"DescribeQuorum {version}: voters and observers", seen, (NONE, NONE, voters, brokers))
            first = next(v for v in p["voters"] if v["id"] == p["leader"])
            self.out.check(p["leader"] in voters and p["epoch"] > 0 and 0 < p["high_watermark"] <= first["end"] and
                           all(0 <= r["end"] <= first["end"] for r in p["voters"] + p["observers"]),
                           f"DescribeQuorum {version}: leader {p['leader']} in epoch {p['epoch']}, ends up to {first['end']}")
            if version >= 1:
                self.lags(version, p)
            if version >= 2:
                ports = {n["id"]: (n["listeners"][0]["name"], n["listeners"][0]["host"], n["listeners"][0]["port"]) for n in got["nodes"]}
                self.expect("DescribeQuorum 2: where voters listen", ports,
                            {n.id: ("CONTROLLER", "127.0.0.1", n.port) for n in self.cluster.controllers})
                dirs = {v["dir"] for v in p["voters"]}
                self.out.check(self.cluster.name == "kafka" or (len(dirs) == len(voters) and bytes(16) not in dirs),
                               "DescribeQuorum 2: each voter has a directory of its own")
        for topic, index in (("nowhere", 0), ("__cluster_metadata", 1)):
            p = self.describe_quorum(1, topic, index)["topics"][0]["partitions"][0]
            self.expect(f"DescribeQuorum of {topic}-{index}", p["error"], UNKNOWN_TOPIC)

    def lags(self, version, p):
        """Everybody was heard of within the last seconds, and has caught up since."""
        now, stale = time.time() * 1000, []
        for r in p["voters"] + p["observers"]:
            if not (now - 20000 < r["fetched"] <= now + 1000 and now - 20000 < r["caught_up"] <= now + 1000):
                stale.append((r["id"], now - r["fetched"], now - r["caught_up"]))
        self.out.check(not stale, f"DescribeQuorum {version}: all were heard of and have caught up lately {stale or ''}")

    # --- UpdateFeatures ---

    def update(self, version, feature, level, kind=1, validate_only=False):
        got = self.ask(m.UPDATE_FEATURES, version, timeout_ms=10000, validate_only=validate_only,
                       updates=[{"feature": feature, "level": level, "downgrade": kind > 1, "kind": kind}])
        assert version > 1 or got["error"] or [(r["feature"], r["error"]) for r in got["results"]] == [(feature, got["error"])], got
        return got["error"], got["message"] or None

    def features(self):
        failed = "The update failed for all features since the following feature had an error: "
        for version in m.UPDATE_FEATURES.versions:
            self.expect(f"UpdateFeatures {version}: the level that it has", self.update(version, "transaction.version", 2), (NONE, None))
            self.expect(f"UpdateFeatures {version} down without saying so", self.update(version, "transaction.version", 1),
                        (INVALID_UPDATE, failed + "Invalid update version 1 for feature transaction.version. Can't downgrade the version of "
                         "this feature without setting the upgrade type to either safe or unsafe downgrade."))
            if version:  # in version 0 Kafka 4 reads the client's word on downgrades and forgets it
                self.expect(f"UpdateFeatures {version} down", self.update(version, "transaction.version", 1, 2), (NONE, None))
                self.expect(f"UpdateFeatures {version} up as a downgrade", self.update(version, "transaction.version", 2, 2),
                            (INVALID_UPDATE, failed + "Invalid update version 2 for feature transaction.version. Can't downgrade to a newer version."))
                self.expect(f"UpdateFeatures {version} up, only looked at", self.update(version, "transaction.version", 2, 1, True), (NONE, None))
            self.expect(f"UpdateFeatures {version} up again", self.update(version, "transaction.version", 2), (NONE, None))
        error, message = self.update(2, "no.such.feature", 1)
        self.out.check(error == INVALID_UPDATE and message.startswith(failed + "Invalid update version 1 for feature no.such.feature."),
                       f"UpdateFeatures of an unknown feature: {message}")
        self.expect("UpdateFeatures of a level that there is not", self.update(2, "group.version", 77)[0], INVALID_UPDATE)
        self.expect("UpdateFeatures of an unknown kind", self.update(2, "group.version", 1, 9),
                    (INVALID_UPDATE, failed + "Invalid update version 1 for feature group.version. The controller does not support the given "
                     "upgrade type."))

    # --- KIP-392 ---

    def fetch(self, node, topic, offset, version=11, rack=""):
        """(error, preferred read replica, whether there were records, high watermark) of one partition, without a session."""
        part = {"index": 0, "leader_epoch": -1, "offset": offset, "last_epoch": -1, "log_start": -1, "max_bytes": 1 << 20}
        got = self.ask(m.FETCH, version, node, replica=-1, max_wait_ms=100, min_bytes=1, max_bytes=1 << 20, isolation=0, session=0,
                       session_epoch=-1, topics=[{"topic": topic, "partitions": [part]}], forgotten=[], rack=rack)
        p = got["topics"][0]["partitions"][0]
        return p["error"], p.get("preferred"), bool(p["records"]), p["high_watermark"]

    def racks(self):
        self.cluster.create_topic("racks", 1, 3)
        self.produce("racks", 3)
        leader = self.leader_node("racks")
        near, other = [n for n in self.cluster.brokers if n.id != leader.id]
        sent = kwire.wait_until(lambda: self.fetch(leader, "racks", 0, rack=f"rack-{near.id}")[1] == near.id, 10)
        self.out.check(sent, "Fetch 11: the leader sends a consumer to the follower in its rack")
        for version in (11, 12):
            self.expect(f"Fetch {version}: so without records, and at the end of the log too",
                        [self.fetch(leader, "racks", o, version, f"rack-{near.id}") for o in (0, 3)], [(NONE, near.id, False, 3)] * 2)
            self.expect(f"Fetch {version}: not from the leader's own rack, an unknown one or none",
                        [self.fetch(leader, "racks", 0, version, r) for r in (f"rack-{leader.id}", "rack-77", "")], [(NONE, -1, True, 3)] * 3)
            known = kwire.wait_until(lambda: self.fetch(near, "racks", 0, version)[3] == 3, 10)
            self.expect(f"Fetch {version}: the follower serves up to the high watermark, whatever the rack",
                        (known, [self.fetch(near, "racks", o, version, r) for o, r in ((0, f"rack-{near.id}"), (2, ""), (3, f"rack-{other.id}"))]),
                        (True, [(NONE, -1, True, 3), (NONE, -1, True, 3), (NONE, -1, False, 3)]))
            self.expect(f"Fetch {version}: a follower does not know an offset beyond its log", self.fetch(near, "racks", 4, version)[0], OUT_OF_RANGE)
        self.expect("Fetch 10 knows leaders only", (self.fetch(near, "racks", 0, 10)[0], self.fetch(leader, "racks", 0, 10)), (
            NOT_LEADER, (NONE, None, True, 3)))
        self.expect("Fetch 11 beyond the leader's log goes to nobody else", self.fetch(leader, "racks", 9, 11, f"rack-{near.id}")[0], OUT_OF_RANGE)
        self.delete(2, "racks", 2)
        self.expect("Fetch 11 below the start of the log goes to nobody else", self.fetch(leader, "racks", 1, 11, f"rack-{near.id}")[0],
                    OUT_OF_RANGE)
        self.cluster.terminate(near.id)
        back = kwire.wait_until(lambda: self.fetch(leader, "racks", 2, 11, f"rack-{near.id}")[1] == -1, 20)
        self.out.check(back, "Fetch 11: a follower that is gone is recommended to nobody")
        self.cluster.restart(near.id)
        self.cluster.wait_isr_full("racks")

    # --- UnregisterBroker ---

    def brokers(self):
        got = self.ask(m.UNREGISTER_BROKER, 0, broker_id=77)
        self.expect("UnregisterBroker of nobody", got["error"], NOT_REGISTERED)
        victim = self.cluster.brokers[-1]
        self.cluster.terminate(victim.id)
        got = self.ask(m.UNREGISTER_BROKER, 0, broker_id=victim.id)
        again = kwire.wait_until(lambda: self.ask(m.UNREGISTER_BROKER, 0, broker_id=victim.id)["error"] == NOT_REGISTERED, 10)
        self.expect("UnregisterBroker of one that has gone", (got["error"], again), (NONE, True))
        self.cluster.restart(victim.id)
        self.cluster.wait_ready()
        self.out.check(True, "UnregisterBroker: started again it is welcome")


def one_record_batch(value, producer=-1, epoch=-1, sequence=-1):
    """A magic-2 batch with one record."""
    def zigzag(n):
        n, out = (n << 1) ^ (n >> 63), b""
        while n >= 0x80:
            out, n = out + bytes([n & 0x7F | 0x80]), n >> 7
        return out + bytes([n])
    record = b"\0" + zigzag(0) + zigzag(0) + zigzag(-1) + zigzag(len(value)) + value + zigzag(0)
    now = int(time.time() * 1000)
    tail = struct.pack(">hiqqqhii", 0, 0, now, now, producer, epoch, sequence, 1) + zigzag(len(record)) + record
    return struct.pack(">qiibI", 0, 9 + len(tail), -1, 2, crc32c(tail)) + tail


def _crc_of(byte):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


CRC_TABLE = [_crc_of(byte) for byte in range(256)]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
