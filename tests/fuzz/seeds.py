#!/usr/bin/env python3
"""Seeds for the fuzz targets: seeds.py DIRECTORY writes DIRECTORY/TARGET/..., out of what lies in the tree.

batch, codec: batches of real clients (tests/vectors). kmsg, edge: the messages of Kafka's own codec (tests/wire/vectors), as request
frames. log, raft_disk: those batches as segments with indexes, quorum-state and snapshots. config: files as people write them. files:
the small files as Kafka writes them. rpc: frames of proto/cluster.proto. group: logs of both protocols and what members ask. Existing seeds stay as they are.
"""
import glob, os, struct, sys

HERE = os.path.dirname(os.path.abspath(__file__))
UUID = "EjRWeJq8Te-BAgMEBQYHCA"


def put(folder, target, name, data):
    os.makedirs(os.path.join(folder, target), exist_ok=True)
    with open(os.path.join(folder, target, name), "wb") as f:
        f.write(data)


def piece(data):
    return struct.pack(">H", len(data)) + data


# --- messages ----------------------------------------------------------------------------------------------------------
def request_headers():
    """(api key, version) -> header bytes"""
    headers = {}
    with open(os.path.join(HERE, "..", "wire", "vectors", "headers.txt")) as f:
        for name, place, text in map(str.split, f):
            if name == "RequestHeader":
                headers[tuple(map(int, place.split(":")))] = bytes.fromhex(text)
    return headers


def message_seeds(folder):
    """kmsg: an even byte, the size of pieces, then one frame. edge: a seed, then one frame, or all of an API's in a row."""
    sys.path.insert(0, os.path.join(HERE, "..", "words"))
    import ours
    apis, _ = ours.load()
    keys, headers = {a.request.official_name(): a.key for a in apis}, request_headers()
    for path in glob.glob(os.path.join(HERE, "..", "wire", "vectors", "*.txt")):
        stream = b""
        with open(path) as f:
            for number, line in enumerate(f):
                name, version, *text = line.split()
                if name in keys:
                    frame = headers[keys[name], int(version)] + bytes.fromhex("".join(text))
                    frame = struct.pack(">i", len(frame)) + frame
                    put(folder, "kmsg", f"{name}-{version}-{number}", b"\0\x40" + frame)
                    stream += frame
        if 0 < len(stream) < 30000:
            put(folder, "edge", os.path.basename(path)[:-4], b"\7" + stream)


# --- batches -----------------------------------------------------------------------------------------------------------
def batches():
    for path in sorted(glob.glob(os.path.join(HERE, "..", "vectors", "batches", "*.hex"))):
        with open(path) as f:
            yield os.path.basename(path)[:-4], bytes.fromhex(f.read())


def batch_seeds(folder):
    for stem, batch in batches():
        codec = batch[22] & 7
        if codec == 0:
            put(folder, "batch", stem, b"\0" + batch)
        else:
            put(folder, "codec", stem, bytes([codec - 1]) + batch[61:])


def segment(parts, base=0, epoch=0):
    """Batches one behind the other, with base offsets and epochs; and their index entries."""
    out, index, times = b"", b"", b""
    for batch in parts:
        last = base + struct.unpack_from(">i", batch, 23)[0]
        index += struct.pack(">ii", last, len(out))
        times += struct.pack(">qi", struct.unpack_from(">q", batch, 35)[0], last)
        out += struct.pack(">q", base) + batch[8:12] + struct.pack(">i", epoch) + batch[16:]
        base = last + 1
    return out, index, times, base


def log_seeds(folder):
    small = [b for _, b in batches() if len(b) < 2000]
    one, index, times, end = segment(small[:3])
    two, index2, times2, _ = segment(small[3:6], end, 1)
    rest = bytes(range(20, 40))
    put(folder, "log", "one", b"\0" + piece(one) + piece(index) + piece(times) + piece(b"") * 4 + rest)
    put(folder, "log", "right", b"\1" + piece(one) + piece(index) + piece(times) + piece(two) + piece(index2) + piece(times2) + piece(b"") + rest)
    put(folder, "log", "clean", b"\2" + piece(one) + piece(index) + piece(times) + piece(b"") * 4 + rest)
    put(folder, "log", "note", b"\7\2" + piece(one) + piece(b"") * 5 + piece(b"2\n") + rest)


