"""Part `controllers`: the same treatment for the port between nodes (protobuf frames behind a length, proto/cluster.proto)."""
import os, struct, sys, time

import flood, kwire, words

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz"))
from seeds import message

FRAME_MAX = 8 << 20
HELLO, FORMATION_ASK, FORMATION_PROPOSE, RAFT, REGISTER, HEARTBEAT, TAIL = 20, 21, 23, 24, 25, 27, 37
CONTROLLER, BROKER = 1, 2


def node_of(number, directory=b"d" * 16):
    return message((1, number), (2, directory))


def framed(field, body, number=1, version=1):
    return words.frame(message((1, version), (2, number), (3, 1000), (field, body)))


def hello(role, number, cluster_id=b"", incarnation=b"stranger" * 2):
    return framed(HELLO, message((1, role), (2, node_of(number)), (3, cluster_id), (4, incarnation)), 0)


def after_greeting(raw):
    """Reads the controller's own Hello, which comes first."""
    return raw.answer()


def closes(address, data):
    """Whether the controller ends the connection after these bytes."""
    with words.Raw(address) as raw:
        raw.say(data)
        return raw.end() is not None


def lines_since(node, size, words_of_it):
    with open(node.log, errors="replace") as f:
        f.seek(size)
        return [line for line in f if words_of_it in line]


def noise(suite, node):
    size, count, kept, began = os.path.getsize(node.log), 0, 0, time.monotonic()
    while count < 200 or time.monotonic() - began < 1.5:
        count += 1
        kept += not closes(node.address, bytes([suite.random.randrange(1, 256)]) + suite.random.randbytes(suite.random.randrange(3, 3000)))
    lines = lines_since(node, size, "WARN")
    suite.check(kept == 0 and 0 < len(lines) <= 3 * (time.monotonic() - began + 1),
                f"controllers: {count} connections of random bytes are closed ({kept} were not), with {len(lines)} lines in the log")
    for name, data in (("HTTP", b"GET /readyz HTTP/1.1\r\n\r\n"), ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100)),
                       ("a negative length", b"\xff\xff\xff\xff"), ("a length of 2 GiB", b"\x7f\xff\xff\xff" + bytes(100)),
                       ("one byte above the longest frame", struct.pack(">i", FRAME_MAX + 1)), ("an empty frame", bytes(4)),
                       ("a frame that is no protobuf", words.frame(b"\xff" * 50)), ("a frame of another version", hello(BROKER, 9).replace(b"\x08\x01", b"\x08\x63", 1)),
                       ("words before the Hello", framed(HEARTBEAT, message((1, 1), (2, 5)))), ("two Hellos", hello(BROKER, 9) * 2)):
        suite.check(closes(node.address, data), f"controllers: {name}: closed")


def identity(suite, node):
    size, began = os.path.getsize(node.log), time.monotonic()
    kept = sum(not closes(node.address, hello(BROKER, 1, b"AnotherClusterXXXXXXXX")) for _ in range(100))
    lines = lines_since(node, size, "belongs to cluster AnotherClusterXXXXXXXX")
    suite.check(kept == 0 and 0 < len(lines) <= 2 + time.monotonic() - began, f"controllers: 100 nodes of another cluster are closed, {len(lines)} lines say so")
    strangers = []
    for number in (1, 2, 3, 101, 102, 999):
        raw = words.Raw(node.address)
        raw.say(hello(BROKER if number < 100 else CONTROLLER, number))
        for kind in range(9):
            term = 1 << 30
            raft = message((1, kind), (2, node_of(999)), (3, node_of(101)), (4, term), (5, term), (6, 1 << 40), (7, term), (10, 1 << 40), (11, term), (15, 1 << 40))
            raw.say(framed(RAFT, raft, 0))
        for field, body in ((HEARTBEAT, message((1, 1), (2, 1 << 40), (3, 1 << 40))), (REGISTER, message((1, 1), (2, b"i" * 16), (7, -1))),
                            (TAIL, message((1, 1 << 40), (2, 1 << 20))), (FORMATION_ASK, message((1, node_of(101)))),
                            (FORMATION_PROPOSE, message((1, b"mine"), (2, message((1, node_of(101))))))):
            raw.say(framed(field, body, 7))
        strangers.append(raw)
    time.sleep(1.0)
    for raw in strangers:
        raw.socket.close()
    suite.check(node.alive, "controllers: strangers with the ids of brokers and voters, high terms and other people's words: it lives")


def load(suite, node):
    """Half-open connections, frames that never end, questions whose answers nobody reads."""
    before, held = suite.resident(node), []
    flood.more_files(2000)
    for i in range(500):
        s = flood.connect(node.address, 4096)
        s.sendall((b"", b"\0", struct.pack(">i", FRAME_MAX), struct.pack(">i", FRAME_MAX) + bytes(1000))[i % 4])
        held.append(s)
    asks = hello(BROKER, 7) + framed(FORMATION_ASK, message((1, node_of(7))), 5) * 5000 + framed(TAIL, message((1, -1)), 6)
    for _ in range(20):
        s = flood.connect(node.address, 4096)
        flood.pour(s, asks, 0.2)
        held.append(s)
    time.sleep(0.5)
    grown = suite.resident(node) - before
    suite.check(grown < 64 << 20, f"controllers: 500 half-open connections and 20 that ask 5,000 times and read nothing: {grown / (1 << 20):.1f} MiB more memory")
    slow = words.Raw(node.address)
    for byte in hello(BROKER, 9) + framed(FORMATION_ASK, message((1, node_of(9))), 3):
        slow.say(bytes([byte]))
        time.sleep(0.003)
    slow.answer()
    suite.check(slow.answer() is not None, "controllers: byte by byte, a good question is answered")
    slow.socket.close()
    for s in held:
        s.close()


def controllers(suite):
    active = suite.cluster.nodes[suite.cluster.active_controller()]
    follower = next(n for n in suite.cluster.controllers if n is not active)
    for node in (active, follower):
        noise(suite, node)
    identity(suite, active)
    identity(suite, follower)
    load(suite, active)
    now = suite.cluster.active_controller()
    suite.check(now is not None, f"controllers: controller {active.id} was active before, {now} is")
    code = kwire.wait_until(lambda: kwire.create_topic(suite.broker.address, "after-strangers", 3, 3) is None, 20)
    suite.check(code, "controllers: decisions are made: a topic is created")


PARTS = {"controllers": controllers}
