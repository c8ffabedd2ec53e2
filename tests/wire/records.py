"""The records of the client matrix, generated from a seed: nothing is stored, writer and judge make the same ones.

A record is (partition, key, value, headers, time_ms): key and value bytes or None, headers a list of (name, bytes or None), names may
come twice. Values of 0 to 2,048 bytes, and `big` ones of 900,000 spread among them. What a writer cannot express is left out by its
profile:
  any      everything: binary keys and values, empty and null ones, null headers, names beyond ASCII
  python   kafka-python: no null header value; a null value only with a key
  text     Java's console producer: text in lines; null key only on a single partition (it chooses the partition by the key's hash,
           at random without a key); no time stamps, no empty key
  js       kafkajs: no null header value; headers are an object, so values of one name stand together
  kcat     kcat -P: headers, partition and the meaning of "empty" are one per process, so records come in runs of equal ones;
           values without its delimiters; never neither key nor value; no time stamps
No key, value or header holds the marks by which Java's console tools separate fields, nor the beginning of one, whatever the seed.
Standard library only and Python 3.11: the clients' own interpreters import it.
"""
import functools, hashlib, random, re, struct, time

BIG = 900_000
SMALL_MAX = 2048
STRETCH = 128
WORDS = "Odradek Zwirnspule façade Прага 東京 🧵 straße naïve ελληνικά plain ascii".split()
PROFILES = ("any", "python", "text", "js", "kcat")
KCAT_KEY, KCAT_RECORD = b"<|k|>", b"<|r|>\n"
TEXT_MARKS = {"key": "~K;", "headers": "~H;", "header": "~,;", "pair": "~:;", "line": "~#L#;", "null": "~NULL;"}
_MARK_BEGINS = re.compile(b"~(?=[%s])" % b"".join({mark[1].encode() for mark in TEXT_MARKS.values()}))


class Spec:
    """One topic's worth of records and how they are written. Travels to the workers as a line of text."""

    def __init__(self, topic, bootstrap, profile="any", count=1000, big=0, partitions=1, codec="none", seed=1, timed=False):
        self.topic, self.bootstrap, self.profile, self.count, self.big = topic, bootstrap, profile, count, big
        self.partitions, self.codec, self.seed = partitions, codec, seed
        self.timed = int(time.time() * 1000) - 3_600_000 if timed else 0  # the first record's time stamp; young, or retention takes it

    def line(self):
        return repr(vars(self))

    @staticmethod
    def parse(line):
        import ast
        spec = Spec("", "")
        vars(spec).update(ast.literal_eval(line))
        return spec

    @property
    def total(self):
        return self.count + self.big