# --- between nodes -----------------------------------------------------------------------------------------------------
def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out + bytes([n]))


def message(*fields):
    """(number, int or bytes) as protobuf."""
    return b"".join(varint(n << 3) + varint(v) if isinstance(v, int) else varint(n << 3 | 2) + varint(len(v)) + v for n, v in fields)


def rpc_seeds(folder):
    node = message((1, 3), (2, bytes(16)))
    voters = message((1, node), (1, message((1, 4), (2, b"y" * 16))))
    hello = message((1, 2), (2, node), (3, b"cluster"), (4, b"i" * 16))
    entry = message((1, 2), (2, 0), (3, b"payload"))
    raft = [message((1, kind), (2, node), (3, node), (4, 2), (5, 2), (6, 9), (7, 1), (8, 1), (9, 7), (10, 3), (11, 1), (12, 3), (13, entry),
                    (13, message((1, 2), (2, 2), (3, voters))), (14, 1), (15, 4), (16, 2), (17, 1), (18, message((1, 5), (2, 2), (3, voters))),
                    (19, 4096), (20, b"chunk"), (21, 1), (22, 5), (23, 1)) for kind in range(9)]
    bodies = [(21, message((1, node), (2, voters))), (22, message((1, node), (2, 1))), (23, message((1, b"cluster"), (2, voters))),
              (25, message((1, 1), (2, b"i" * 16), (3, b"rack"), (4, 1), (5, message((1, b"PLAINTEXT"), (2, b"host"), (3, 9092))),
                           (6, message((1, b"d" * 16), (2, 3))), (7, -1), (8, b"cluster"))),
              (27, message((1, 1), (2, 5), (3, 10), (6, b"d" * 16))), (29, message((1, 1), (2, 5), (3, message((1, b"t" * 16), (2, 0))))),
              (30, message((1, 1), (2, 5), (3, b"d" * 16), (4, message((1, b"t" * 16), (2, 0))))),
              (31, message((1, 1), (2, 5), (3, message((1, b"t" * 16), (2, 0))), (4, 1), (5, 2), (6, message((1, 1), (2, 5))), (8, 2))),
              (33, message((1, 1), (2, 5))), (35, message((1, 19), (2, 7), (3, b"\2\2t"))), (37, message((1, 5), (2, 1)))] + [(24, r) for r in raft]
    for number, (field, body) in enumerate(bodies):
        frame = message((1, 1), (2, number + 1), (3, 1000), (field, body))
        put(folder, "rpc", f"body-{field}-{number}", b"\1" + piece(frame) + piece(frame))
        for mode in (1, 3, 17, 19):
            put(folder, "controller", f"body-{field}-{number}-{mode}", bytes([mode]) + piece(frame) + piece(frame))
        for target in ("rpc", "controller"):
            first = message((1, 1), (20, hello))
            put(folder, target, f"stream-{field}-{number}", b"\2" + b"".join(struct.pack(">i", len(f)) + f for f in (first, frame)))


def raft_disk_seeds(folder):
    state = f"version=1\ncluster.id=abc\nvoters=1:{UUID},2:{UUID}\nterm=3\nvoted=1:{UUID}\n".encode()
    plain, _, _, _ = segment([b for n, b in batches() if n == "java-none"] * 2, 0, 2)
    voters = message((1, message((1, 1), (2, bytes(16)))))
    snapshot = b"odrsnap1" + struct.pack(">qii", 3, 2, len(voters)) + voters + b"body" + bytes(4)
    put(folder, "raft_disk", "all", b"\3" + piece(state) + piece(plain) + piece(snapshot) + bytes(range(12)))
    put(folder, "raft_disk", "log", b"\1" + piece(state) + piece(plain) + piece(b"") + bytes(range(12)))
    put(folder, "raft_disk", "empty", b"\1" + piece(b"") * 3)


