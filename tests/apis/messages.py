"""Kafka messages as dicts, in every version: enough of the protocol for the suite, written from the published definitions.

A schema is a line of fields: `name:type`, `name[ fields ]` for an array of structs, `name[type]` for one of plain values; `?` behind
the name: may be null; `@3` behind it all: from version 3 on, `@3-5` up to version 5, `@12#0` only as tagged field 0 (left out when
sent). Types: bool i8 i16 i32 i64 str uuid bytes.
"""
import re, struct

FORMS = {"bool": "?", "i8": "b", "i16": "h", "i32": "i", "i64": "q", "u16": "H"}


class Field:
    def __init__(self, name, kind, nullable, first, last, tag):
        self.name, self.kind, self.nullable, self.first, self.last, self.tag = name, kind, nullable, first, last, tag


def parse(line):
    tokens = re.findall(r"\w+\??:\w+\S*|\w+\??\[(?:\w+\])?\S*|\]\S*", line)
    at = 0

    def fields():
        nonlocal at
        out = []
        while at < len(tokens) and not tokens[at].startswith("]"):
            token = tokens[at]
            at += 1
            name, nullable, rest = re.match(r"(\w+)(\??)(.*)", token).groups()
            if rest.startswith(":"):
                kind, tail = re.match(r":(\w+)(.*)", rest).groups()
            elif "]" in rest:
                kind, tail = re.match(r"\[(\w+)\](.*)", rest).groups()
                kind = [kind]
            else:
                kind = fields()
                tail = tokens[at][1:]
                at += 1
            m = re.match(r"\??(?:@(\d+)(?:-(\d+))?)?(?:#(\d+))?$", tail)
            first, last, tag = m.groups()
            out.append(Field(name, kind, bool(nullable) or tail.startswith("?"), int(first or 0), int(last or 99), tag and int(tag)))
        return out

    return fields()


class Message:
    """One API: key, versions, first flexible version, schemas of both ways."""

    def __init__(self, key, first, last, flexible, request, response):
        self.key, self.versions, self.flexible = key, range(first, last + 1), flexible
        self.request, self.response = parse(request), parse(response)

    def call(self, connection, version, **values):
        flexible = version >= self.flexible
        answer = connection.call(self.key, version, encode(self.request, version, flexible, values), flexible)
        return decode(self.response, version, flexible, answer)


def _count(n, flexible):
    if not flexible:
        return struct.pack(">i", n)
    n, out = n + 1, b""
    while n >= 0x80:
        out, n = out + bytes([n & 0x7F | 0x80]), n >> 7
    return out + bytes([n])


def _value(kind, flexible, value):
    if kind in FORMS:
        return struct.pack(">" + FORMS[kind], value)
    if kind == "uuid":
        return value
    raw = value.encode() if isinstance(value, str) else value
    if raw is None:
        return _count(-1, flexible) if flexible or kind == "bytes" else struct.pack(">h", -1)
    return (_count(len(raw), flexible) if flexible or kind == "bytes" else struct.pack(">h", len(raw))) + raw


def encode(fields, version, flexible, values):
    out = b""
    for f in fields:
        if not f.first <= version <= f.last or f.tag is not None:
            continue
        value = values[f.name]
        if not isinstance(f.kind, list):
            out += _value(f.kind, flexible, value)
        elif value is None:
            out += _count(-1, flexible)
        elif isinstance(f.kind[0], str):
            out += _count(len(value), flexible) + b"".join(_value(f.kind[0], flexible, v) for v in value)
        else:
            out += _count(len(value), flexible) + b"".join(encode(f.kind, version, flexible, v) for v in value)
    return out + (b"\0" if flexible else b"")


def _read(kind, flexible, r):
    if kind in FORMS:
        return r.take(FORMS[kind])
    if kind == "uuid":
        return r.take("16s")
    n = r.varint() - 1 if flexible else r.take("i" if kind == "bytes" else "h")
    if n < 0:
        return None
    value = bytes(r.data[r.at:r.at + n])
    r.at += n
    return value.decode() if kind == "str" else value


def decode(fields, version, flexible, r):
    out = {}
    for f in fields:
        if not f.first <= version <= f.last or f.tag is not None:
            continue
        if not isinstance(f.kind, list):
            out[f.name] = _read(f.kind, flexible, r)
            continue
        n = r.varint() - 1 if flexible else r.take("i")
        if n < 0:
            out[f.name] = None
        elif isinstance(f.kind[0], str):
            out[f.name] = [_read(f.kind[0], flexible, r) for _ in range(n)]
        else:
            out[f.name] = [decode(f.kind, version, flexible, r) for _ in range(n)]
    if flexible:
        tagged = {f.tag: f for f in fields if f.tag is not None and f.first <= version <= f.last}
        for _ in range(r.varint()):
            tag, size = r.varint(), r.varint()
            end = r.at + size
            if tag in tagged:
                f = tagged[tag]
                out[f.name] = decode(f.kind, version, True, r) if isinstance(f.kind, list) else _read(f.kind, True, r)
            r.at = end
    return out


