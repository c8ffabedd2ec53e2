"""Parts `batches` and `topics`: requests that are well-formed and wrong. Each gets the error code that Apache Kafka gives."""
import struct, zlib

import kwire, words

NONE, OUT_OF_RANGE, CORRUPT, UNKNOWN_PARTITION, TOO_LARGE, INVALID_TOPIC = 0, 1, 2, 3, 10, 17
INVALID_ACKS, TOPIC_EXISTS, INVALID_PARTITIONS, INVALID_REPLICATION, INVALID_REQUEST, INVALID_RECORD = 21, 36, 37, 38, 42, 87
UNKNOWN_SERVER, UNSUPPORTED_COMPRESSION, INVALID_TIMESTAMP = -1, 76, 32
BOMB_BYTES = 320 << 20


def bomb():
    """One record of zeros that decompresses to 320 MiB: a thousand times its size."""
    head = b"\0" + words.varint(0) + words.varint(0) + words.varint(-1) + words.varint(BOMB_BYTES)
    body_bytes = len(head) + BOMB_BYTES + 1
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    out = deflate.compress(words.varint(body_bytes) + head)
    zeros = bytes(1 << 20)
    for _ in range(BOMB_BYTES >> 20):
        out += deflate.compress(zeros)
    return out + deflate.compress(b"\0") + deflate.flush()


def batches(suite):
    suite.cluster.create_topic("hostile-batches", 1, min(3, len(suite.cluster.brokers)))
    leader = suite.cluster.nodes[suite.cluster.leader("hostile-batches", 0)]
    one = [b"one", b"two"]
    good = words.batch(one)
    plain = b"".join(words.record(v, i) for i, v in enumerate(one))
    cases = [
        ("a bad CRC", words.batch(one, crc=1), {CORRUPT}),
        ("a flipped bit", good[:-3] + bytes([good[-3] ^ 1]) + good[-2:], {CORRUPT}),
        ("a count above its records", words.batch(one, count=3, last_delta=2), {INVALID_RECORD}),
        ("a count below its records", words.batch(one, count=1, last_delta=0), {INVALID_RECORD}),
        ("a count of two billion", words.batch(one, count=0x7FFFFFFF, last_delta=0x7FFFFFFE), {INVALID_RECORD}),
        ("a negative count", words.batch(one, count=-1, last_delta=-2), {INVALID_RECORD, CORRUPT}),
        ("a last offset that does not fit its count", words.batch(one, last_delta=7), {INVALID_RECORD}),
        ("no records at all", words.batch([], count=0, last_delta=-1), {INVALID_RECORD, CORRUPT}),
        ("two batches where one may be", good + good, {INVALID_RECORD}),
        ("a length beyond its bytes", words.batch(one, length=10000), {CORRUPT, INVALID_RECORD}),
        ("a negative length", words.batch(one, length=-5), {CORRUPT, INVALID_RECORD}),
        ("a batch that is cut", good[:40], {CORRUPT, INVALID_RECORD}),
        ("magic 1", words.batch(one, magic=1), {INVALID_RECORD, CORRUPT}),
        ("magic 9", words.batch(one, magic=9), {INVALID_RECORD, CORRUPT}),
        ("a record longer than its batch", words.batch(one, records=words.varint(1 << 30) + plain), {INVALID_RECORD, CORRUPT}),
        ("gzip that is none", words.batch(one, codec=1, records=b"no gzip at all"), {INVALID_RECORD, CORRUPT, UNKNOWN_SERVER}),
        ("zstd that ends in the middle", words.batch(one, codec=4, records=b"\x28\xb5\x2f\xfd\x04\x10"), {INVALID_RECORD, CORRUPT, UNKNOWN_SERVER}),
        ("a batch above max.message.bytes", words.batch([bytes(1100000)]), {TOO_LARGE}),
    ]
    for name, records, codes in cases:
        with kwire.Connection(leader.address, 30) as c:
            try:
                code, _ = words.produce(c, "hostile-batches", 0, records)
            except (OSError, struct.error) as e:
                code = f"{e!r}"
            suite.check(code in codes, f"batches: {name}: error {code}{'' if code in codes else ', should be of ' + str(sorted(codes))}")
    if not suite.o.peer:
        bombs(suite, leader)
    with kwire.Connection(leader.address) as c:
        code, base = words.produce(c, "hostile-batches", 0, good)
        suite.check((code, base) == (0, 0), f"batches: nothing of all that came into the log: a good batch gets offset {base}")
    large_then_small(suite, leader)


def gzip(data):
    deflate = zlib.compressobj(1, zlib.DEFLATED, 31)
    return deflate.compress(data) + deflate.flush()