# --- texts -------------------------------------------------------------------------------------------------------------
CONFIGS = {
    "broker": "process.roles=broker\nnode.id=1\nlisteners=PLAINTEXT://127.0.0.1:9092,INTERNAL://:9093\nadvertised.listeners=PLAINTEXT://a:1,INTERNAL://b:2\n"
              "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT\ninter.broker.listener.name=INTERNAL\nlog.dirs=/a,/b\n"
              "controller.quorum.voters=101@h:9093,102@[::1]:9093\ncontroller.listener.names=CONTROLLER\nadmin.listeners=HTTP://:9644\n",
    "controller": "process.roles=controller\nnode.id=101\nlisteners=CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\nmetadata.log.dir=/m\n"
                  "controller.quorum.bootstrap.servers=h:1,i:2\ncontroller.quorum.election.timeout.ms=150\n",
    "notation": "a\\\n  b=c\\u0041\\t\nd:e\n!no\n#no\nf g\r\nlog.retention.hours=168\nlog.level=debug,raft=info\nconfig.strict=true\nprocess.roles=broker,controller\n",
    "values": "min.insync.replicas=2\ndurability=pagecache\nlog.cleanup.policy=compact,delete\nnum.partitions=0\nlog.cleaner.min.cleanable.ratio=1e-3\n"
              "ssl.keystore.password=x\nbroker.rack=r\nauto.create.topics.enable=maybe\n",
}
FILES = [f"0\n2\na_b.c-d 7 9223372036854775807\norders 0 12\n", "0\n3\n0 0\n5 100\n6 100\n",
         f"version=1\ncluster.id=4L6g3nShT-eMCtK--X86sw\nnode.id=3\ndirectory.id={UUID}\n", f"version: 0\ntopic_id: {UUID}\n",
         '{"version":0,"brokerEpoch":4711}']


def text_seeds(folder):
    for name, text in CONFIGS.items():
        for mode in (0, 1, 6, 7):
            put(folder, "config", f"{name}-{mode}", bytes([mode]) + text.encode())
    for kind, text in enumerate(FILES):
        put(folder, "files", f"text-{kind}", bytes([kind]) + text.encode())
    row = struct.pack(">qhiqiqiq", 4000, 2, 5, 17, 3, 1700000000000, 7, 11)
    put(folder, "files", "producers", b"\5" + struct.pack(">hIi", 1, 0, 2) + row * 2)
    put(folder, "files", "quorum", b"\6" + f"version=1\ncluster.id=abc\nvoters=1:{UUID}\nterm=3\nvoted=1:{UUID}\n".encode())


# --- groups ------------------------------------------------------------------------------------------------------------
EDGES = [0, 1, 2, 3, 4, 5, 6, 7, 2147483647, 2147483646, -2147483648, -1, -2, -3, 100, 6000, 99999, 100000]
LONGS = [0, 1, 1000000, 1000005, -1]


def num(*values):
    return bytes(EDGES.index(v) for v in values)


def some(n):
    """A name that may be missing."""
    return b"\0" if n is None else bytes([1, n])


def held(*topics):
    """(topic, partitions) as the records tell them, and with an epoch for each."""
    return bytes([len(topics)]) + b"".join(bytes([t, len(p)]) + num(*p) for t, p in topics)


def current(epoch, state, *topics):
    parts = bytes([len(topics)]) + b"".join(bytes([t, len(p)]) + num(*p) + bytes([len(p)]) + num(*[epoch] * len(p)) for t, p in topics)
    return num(epoch, epoch) + bytes([state + 1]) + parts + b"\0"


def record(kind, group, second, value, there=1):
    return bytes([kind, there, group, second]) + value