def murmur2(data):
    """The 32-bit hash by which Java's producer chooses a partition (seed 0x9747b28c)."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for k, in struct.iter_unpack("<I", data[:whole]):
        k = k * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    if len(data) > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def java_partition(key, partitions):
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def without_marks(data):
    """The same length of bytes with no place where a mark of TEXT_MARKS could begin: `~` before its second byte is another byte. Inside
    a mark `~` does not come again. So a mark is found where it was written and nowhere else, also where two fields meet."""
    return _MARK_BEGINS.sub(b"-", data)


class Source:
    """Draws keys, values and headers of one profile."""

    def __init__(self, spec):
        self.spec, self.rng = spec, random.Random(spec.seed)
        plain = " ".join(WORDS).encode().ljust(STRETCH)[:STRETCH]  # between random bytes, or some clients find nothing to compress
        self.block = without_marks(b"".join(self.rng.randbytes(STRETCH) + plain for _ in range((BIG + SMALL_MAX) // (2 * STRETCH) + 1)))
        if spec.profile in ("text", "kcat"):
            self.text = " ".join(self.rng.choices(WORDS, k=BIG // 6))
            self.block = self.text.encode()

    def bytes(self, length):
        at = self.rng.randrange(len(self.block) - length) if length < len(self.block) else 0
        return self.block[at:at + length]

    def characters(self, length):
        """Whole characters, cut to at most so many bytes."""
        return self.bytes(length).decode(errors="ignore").encode()

    def value(self, index, length):
        head = b"%08d " % index
        if length < len(head):
            return b"" if length == 0 else head[:length]
        draw = self.characters if self.spec.profile in ("text", "kcat") else self.bytes
        return head + draw(length - len(head))

    def key(self, index):
        kind = self.rng.random()
        if self.spec.profile == "text":
            if kind < 0.1 and self.spec.partitions == 1:
                return None
            return f"{WORDS[index % len(WORDS)]}-{index}".encode()
        if kind < 0.1:
            return None
        if kind < 0.15:
            return b""
        return (b"key-%d" % index) if kind < 0.6 or self.spec.profile == "kcat" else self.bytes(1 + index % 40)

    def headers(self):
        if self.rng.random() < 0.5:
            return []
        out = []
        for _ in range(1 + self.rng.randrange(4)):
            kind = self.rng.random()
            value = None if kind < 0.15 and self.spec.profile not in ("python", "js") else b"" if kind < 0.25 else self.header_value()
            out.append((self.rng.choice(("trace", "trace", "größe", "наме", "h")), value))
        if self.spec.profile == "js":
            first = {name: at for at, (name, _) in reversed(list(enumerate(out)))}
            out.sort(key=lambda header: first[header[0]])
        return out

    def header_value(self):
        word = self.rng.choice(WORDS).encode()
        return word if self.spec.profile in ("text", "kcat") or self.rng.random() < 0.5 else word + bytes([0, 255, 1])


def records(spec):
    """Yields the records in the order in which they are to be written."""
    source, rng = Source(spec), random.Random(spec.seed + 1)
    every = spec.total // spec.big if spec.big else spec.total + 1
    run = None
    for index in range(spec.total):
        big = index % every == every - 1 and index // every < spec.big
        value = source.value(index, BIG if big else rng.randrange(SMALL_MAX + 1))
        key, headers = source.key(index), source.headers()
        if rng.random() < 0.03:
            value = None
        time_ms = spec.timed + index if spec.timed else None
        if spec.profile == "python" and key is None and value is None:
            value = b""
        if spec.profile == "text":
            partition = java_partition(key, spec.partitions) if key is not None else 0
        elif spec.profile == "kcat":
            length = max(1, spec.total // (2 * spec.partitions))
            if index % length == 0 or run is None:
                run = (index // length) % spec.partitions, (headers or [("h", None)]) if index // length % 2 == 0 else [], index // length % 2 == 0
            partition, headers, empty_is_null = run
            if empty_is_null:
                key, value = key or None, value or None
            elif value is None:
                value = b""
            if not key and not value:  # kcat passes over a line with nothing on it
                key = b"key-%d" % index
        else:
            partition = rng.randrange(spec.partitions)
        yield partition, key, value, headers, time_ms


def _field(data):
    return b"\xff\xff\xff\xff" if data is None else struct.pack(">i", len(data)) + data


def digest(key, value, headers, time_ms):
    """16 bytes over every byte of a record."""
    h = hashlib.blake2b(_field(key) + _field(value), digest_size=16)
    h.update(struct.pack(">iq", len(headers), -1 if time_ms is None else time_ms))
    for name, data in headers:
        h.update(_field(name.encode()) + _field(data))
    return h.digest()


def kcat_text(headers):
    """How kcat prints headers (%h): as a text, a null one as NULL, a value up to its first zero byte."""
    return b",".join(name.encode() + b"=" + (b"NULL" if data is None else data.split(b"\0")[0]) for name, data in headers)


class Sink:
    """What a worker writes for the records that it has read: partition, offset and digest of each."""
    ROW = struct.Struct(">iq16s")

    def __init__(self, path):
        self.file = open(path, "wb")

    def add(self, partition, offset, key, value, headers, time_ms):
        self.file.write(self.ROW.pack(partition, offset, digest(key, value, headers, time_ms)))

    def close(self):
        self.file.close()

    @classmethod
    def rows(cls, path):
        with open(path, "rb") as f:
            return list(cls.ROW.iter_unpack(f.read()))


@functools.lru_cache(4)
def expected(line, text_headers=False):
    """The digests of what Spec.line() says, by partition."""
    spec = Spec.parse(line)
    out = [[] for _ in range(spec.partitions)]
    for partition, key, value, headers, time_ms in records(spec):
        if text_headers:
            headers = [("", kcat_text(headers))] if headers else []
        out[partition].append(digest(key, value, headers, time_ms))
    return out


def compare(spec, rows, text_headers=False):
    """None when the rows (partition, offset, digest) are exactly the records of the spec; else a sentence of the first difference."""
    written = expected(spec.line(), text_headers)
    got = [[] for _ in range(spec.partitions)]
    for partition, offset, found in rows:
        if not 0 <= partition < spec.partitions:
            return f"a record of partition {partition}"
        if offset != len(got[partition]):
            return f"partition {partition}: offset {offset} came where {len(got[partition])} was due"
        got[partition].append(found)
    for partition in range(spec.partitions):
        want, have = written[partition], got[partition]
        if want != have:
            at = next((i for i, (a, b) in enumerate(zip(want, have)) if a != b), min(len(want), len(have)))
            return f"partition {partition}: {len(want)} written, {len(have)} read, different from record {at} on"
    return None
