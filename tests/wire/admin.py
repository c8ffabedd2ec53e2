"""What admin clients are told about a topic that they make, change and delete: one table for all of them.

A client's worker gets the bootstrap addresses and a topic's name and prints a JSON object; what it has no call for it leaves out.
Standard library only: the clients' own interpreters import it.
"""
import time

PATIENCE_S = 10.0
RETENTION_MS, ALTERED_MS = "86400000", "43200000"
EXISTS = ("TOPIC_ALREADY_EXISTS", "TopicExistsException", "TopicAlreadyExistsError")
BAD_PARTITIONS = ("INVALID_PARTITIONS", "InvalidPartitionsException", "InvalidPartitionsError")
BAD_CONFIG = ("INVALID_CONFIG", "InvalidConfigurationException", "InvalidConfigurationError")
OUT_OF_RANGE = ("OFFSET_OUT_OF_RANGE", "OffsetOutOfRangeException", "OffsetOutOfRangeError")
NOT_NEEDED = ("ELECTION_NOT_NEEDED", "ElectionNotNeededException", "none")  # kafka-python takes it for success


def until(ask, patience_s=PATIENCE_S):
    """Asks until the answer is true; that, or the last one: one broker knows a moment after another."""
    end = time.monotonic() + patience_s
    while True:
        try:
            found = ask()
        except Exception:
            if time.monotonic() > end:
                raise
            found = None
        if found or time.monotonic() > end:
            return found
        time.sleep(0.05)


def wanted(brokers, voters):
    """field -> what it may be"""
    none = ("none",)
    return {"created": none, "again": EXISTS, "listed": (True,), "partitions": ([[i, 3, 3] for i in range(3)],), "brokers": (brokers,),
            "clusterId": (22,), "retention": (RETENTION_MS,), "ends": ([[0, 0], [1, 3], [2, 0]],), "low": (2,), "deleteRecords": none,
            "starts": ([[0, 0], [1, 2], [2, 0]],), "beyond": OUT_OF_RANGE, "alter": none, "altered": (ALTERED_MS,),
            "badConfig": BAD_CONFIG, "grown": none, "count": (4,), "shrunk": BAD_PARTITIONS, "elected": NOT_NEEDED,
            "holders": (brokers,), "voters": (voters,), "deleted": none, "gone": (True,)}


LEAST = 12  # fields that every client tells


def wrong(told, brokers, voters):
    """Sentences of what is not as it should be."""
    table = wanted(brokers, voters)
    out = [f"{name}: {value}" + ("" if name not in table else f", not {' or '.join(map(str, table[name]))}")
           for name, value in told.items() if name not in table or value not in table[name]]
    return out if len(told) >= LEAST else out + [f"only {', '.join(told)}"]