def member(topics, pattern=None, instance=None, classic=b"\1"):
    return bytes([len(topics)]) + some(instance) + some(None) + bytes(topics) + some(pattern) + num(6000) + b"\1" + classic


def ask(kind, group, who, generation, fill, instance=None):
    return bytes([0, kind, group, who]) + some(instance) + num(generation) + b"\0" + fill + b"\0"


def beat(group, who, epoch, mode, fill=b""):
    return ask(0, group, who, epoch, bytes([mode, who]) + fill)


def group_seeds(folder):
    """What fuzz_group.c makes of bytes: two settings, records of a log, and then events."""
    enter = num(6000) + b"\1\0"
    two_read = [record(2, 0, 0, num(2) + b"\1"), record(5, 0, 0, num(2) + b"\0"), record(4, 0, 0, member([0])), record(4, 0, 1, member([0])),
                record(6, 0, 0, held((0, [0]))), record(6, 0, 1, held((0, [1]))), record(7, 0, 0, current(2, 0, (0, [0]))),
                record(7, 0, 1, current(2, 0, (0, [1])))]
    classic = record(1, 0, 0, b"\2\0" + num(3) + some(0) + some(0) + b"\2" + b"\0" + some(None) + num(6000, 6000) + b"\0\0" +
                     b"\1" + some(1) + num(6000, 6000) + b"\0\0")
    old = record(4, 0, 2, member([0], classic=b"\0\1" + num(6000) + b"\0\0"))
    offset = bytes([0, 1, 0, 0]) + num(0) + bytes([2]) + num(0) + bytes([0, 2, 4])
    logs = {"empty": [], "consumers": two_read, "classic": [classic, offset], "both": two_read + [old, record(7, 0, 2, current(2, 0))],
            "pattern": [record(2, 0, 0, num(2) + b"\1"), record(4, 0, 0, member([], pattern=0)), record(8, 0, 0, b"\1\0\1\2")],
            "gone": two_read + [record(7, 0, 0, current(2, 0), 0), record(6, 0, 0, held(), 0), record(4, 0, 0, member([]), 0), record(2, 0, 0, num(2) + b"\1", 0)],
            "static": [record(2, 0, 0, num(2) + b"\1"), record(4, 0, 0, member([0], instance=0)), record(7, 0, 0, current(2, 0))],
            "before 4.1": [record(3, 0, 0, b""), *two_read]}
    join = ask(3, 0, 0, -1, b"\0\0\0\0" + num(6000, 6000) + b"\1\0")
    commit = ask(7, 0, 0, 2, b"\1\0\0\1" + num(0) + b"\0\0\0")
    wait = bytes([230, 4])
    events = {"live": beat(0, 0, 2, 0) + beat(0, 1, 2, 0) + commit, "enter": beat(0, 2, 0, 0, enter) + beat(0, 0, 2, 0) + beat(0, 2, 2, 0),
              "leave": beat(0, 0, -1, 0) + beat(0, 1, -1, 0), "match": beat(0, 0, 0, 16, enter + b"\0") + bytes([190, 1, 0, 0, 2, 1, 1, 0]),
              "join": join + ask(4, 0, 0, 3, some(None) + some(None)) + ask(5, 0, 0, 3, b"") + ask(6, 0, 0, 3, b""),
              "end": wait + wait + ask(8, 0, 0, -1, b"") + ask(9, 0, 0, -1, b"") + bytes([220, 0, 0])}
    for log, records in logs.items():
        for what, happens in events.items():
            put(folder, "group", f"{log}-{what}".replace(" ", "-"), bytes([0, 0, len(records)]) + b"".join(records) + b"\1" + happens)


def main():
    folder = sys.argv[1]
    for make in (message_seeds, batch_seeds, log_seeds, rpc_seeds, raft_disk_seeds, text_seeds, group_seeds):
        make(folder)
    print(", ".join(f"{len(os.listdir(os.path.join(folder, t)))} {t}" for t in sorted(os.listdir(folder))))


if __name__ == "__main__":
    main()
