"""The history file: what clients tried, and what they were told. Written by the load programs (C and Python), read by the judge.

A file is the 8 bytes "ODRH0001" and then events of 48 bytes, little-endian, in the order in which their outcome became known:
  u64 invoked_ns, returned_ns   CLOCK_MONOTONIC of the host; for reads both are the time of the read
  u64 value                     the record's value id: producer number << 40 | counter, counted up in the order of the application's calls
  i64 offset                    as acknowledged or read; -1 unknown
  i32 partition
  u16 client                    the producer's or consumer's number
  u8  op                        SEND, POLL (a live consumer), FINAL (the last full read), RANGE (a FINAL read of this partition is
                                complete: value = log start, offset = end offset)
  u8  status                    OK, FAIL (certainly not written), INFO (unknown), CORRUPT (a read whose bytes are not what was sent)
  i32 code                      the protocol's error code behind FAIL and INFO; 0 otherwise
  u32 session                   consumer session: positions are continuous within one

A record's payload, 40 bytes and padding, makes misrouting and corruption evident by itself:
  u64 value, u32 crc32(topic), i32 partition, u32 producer, u32 length, u64 send time ns, u32 padding seed, u32 crc32 of all bytes but these four
"""
import struct, zlib
from collections import namedtuple

MAGIC = b"ODRH0001"
EVENT = struct.Struct("<QQQqiHBBiI")
SEND, POLL, FINAL, RANGE = 1, 2, 3, 4
OK, FAIL, INFO, CORRUPT = 0, 1, 2, 3
PAYLOAD = struct.Struct("<QIiIIQI")
PAYLOAD_MIN = PAYLOAD.size + 4

Event = namedtuple("Event", "invoked returned value offset partition client op status code session")


def read(*paths):
    """All events of the files, each file in its order."""
    events = []
    for path in paths:
        with open(path, "rb") as f:
            data = f.read()
        if data[:8] != MAGIC:
            raise ValueError(f"{path} is no history file")
        whole = 8 + (len(data) - 8) // EVENT.size * EVENT.size  # a killed writer may leave half an event
        events.extend(map(Event._make, EVENT.iter_unpack(data[8:whole])))
    return events


class Writer:
    def __init__(self, path):
        self.file = open(path, "wb")
        self.file.write(MAGIC)

    def write(self, *fields):
        self.file.write(EVENT.pack(*fields))

    def close(self):
        self.file.close()


def payload(value, topic_crc, partition, producer, length, now_ns):
    length = max(length, PAYLOAD_MIN)
    head = PAYLOAD.pack(value, topic_crc, partition, producer, length, now_ns, value & 0xFFFFFFFF)
    body = head + bytes([value & 0xFF]) * (length - PAYLOAD_MIN)
    return body + struct.pack("<I", zlib.crc32(body))


def payload_value(data, topic_crc, partition):
    """(value, good): good only if the bytes are whole and belong to this topic and partition."""
    if len(data) < PAYLOAD_MIN:
        return 0, False
    value, crc, part, _, length, _, _ = PAYLOAD.unpack_from(data)
    whole = zlib.crc32(data[:-4]) == struct.unpack("<I", data[-4:])[0]
    return value, whole and crc == topic_crc and part == partition and length == len(data)
