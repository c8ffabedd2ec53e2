"""Kafka's words as a hostile client would say them: frames, record batches and requests, right and wrong, from bytes up.

Shares no code with the product. Only plain versions: Produce 7, Fetch 4, ApiVersions 0.
"""
import os, socket, struct, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kwire

PRODUCE, FETCH, METADATA, API_VERSIONS, CREATE_TOPICS = 0, 1, 3, 18, 19


def _table():
    rows = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
        rows.append(i)
    return rows


_CRC = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def varint(value):
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def record(value, delta=0):
    body = b"\0" + varint(0) + varint(delta) + varint(-1) + varint(len(value)) + value + varint(0)
    return varint(len(body)) + body


def batch(values, codec=0, records=None, count=None, magic=2, last_delta=None, crc=None, stamp=1700000000000, length=None):
    """A record batch v2; the named arguments put wrong facts into it. `records`: the (compressed) bytes behind the header."""
    body = b"".join(record(v, i) for i, v in enumerate(values)) if records is None else records
    n = len(values) if count is None else count
    tail = struct.pack(">hiqqqhii", codec, n - 1 if last_delta is None else last_delta, stamp, stamp, -1, -1, -1, n) + body
    head = struct.pack(">ibI", 0, magic, crc32c(tail) if crc is None else crc)
    return struct.pack(">qi", 0, len(head + tail) if length is None else length) + head + tail


def head(key, version, correlation=1, client="hostile"):
    return struct.pack(">hhi", key, version, correlation) + kwire.text(client)


def frame(payload):
    return struct.pack(">i", len(payload)) + payload


def produce_body(topic, partition, records, acks=-1, timeout_ms=10000):
    part = struct.pack(">i", partition) + struct.pack(">i", len(records)) + records
    return kwire.text(None) + struct.pack(">hi", acks, timeout_ms) + kwire.array([kwire.text(topic) + kwire.array([part])])


def fetch_body(topic, partition, offset, wait_ms=500, bytes_max=1 << 20):
    part = struct.pack(">iqi", partition, offset, bytes_max)
    return struct.pack(">iiiib", -1, wait_ms, 1, bytes_max, 0) + kwire.array([kwire.text(topic) + kwire.array([part])])


def produce(connection, topic, partition, records, acks=-1):
    """(error code, base offset)"""
    r = connection.call(PRODUCE, 7, produce_body(topic, partition, records, acks))
    r.take("i"), r.text(), r.take("i"), r.take("i")
    return r.take("h"), r.take("q")


def fetch(connection, topic, partition, offset, wait_ms=500):
    """(error code, high watermark, record bytes)"""
    r = connection.call(FETCH, 4, fetch_body(topic, partition, offset, wait_ms))
    r.take("i"), r.take("i"), r.text(), r.take("i"), r.take("i")
    code, high = r.take("h"), r.take("q")
    r.take("q"), r.array(lambda: r.take("qq"))
    n = r.take("i")
    return code, high, bytes(r.data[r.at:r.at + max(0, n)])


class Raw:
    """A socket that says what it is told, and listens."""

    def __init__(self, address, timeout_s=10.0):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout_s)
        self.socket.settimeout(timeout_s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def say(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # the other side has heard enough; what it said about it is still to be read

    def end(self):
        """Everything until the other side closes; None when it does not close in time."""
        out = b""
        while True:
            try:
                got = self.socket.recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                return out
            except socket.timeout:
                return None
            if not got:
                return out
            out += got

    def answer(self):
        """One frame, without its length; None when the connection closes first."""
        data = self.exactly(4)
        return data and self.exactly(struct.unpack(">i", data)[0])

    def exactly(self, n):
        out = b""
        while len(out) < n:
            try:
                got = self.socket.recv(n - len(out))
            except (ConnectionError, socket.timeout):
                return None
            if not got:
                return None
            out += got
        return out


def said_to(address, data, timeout_s=10.0):
    """What is answered to these bytes until the other side closes; None: it stays open."""
    with Raw(address, timeout_s) as raw:
        raw.say(data)
        return raw.end()
