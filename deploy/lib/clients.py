"""Stock Kafka clients as the quickstart uses them: kcat for records and leaders, python3-kafka for the topic."""

import json
import random
import subprocess
import time

from nodes import Trouble

TOPIC = "orders"
PARTITIONS = REPLICAS = 3
CLIENT_S = 60  # a client that takes longer hangs
GOODS = ("spool of thread", "ball of wool", "coat button", "door key", "ship's biscuit", "writing desk", "paper lantern")
TOWNS = ("Prag", "Plzeň", "Kraków", "Zürau", "München", "Meran", "Berlin")


def orders(run, first, count):
    """Sample orders as (key, value) text; the same arguments give the same orders. `run` marks them as this run's."""
    chance = random.Random("%s %d" % (run, first))
    for number in range(first, first + count):
        value = {"run": run, "order": number, "item": chance.choice(GOODS), "pieces": chance.randint(1, 12),
                 "town": chance.choice(TOWNS), "cents": chance.randint(100, 99999)}
        yield "customer-%04d" % chance.randint(0, 9999), json.dumps(value, ensure_ascii=False)


def kcat(arguments, given=None):
    """Runs kcat; answers what it printed, or raises with what it complained about."""
    command = ["kcat", *arguments]
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=CLIENT_S)
    except FileNotFoundError as e:
        raise Trouble("kcat is missing; `deploy/install-packages run` brings it.") from e
    except subprocess.TimeoutExpired as e:
        raise Trouble("kcat gave no answer within %d s: %s" % (CLIENT_S, " ".join(command))) from e
    if done.returncode:
        raise Trouble("kcat failed: %s\n    %s" % (" ".join(command), "\n    ".join(done.stderr.splitlines()[-5:])))
    return done.stdout


def create_topic(bootstrap):
    """Creates the topic; False when it was there already."""
    try:
        from kafka import errors
        from kafka.admin import KafkaAdminClient, NewTopic
    except ImportError as e:
        raise Trouble("python3-kafka is missing; `deploy/install-packages run` brings it.") from e
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","), request_timeout_ms=CLIENT_S * 1000)
        try:
            admin.create_topics([NewTopic(TOPIC, PARTITIONS, REPLICAS)])
        finally:
            admin.close()
    except errors.TopicAlreadyExistsError:
        return False
    except errors.KafkaError as e:
        raise Trouble("the topic %s cannot be created: %s" % (TOPIC, e)) from e
    return True


def partitions(bootstrap):
    """{partition: (leader id, [ids in sync])} as kcat -L sees it; a partition without a leader has -1."""
    told = json.loads(kcat(["-b", bootstrap, "-L", "-J", "-t", TOPIC]))
    rows = [row for topic in told["topics"] if topic["topic"] == TOPIC for row in topic["partitions"]]
    return {row["partition"]: (row["leader"], [r["id"] for r in row["isrs"]]) for row in rows}


def wait_partitions(bootstrap, good, what, timeout_s=CLIENT_S):
    """Asks until `good(partitions)`; answers the partitions. `what` finishes the sentence "... did not ..."."""
    until = time.monotonic() + timeout_s
    while True:
        try:
            seen = partitions(bootstrap)
        except Trouble:
            seen = {}
        if seen and good(seen):
            return seen
        if time.monotonic() > until:
            raise Trouble("the topic %s did not %s within %d s; now:\n    %s"
                          % (TOPIC, what, timeout_s, "\n    ".join(describe(seen))))
        time.sleep(0.01)


def all_in_sync(seen):
    return len(seen) == PARTITIONS and all(leader >= 0 and len(isr) == REPLICAS for leader, isr in seen.values())


def describe(seen):
    """One line per partition."""
    return ["partition %d   leader %s   in sync %s" % (p, "none" if leader < 0 else leader, ", ".join(map(str, sorted(isr))))
            for p, (leader, isr) in sorted(seen.items())] or ["(nothing known)"]


def write(bootstrap, records):
    """Writes with acks=all; kcat ends when every record is acknowledged."""
    text = "".join("%s\t%s\n" % record for record in records)
    kcat(["-b", bootstrap, "-P", "-t", TOPIC, "-K", "\t", "-X", "acks=all", "-X", "enable.idempotence=true"], text)


def read(bootstrap, run):
    """All records of this run, in any order, and the number of all records in the topic."""
    out = kcat(["-b", bootstrap, "-C", "-t", TOPIC, "-o", "beginning", "-e", "-q", "-f", "%k\t%s\n"])
    rows = [tuple(line.split("\t", 1)) for line in out.splitlines()]
    mark = '{"run": "%s",' % run
    return [row for row in rows if len(row) == 2 and row[1].startswith(mark)], len(rows)