CREATE_PARTITIONS = Message(37, 0, 3, 2,
    "topics[ name:str count:i32 assignments?[ broker_ids[i32] ] ] timeout_ms:i32 validate_only:bool",
    "throttle:i32 results[ name:str error:i16 message?:str ]")
ELECT_LEADERS = Message(43, 0, 2, 2,
    "type:i8@1 topics?[ topic:str partitions[i32] ] timeout_ms:i32",
    "throttle:i32 error:i16@1 results[ topic:str partitions[ index:i32 error:i16 message?:str ] ]")
UPDATE_FEATURES = Message(57, 0, 2, 0,
    "timeout_ms:i32 updates[ feature:str level:i16 downgrade:bool@0-0 kind:i8@1 ] validate_only:bool@1",
    "throttle:i32 error:i16 message?:str results[ feature:str error:i16 message?:str ]@0-1")
UNREGISTER_BROKER = Message(64, 0, 0, 0, "broker_id:i32", "throttle:i32 error:i16 message?:str")
DELETE_RECORDS = Message(21, 0, 2, 2,
    "topics[ name:str partitions[ index:i32 offset:i64 ] ] timeout_ms:i32",
    "throttle:i32 topics[ name:str partitions[ index:i32 low_watermark:i64 error:i16 ] ]")
DESCRIBE_LOG_DIRS = Message(35, 1, 5, 2,
    "topics?[ topic:str partitions[i32] ]",
    "throttle:i32 error:i16@3 results[ error:i16 log_dir:str topics[ name:str partitions[ index:i32 size:i64 lag:i64 future:bool ] ] "
    "total:i64@4 usable:i64@4 cordoned:bool@5 ]")
DESCRIBE_PRODUCERS = Message(61, 0, 0, 0,
    "topics[ name:str partitions[i32] ]",
    "throttle:i32 topics[ name:str partitions[ index:i32 error:i16 message?:str producers[ id:i64 epoch:i32 last_sequence:i32 "
    "last_timestamp:i64 coordinator_epoch:i32 txn_start:i64 ] ] ]")
DESCRIBE_QUORUM = Message(55, 0, 2, 0,
    "topics[ name:str partitions[ index:i32 ] ]",
    "error:i16 message?:str@2 topics[ name:str partitions[ index:i32 error:i16 message?:str@2 leader:i32 epoch:i32 high_watermark:i64 "
    "voters[ id:i32 dir:uuid@2 end:i64 fetched:i64@1 caught_up:i64@1 ] observers[ id:i32 dir:uuid@2 end:i64 fetched:i64@1 "
    "caught_up:i64@1 ] ] ] nodes[ id:i32 listeners[ name:str host:str port:u16 ] ]@2")
METADATA = Message(3, 1, 13, 9,
    "topics?[ id:uuid@10 name?:str ] auto_create:bool@4 cluster_operations:bool@8-10 topic_operations:bool@8",
    "throttle:i32@3 brokers[ id:i32 host:str port:i32 rack?:str ] cluster_id?:str@2 controller:i32 topics[ error:i16 name?:str "
    "id:uuid@10 internal:bool partitions[ error:i16 index:i32 leader:i32 epoch:i32@7 replicas[i32] isr[i32] offline[i32]@5 ] "
    "operations:i32@8 ] cluster_operations:i32@8-10 error:i16@13")
DESCRIBE_TOPIC_PARTITIONS = Message(75, 0, 0, 0,
    "topics[ name:str ] limit:i32 cursor:i8",
    "throttle:i32 topics[ error:i16 name?:str id:uuid internal:bool partitions[ error:i16 index:i32 leader:i32 epoch:i32 replicas[i32] "
    "isr[i32] elr?[i32] last_known_elr?[i32] offline[i32] ] operations:i32 ] cursor:i8")
FETCH = Message(1, 4, 12, 12,
    "replica:i32 max_wait_ms:i32 min_bytes:i32 max_bytes:i32 isolation:i8 session:i32@7 session_epoch:i32@7 topics[ topic:str "
    "partitions[ index:i32 leader_epoch:i32@9 offset:i64 last_epoch:i32@12 log_start:i64@5 max_bytes:i32 ] ] forgotten[ topic:str "
    "partitions[i32] ]@7 rack:str@11",
    "throttle:i32 error:i16@7 session:i32@7 topics[ topic:str partitions[ index:i32 error:i16 high_watermark:i64 last_stable:i64 "
    "log_start:i64@5 aborted?[ id:i64 first:i64 ] preferred:i32@11 records?:bytes ] ]")
