"""A few requests of the Kafka protocol, as the suites need them to look at a cluster from outside.

Only old, plain versions (no tagged fields) that every broker from 2.1 to today serves: Metadata 7, CreateTopics 2, DeleteTopics 1,
ListOffsets 1, ApiVersions 0; and DescribeQuorum 0, which has tagged fields only. One blocking connection per call: these are looks, not load.
"""
import socket, struct, time

TOPIC_EXISTS, NONE = 36, 0
FIND_COORDINATOR = 10


class ProtocolError(Exception):
    """An answer with an error code."""

    def __init__(self, what, code):
        super().__init__(f"{what}: error code {code}")
        self.code = code


class Reader:
    """Takes fields one after the other from an answer."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value, = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return value

    def text(self):
        return self._bytes(self.take("h"))

    def array(self, read):
        return [read() for _ in range(max(0, self.take("i")))]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take("B")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def compact_text(self):
        return self._bytes(self.varint() - 1)

    def compact_array(self, read):
        return [read() for _ in range(max(0, self.varint() - 1))]

    def tags(self):
        for _ in range(self.varint()):
            self.varint()
            self.at += self.varint()

    def _bytes(self, length):
        if length < 0:
            return None
        value = bytes(self.data[self.at:self.at + length]).decode()
        self.at += length
        return value


def text(value):
    if value is None:
        return struct.pack(">h", -1)
    raw = value.encode()
    return struct.pack(">h", len(raw)) + raw


def array(items):
    items = list(items)
    return struct.pack(">i", len(items)) + b"".join(items)


class Connection:
    """One connection; `address` is 'host:port'. Raises OSError when it cannot be had or breaks."""

    def __init__(self, address, timeout_s=5.0):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout_s)
        self.socket.settimeout(timeout_s)
        self.correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def call(self, key, version, body, flexible=False):
        self.correlation += 1
        head = struct.pack(">hhi", key, version, self.correlation) + text("odradek-tests") + (b"\0" if flexible else b"")
        self.socket.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
        answer = Reader(self._read(struct.unpack(">i", self._read(4))[0]))
        if answer.take("i") != self.correlation:
            raise OSError("the answer belongs to another request")
        if flexible:
            answer.tags()
        return answer

    def _read(self, length):
        out = bytearray()
        while len(out) < length:
            got = self.socket.recv(length - len(out))
            if not got:
                raise ConnectionError("the broker closed the connection")
            out += got
        return out


class Partition:
    """What one broker says of a partition."""

    def __init__(self, r):
        self.error, self.index, self.leader, self.epoch = r.take("h"), r.take("i"), r.take("i"), r.take("i")
        self.replicas, self.isr, self.offline = (r.array(lambda: r.take("i")) for _ in range(3))

    @property
    def full(self):
        return self.leader >= 0 and self.error == 0 and sorted(self.isr) == sorted(self.replicas)


class Image:
    """The answer to Metadata 7: brokers {id: 'host:port'}, cluster id, topics {name: {partition: Partition}}, errors {name: code}."""

    def __init__(self, r):
        r.take("i")
        self.brokers = {}
        for _ in range(r.take("i")):
            node, host, port = r.take("i"), r.text(), r.take("i")
            r.text()
            self.brokers[node] = f"{host}:{port}"
        self.cluster_id, self.controller = r.text(), r.take("i")
        self.topics, self.errors = {}, {}
        for _ in range(r.take("i")):
            code, name = r.take("h"), r.text()
            r.take("b")
            self.errors[name] = code
            self.topics[name] = {p.index: p for p in r.array(lambda: Partition(r))}


def metadata(address, topics=None, timeout_s=5.0):
    wanted = struct.pack(">i", -1) if topics is None else array(text(t) for t in topics)
    with Connection(address, timeout_s) as c:
        return Image(c.call(3, 7, wanted + b"\0"))


def api_versions(address, timeout_s=5.0):
    """{API key: (least, greatest version)} as the broker advertises them."""
    with Connection(address, timeout_s) as c:
        r = c.call(18, 0, b"")
    code = r.take("h")
    if code != NONE:
        raise ProtocolError("versions of the APIs", code)
    return {key: versions for key, *versions in r.array(lambda: (r.take("h"), r.take("h"), r.take("h")))}


def create_topic(address, name, partitions, replicas, configs=None, timeout_s=5.0):
    """Raises ProtocolError for any answer but 'created'."""
    rows = array(text(k) + text(str(v)) for k, v in (configs or {}).items())
    topic = text(name) + struct.pack(">ih", partitions, replicas) + array([]) + rows
    with Connection(address, timeout_s) as c:
        r = c.call(19, 2, array([topic]) + struct.pack(">ib", int(timeout_s * 1000), 0))
    r.take("i"), r.take("i"), r.text()
    code = r.take("h")
    if code != NONE:
        raise ProtocolError(f"creating topic {name}", code)


def delete_topic(address, name, timeout_s=5.0):
    with Connection(address, timeout_s) as c:
        r = c.call(20, 1, array([text(name)]) + struct.pack(">i", int(timeout_s * 1000)))
    r.take("i"), r.take("i"), r.text()
    code = r.take("h")
    if code != NONE:
        raise ProtocolError(f"deleting topic {name}", code)


def end_offset(address, topic, partition, at=-1):
    """The high watermark (at=-1) or the log start (at=-2) as the leader at `address` answers it."""
    with Connection(address) as c:
        r = c.call(2, 1, struct.pack(">i", -1) + array([text(topic) + array([struct.pack(">iq", partition, at)])]))
    r.take("i"), r.text(), r.take("i"), r.take("i")
    code = r.take("h")
    if code != NONE:
        raise ProtocolError(f"offsets of {topic}-{partition}", code)
    r.take("q")
    return r.take("q")


def quorum_leader(address):
    """The id of the active controller by DescribeQuorum; None where the broker does not serve that request."""
    topic = b"\x02" + b"\x13__cluster_metadata" + b"\x02" + struct.pack(">i", 0) + b"\0" + b"\0"
    try:
        with Connection(address, 2.0) as c:
            r = c.call(55, 0, topic + b"\0", flexible=True)
        if r.take("h") != NONE:
            return None
        r.varint(), r.compact_text(), r.varint(), r.take("i")
        return r.take("i") if r.take("h") == NONE else None
    except (OSError, struct.error):
        return None


def wait_until(check, timeout_s, pause_s=0.02):
    """Calls `check` until it answers something true; that, or None after the time. OSError and ProtocolError count as 'not yet'."""
    end = time.monotonic() + timeout_s
    while True:
        try:
            found = check()
        except (OSError, ProtocolError, struct.error, IndexError):
            found = None
        if found or time.monotonic() > end:
            return found
        time.sleep(pause_s)
