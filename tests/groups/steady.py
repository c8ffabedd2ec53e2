#!/usr/bin/env python3
"""Our own client, a process of its own so that nothing else in the suite delays it: steady.py classic|consumer|watch BOOTSTRAP GROUP TOPIC

classic, consumer: one member of GROUP that sends a heartbeat and a commit of the next number every 20 ms, come what may, and asks for
the coordinator anew whenever it is sent away or cut off. It says, a line each, with moments of time.monotonic:
    beat T    commit T NUMBER    again T WHY    wrong T WORDS
watch: takes "led PARTITION EPOCH" on standard input, asks all brokers for the metadata of TOPIC every few milliseconds, and says
    led T     when one of them tells a later leader epoch of the partition
"""
import os, struct, sys, threading, time, uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "apis"), HERE]
import kwire, words
from messages import encode, parse

RETRY_S, WATCH_S = 0.02, 0.002
BEAT = parse("group:str member:str epoch:i32 instance?:str rack?:str rebalance:i32 topics?[str] regex?:str@1 assignor?:str "
             "owned?[ id:uuid partitions[i32] ]")
UNCHANGED = {"instance": None, "rack": None, "rebalance": -1, "topics": None, "regex": None, "assignor": None, "owned": None}


def say(*line):
    print(*line, flush=True)


class Classic:
    """How a member of the classic protocol joins and beats."""

    def __init__(self, group, topic):
        self.group, self.raw, self.joined = group, None, False

    def use(self, address):
        if self.raw is None:
            self.raw = words.Raw(address, self.group, session_ms=20_000, timeout_s=2.0)
        else:
            self.raw.connection.__exit__()
            self.raw.connection = kwire.Connection(address, 2.0)

    def join(self):
        code = self.raw.join()["error"]
        return code or self.raw.sync(assignments=[{"member": self.raw.member, "assignment": b""}])["error"]

    def beat(self):
        return self.raw.heartbeat()

    def commit(self, topic, number):
        return self.raw.commit(topic, 0, number)


class Consumer(Classic):
    """... and one of the consumer protocol (KIP-848): the commit names its epoch."""

    def __init__(self, group, topic):
        super().__init__(group, topic)
        self.topic = topic

    def _beat(self, epoch, **values):
        answer = self.raw.connection.call(68, 1, encode(BEAT, 1, True, {
            "group": self.group, "member": self.raw.member, "epoch": epoch, **UNCHANGED, **values}), True)
        answer.take("i")
        code = answer.take("h")
        if code == 0:
            answer.compact_text(), answer.compact_text()
            self.raw.generation = answer.take("i")
        return code

    def join(self):
        self.raw.member = str(uuid.uuid4())
        return self._beat(0, rebalance=60_000, topics=[self.topic], owned=[])

    def beat(self):
        return self._beat(self.raw.generation)


def again(member, bootstrap, why):
    """Another connection, to the coordinator of now; the next try comes RETRY_S later when there is none."""
    say("again", time.monotonic(), why)
    for address in bootstrap.split(","):
        try:
            with kwire.Connection(address, 0.5) as c:
                told = words.FIND.call(c, 3, key=member.group, type=0)
            if told["error"] == 0:
                member.use(f"{told['host']}:{told['port']}")
                return
        except OSError:
            pass


def turn(member, topic, number):
    """(error code, where)"""
    if not member.joined:
        code = member.join()
        member.joined = code == 0
        return code, "join"
    code = member.beat()
    if code:
        return code, "beat"
    say("beat", time.monotonic())
    code = member.commit(topic, number)
    return code, "commit"


def work(kind, bootstrap, group, topic):
    member, number = {"classic": Classic, "consumer": Consumer}[kind](group, topic), 1
    member.use(words.coordinator(bootstrap, group))
    while True:
        time.sleep(RETRY_S)
        try:
            code, where = turn(member, topic, number)
            if code in words.NOT_YET:
                again(member, bootstrap, f"{where} {code}")
            elif code:
                say("wrong", time.monotonic(), f"{where}: error {code} after {number - 1} commits")
            elif where == "commit":
                say("commit", time.monotonic(), number)
                number += 1
        except (OSError, ValueError, struct.error) as e:
            again(member, bootstrap, repr(e))


def led_since(addresses, topic, partition, epoch):
    for address in addresses:
        try:
            if kwire.metadata(address, [topic], 1.0).topics[topic][partition].epoch > epoch:
                return True
        except (OSError, KeyError, struct.error):
            pass
    return False


def watch(bootstrap, topic):
    for line in sys.stdin:
        _, partition, epoch = line.split()
        while not led_since(bootstrap.split(","), topic, int(partition), int(epoch)):
            time.sleep(WATCH_S)
        say("led", time.monotonic())


def with_parent():
    """Whoever started us closes our standard input when it ends."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    what, bootstrap, group, topic = sys.argv[1:]
    if what == "watch":
        watch(bootstrap, topic)
    else:
        threading.Thread(target=with_parent, daemon=True).start()
        work(what, bootstrap, group, topic)
