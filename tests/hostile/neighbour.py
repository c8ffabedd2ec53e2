#!/usr/bin/env python3
"""The neighbour: a well-behaved client that produces with acks=all and reads back, on every partition of its topic, all the time.

As a program: neighbour.py TOPIC ADDRESS PARTITION [ADDRESS PARTITION ...], one connection each. A line on standard input asks
what happened since the last one; the answer is a line of JSON: rounds, slowest_ms, errors. Any error code, a closed connection,
an answer later than HANG_S or a record that does not come back as it was is an error: he has noticed something.
"""
import json, os, subprocess, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), HERE]
import kwire, words

HANG_S, PAUSE_S = 20.0, 0.02


class Worker(threading.Thread):
    def __init__(self, topic, address, partition):
        super().__init__(daemon=True)
        self.topic, self.address, self.partition = topic, address, partition
        self.lock, self.rounds, self.slowest, self.errors = threading.Lock(), 0, 0.0, []

    def run(self):
        connection, number = None, 0
        while True:
            try:
                connection = connection or kwire.Connection(self.address, HANG_S)
                began = time.monotonic()
                self.round(connection, number)
                with self.lock:
                    self.rounds, self.slowest = self.rounds + 1, max(self.slowest, time.monotonic() - began)
            except (OSError, RuntimeError) as e:
                with self.lock:
                    self.errors.append(f"{self.topic}-{self.partition} at {self.address}: {e!r}")
                if connection is not None:
                    connection.__exit__()
                connection = None
                time.sleep(0.2)
            number += 1
            time.sleep(PAUSE_S)

    def round(self, connection, number):
        value = b"neighbour %d of %d" % (number, self.partition)
        code, base = words.produce(connection, self.topic, self.partition, words.batch([value]))
        if code:
            raise RuntimeError(f"produce answered error {code}")
        code, high, records = words.fetch(connection, self.topic, self.partition, base)
        if code or high <= base or value not in records:
            raise RuntimeError(f"fetch at {base} answered error {code}, high watermark {high}, {len(records)} bytes")

    def take(self):
        with self.lock:
            told = self.rounds, self.slowest, self.errors
            self.rounds, self.slowest, self.errors = 0, 0.0, []
        return told


def main():
    topic, rest = sys.argv[1], sys.argv[2:]
    workers = [Worker(topic, address, int(partition)) for address, partition in zip(rest[::2], rest[1::2])]
    for w in workers:
        w.start()
    for _ in sys.stdin:
        told = [w.take() for w in workers]
        print(json.dumps({"rounds": min(t[0] for t in told), "slowest_ms": max(t[1] for t in told) * 1e3,
                          "errors": [e for t in told for e in t[2]]}), flush=True)


class Neighbour:
    """The program, as a suite sees it."""

    def __init__(self, cluster, topic="neighbour", partitions=3):
        cluster.create_topic(topic, partitions, min(3, len(cluster.brokers)))
        places = [str(x) for p, leader in cluster.leaders(topic).items() for x in (cluster.nodes[leader].address, p)]
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "neighbour.py"), topic, *places], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.rounds = 0

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def unharmed(self):
        """(good, sentence) of the time since the last call: every partition went at least once around, without an error."""
        rounds, slowest, errors, end = 0, 0.0, [], time.monotonic() + 2 * HANG_S
        while True:
            told = self.ask()
            rounds, slowest, errors = rounds + told["rounds"], max(slowest, told["slowest_ms"]), errors + told["errors"]
            if errors or rounds > 0 or time.monotonic() > end:
                break
            time.sleep(0.05)
        self.rounds += rounds
        if errors:
            return False, f"the neighbour noticed: {'; '.join(errors[:3])}"
        return rounds > 0, f"the neighbour went on: {rounds} rounds a partition, slowest {slowest:.0f} ms"

    def stop(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()


if __name__ == "__main__":
    main()