def large_then_small(suite, leader):
    """Batches that are checked beside the reactor keep their place among the small ones of their connection."""
    large = words.batch([b""], codec=1, records=gzip(words.record(bytes(20 << 20))))
    small = words.batch([b"small"])
    said = [large if i % 4 == 0 else small for i in range(16)]
    with words.Raw(leader.address, 60) as raw:
        raw.say(b"".join(words.frame(words.head(words.PRODUCE, 7, i) + words.produce_body("hostile-batches", 0, b))
                         for i, b in enumerate(said)))
        heard = []
        for _ in said:
            answer = raw.answer() or bytes(8)
            r = kwire.Reader(answer)
            correlation = r.take("i")
            r.take("i"), r.text(), r.take("i"), r.take("i")
            heard.append((correlation, r.take("h"), r.take("q")))
    expected = [(i, 0, heard[0][2] + i) for i in range(len(said))]
    suite.check(heard == expected, "batches: large compressed ones between small ones, all at once on one connection: "
                                   f"appended and answered in order{'' if heard == expected else f': {heard}'}")


def bombs(suite, leader):
    before = suite.resident(leader)
    packed = bomb()
    for acks in (1, -1):
        with kwire.Connection(leader.address, 60) as c:
            code, _ = words.produce(c, "hostile-batches", 0, words.batch([b""], codec=1, records=packed), acks)
            suite.check(code in (INVALID_RECORD, TOO_LARGE, CORRUPT), f"batches: a bomb ({len(packed) >> 10} KiB hold {BOMB_BYTES >> 20} MiB): error {code}")
    grown = suite.resident(leader) - before
    suite.check(grown < 32 << 20, f"batches: the bombs cost {grown >> 20} MiB of memory")


def create(address, topic, partitions=1, replicas=1, more=b"", times=1):
    """(error code, sentence) of CreateTopics 2."""
    one = kwire.text(topic) + struct.pack(">ih", partitions, replicas) + kwire.array([]) + kwire.array([])
    with kwire.Connection(address, 15) as c:
        r = c.call(words.CREATE_TOPICS, 2, kwire.array([one] * times) + struct.pack(">ib", 10000, 0))
    r.take("i"), r.take("i"), r.text()
    return r.take("h"), r.text() or ""


def topics(suite):
    address, brokers = suite.broker.address, len(suite.cluster.brokers)
    for name in ("", ".", "..", "a/b", "../../etc", "a b", "a\u00e4", "a\nb", "a\0b", "x" * 250, "a:b", "a,b", "*"):
        code, told = create(address, name)
        suite.check(code == INVALID_TOPIC, f"topics: the name {name[:12]!r}: error {code} ({told[:90]})")
    code, _ = create(address, "hostile.under_score", 1, 1)
    for name in ("hostile_under.score", "hostile_under_score", "hostile.under.score"):
        code, told = create(address, name)
        suite.check(code == INVALID_TOPIC, f"topics: {name} beside hostile.under_score: error {code} ({told[:90]})")
    for what, args, want in (("more replicas than brokers", (1, brokers + 1), INVALID_REPLICATION), ("no replicas", (1, 0), INVALID_REPLICATION),
                             ("32,767 replicas", (1, 32767), INVALID_REPLICATION), ("no partitions", (0, 1), INVALID_PARTITIONS),
                             ("-7 partitions", (-7, 1), INVALID_PARTITIONS)):
        code, told = create(address, "hostile-numbers", *args)
        suite.check(code == want, f"topics: {what}: error {code} ({told[:90]})")
    code, _ = create(address, "hostile-twice", 1, 1, times=2)
    suite.check(code == INVALID_REQUEST, f"topics: one name twice in a request: error {code}")
    code, _ = create(address, "hostile.under_score", 1, 1)
    suite.check(code == TOPIC_EXISTS, f"topics: one that is there already: error {code}")
    absent(suite)


def absent(suite):
    address = suite.broker.address
    good = words.batch([b"x"])
    with kwire.Connection(address, 15) as c:
        for acks in (2, -2, 32767):
            code, _ = words.produce(c, "neighbour", 0, good, acks)
            suite.check(code == INVALID_ACKS, f"topics: acks={acks}: error {code}")
        for partition in (99, -1, 0x7FFFFFFF):
            code, _ = words.produce(c, "neighbour", partition, good)
            suite.check(code == UNKNOWN_PARTITION, f"topics: producing to partition {partition}: error {code}")
            code, _, _ = words.fetch(c, "neighbour", partition, 0)
            suite.check(code == UNKNOWN_PARTITION, f"topics: fetching partition {partition}: error {code}")
        for name in ("../../etc/passwd", "no such topic", "x" * 300):
            code, _ = words.produce(c, name, 0, good)
            suite.check(code in (UNKNOWN_PARTITION, INVALID_TOPIC), f"topics: producing to {name[:20]!r}: error {code}")
    leader = suite.cluster.nodes[suite.cluster.leader("neighbour", 0)]
    with kwire.Connection(leader.address, 15) as c:
        for offset in (1 << 40, 0x7FFFFFFFFFFFFFFF, -1):
            code, _, _ = words.fetch(c, "neighbour", 0, offset)
            suite.check(code == OUT_OF_RANGE, f"topics: fetching at offset {offset}: error {code}")


PARTS = {"batches": batches, "topics": topics}
