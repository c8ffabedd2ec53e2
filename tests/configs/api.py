"""The requests that read and change settings, in every version that is served: DescribeConfigs, IncrementalAlterConfigs,
AlterConfigs, ListConfigResources, and CreateTopics with its settings."""
import os, struct, sys, time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib")]
import kwire

TOPIC, BROKER, LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)
ALTER, DESCRIBE, CREATE, INCREMENTAL, LIST = 33, 32, 19, 44, 74
FLEXIBLE = {ALTER: 2, DESCRIBE: 4, CREATE: 5, INCREMENTAL: 1, LIST: 0}


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


class Form:
    """How strings, arrays and ends of structs are written and read in one version of one request."""

    def __init__(self, key, version):
        self.flexible = version >= FLEXIBLE[key]

    def text(self, value):
        if not self.flexible:
            return kwire.text(value)
        return b"\0" if value is None else varint(len(value.encode()) + 1) + value.encode()

    def array(self, items):
        if items is None:
            return b"\0" if self.flexible else struct.pack(">i", -1)
        items = list(items)
        return (varint(len(items) + 1) if self.flexible else struct.pack(">i", len(items))) + b"".join(items)

    @property
    def end(self):
        return b"\0" if self.flexible else b""

    def read_text(self, r):
        return r.compact_text() if self.flexible else r.text()

    def read_array(self, r, read):
        def item():
            value = read()
            self.read_end(r)
            return value
        return r.compact_array(item) if self.flexible else r.array(item)

    def read_end(self, r):
        if self.flexible:
            r.tags()


def _call(address, key, version, body):
    with kwire.Connection(address, 20.0) as c:
        return c.call(key, version, body, flexible=version >= FLEXIBLE[key])


def alter(address, resources, validate_only=False, incremental=True, version=0):
    """resources: [(type, name, [(key, op, value) or (key, value)])]. Answers [(type, name, error code, message)]."""
    key = INCREMENTAL if incremental else ALTER
    f = Form(key, version)

    def row(change):
        name, op, value = change if incremental else (change[0], None, change[1])
        return f.text(name) + (struct.pack(">b", op) if incremental else b"") + f.text(value) + f.end
    body = f.array(struct.pack(">b", kind) + f.text(name) + f.array(row(c) for c in changes) + f.end for kind, name, changes in resources)
    r = _call(address, key, version, body + struct.pack(">b", validate_only) + f.end)
    r.take("i")

    def read():
        code, message, kind, name = r.take("h"), f.read_text(r), r.take("b"), f.read_text(r)
        return kind, name, code, message
    return f.read_array(r, read)


class Entry:
    """One setting as DescribeConfigs tells it."""

    def __init__(self, f, r, version):
        self.name, self.value, self.read_only = f.read_text(r), f.read_text(r), bool(r.take("b"))
        self.source, self.sensitive = r.take("b"), bool(r.take("b"))
        self.synonyms = f.read_array(r, lambda: (f.read_text(r), f.read_text(r), r.take("b")))
        self.type, self.doc = (r.take("b"), f.read_text(r)) if version >= 3 else (None, None)


def describe(address, kind, name, keys=None, synonyms=True, documentation=False, version=4):
    """(error code, message, {name: Entry} in the order of the answer)."""
    f = Form(DESCRIBE, version)
    wanted = None if keys is None else [f.text(k) for k in keys]
    body = f.array([struct.pack(">b", kind) + f.text(name) + f.array(wanted) + f.end]) + struct.pack(">b", synonyms)
    if version >= 3:
        body += struct.pack(">b", documentation)
    r = _call(address, DESCRIBE, version, body + f.end)
    r.take("i")

    def read():
        code, message = r.take("h"), f.read_text(r)
        r.take("b"), f.read_text(r)
        return code, message, f.read_array(r, lambda: Entry(f, r, version))
    (code, message, entries), = f.read_array(r, read)
    return code, message, {e.name: e for e in entries}


def list_resources(address, types=(), version=1):
    """(error code, {(type or None, name)})."""
    f = Form(LIST, version)
    body = f.array(struct.pack(">b", t) for t in types) if version >= 1 else b""
    r = _call(address, LIST, version, body + f.end)
    r.take("i")
    code = r.take("h")

    def read():
        name = f.read_text(r)
        return (r.take("b") if version >= 1 else None), name
    return code, set(f.read_array(r, read))


def create(address, name, partitions=1, replicas=1, configs=(), validate_only=False, version=7):
    """(error code, message, partitions, replicas, {name: (value, read_only, source, sensitive)} or None)."""
    f = Form(CREATE, version)
    rows = f.array(f.text(k) + f.text(v) + f.end for k, v in configs)
    topic = f.text(name) + struct.pack(">ih", partitions, replicas) + f.array([]) + rows + f.end
    r = _call(address, CREATE, version, f.array([topic]) + struct.pack(">ib", 20000, validate_only) + f.end)
    r.take("i")

    def setting():
        return f.read_text(r), (f.read_text(r), bool(r.take("b")), r.take("b"), bool(r.take("b")))

    def read():
        f.read_text(r)
        if version >= 7:
            r.take("q"), r.take("q")
        code, message = r.take("h"), f.read_text(r)
        if version < 5:
            return code, message, None, None, None
        count, factor = r.take("i"), r.take("h")
        rows = f.read_array(r, setting)
        return code, message, count, factor, dict(rows)
    answer, = f.read_array(r, read)
    return answer


# --- one record, to see whether a setting counts ---

def _crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ 0x82F63B78 if n & 1 else n >> 1
        table.append(n)
    return table


_CRC = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _signed(n):
    return varint(n << 1 if n >= 0 else (-n << 1) - 1)


def batch(value, timestamp_ms):
    record = b"\0" + _signed(0) + _signed(0) + _signed(-1) + _signed(len(value)) + value + _signed(0)
    body = struct.pack(">hiqqqhii", 0, 0, timestamp_ms, timestamp_ms, -1, -1, -1, 1) + _signed(len(record)) + record
    return struct.pack(">qiibI", 0, 9 + len(body), -1, 2, crc32c(body)) + body


def produce(address, topic, size, partition=0, acks=-1, timestamp_ms=None):
    """One record of `size` bytes; (error code, base offset, log append time)."""
    records = batch(b"x" * size, int(time.time() * 1000) if timestamp_ms is None else timestamp_ms)
    part = struct.pack(">i", partition) + struct.pack(">i", len(records)) + records
    body = kwire.text(None) + struct.pack(">hi", acks, 5000) + kwire.array([kwire.text(topic) + kwire.array([part])])
    with kwire.Connection(address, 20.0) as c:
        r = c.call(0, 3, body)
    r.take("i"), r.text(), r.take("i"), r.take("i")
    return r.take("h"), r.take("q"), r.take("q")
