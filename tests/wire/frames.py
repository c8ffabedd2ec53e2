"""Records on the pipes of the workers that are not written in Python: worker write reads them, worker read writes them.

All numbers big-endian. A record is: partition int32, offset int64 (-1 where it is to be written), time in ms int64 (-1: the client's
own), key, value, number of headers int32, then name and value of each. A byte string is its length as int32 (-1: null) and its bytes.
Nothing comes behind the last record.
"""
import struct

import records as r

HEAD = struct.Struct(">iqq")


def _string(data):
    return b"\xff\xff\xff\xff" if data is None else struct.pack(">i", len(data)) + data


def write(spec, file):
    """The records of the spec, as they are to be written."""
    for partition, key, value, headers, time_ms in r.records(spec):
        file.write(HEAD.pack(partition, -1, -1 if time_ms is None else time_ms) + _string(key) + _string(value) +
                   struct.pack(">i", len(headers)))
        for name, data in headers:
            file.write(_string(name.encode()) + _string(data))


class _Reader:
    def __init__(self, file):
        self.file = file

    def take(self, length):
        data = self.file.read(length)
        if len(data) != length:
            raise ValueError("the client's records end in the middle of one")
        return data

    def int32(self):
        return struct.unpack(">i", self.take(4))[0]

    def string(self):
        length = self.int32()
        return None if length < 0 else self.take(length)


def rows(spec, file):
    """(partition, offset, digest) of each record in the file, for records.compare."""
    reader, out = _Reader(file), []
    while True:
        head = file.read(HEAD.size)
        if not head:
            return out
        partition, offset, time_ms = HEAD.unpack(head + reader.take(HEAD.size - len(head)))
        key, value = reader.string(), reader.string()
        headers = [(reader.string().decode(), reader.string()) for _ in range(reader.int32())]
        out.append((partition, offset, r.digest(key, value, headers, time_ms if spec.timed else None)))
