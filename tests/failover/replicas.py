"""Are all replicas of a partition the same bytes below the high watermark? Reads the segment files as they lie on the disks.

Segments may be cut at different places on different brokers (a truncation rolls), so what is compared is the sequence of record
batches: base offset, and every byte of the batch. Format: 8 bytes base offset, 4 bytes length, then so many bytes.
"""
import glob, hashlib, os, struct, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kwire


def batches(directory, below):
    """[(base offset, digest)] of the batches in the segments of a partition directory, in order of their segments."""
    found = []
    for path in sorted(glob.glob(os.path.join(directory, "*.log"))):
        with open(path, "rb") as f:
            data = f.read()
        at = 0
        while at + 12 <= len(data):
            base, length = struct.unpack_from(">qi", data, at)
            if length <= 0 or at + 12 + length > len(data):  # preallocated or still being written
                break
            if base < below:
                found.append((base, hashlib.blake2b(data[at:at + 12 + length], digest_size=16).digest()))
            at += 12 + length
    return found


def difference(cluster, topic, partition, replicas=3):
    """None when the replicas agree; else a sentence that names the first offset where they do not."""
    leader = cluster.leader(topic, partition)
    below = kwire.end_offset(cluster.nodes[leader].address, topic, partition)
    dirs = cluster.partition_dirs(topic, partition)
    if len(dirs) != replicas:
        return f"{topic}-{partition} lies on brokers {sorted(dirs)} only"
    logs = {node: batches(d, below) for node, d in dirs.items()}
    start = max(log[0][0] for log in logs.values() if log) if any(logs.values()) else 0
    logs = {node: [b for b in log if b[0] >= start] for node, log in logs.items()}
    reference = logs.pop(leader)
    if reference != sorted(reference, key=lambda b: b[0]):
        return f"{topic}-{partition}: broker {leader} has batches out of order"
    for node, log in logs.items():
        if log != reference:
            n = next((n for n, (a, b) in enumerate(zip(reference, log)) if a != b), min(len(reference), len(log)))
            where = (reference + log[len(reference):])[n][0]
            return (f"{topic}-{partition}: brokers {leader} and {node} differ from offset {where} on "
                    f"(high watermark {below}, {len(reference)} and {len(log)} batches)")
    return None


def all_equal(cluster, topic, partitions, timeout_s=10.0):
    """None, or the sentence of a difference that lasted."""
    end = time.monotonic() + timeout_s
    for partition in range(partitions):
        while True:
            try:
                found = difference(cluster, topic, partition)
            except (OSError, kwire.ProtocolError, KeyError) as e:
                found = f"{topic}-{partition}: {e}"
            if found is None:
                break
            if time.monotonic() > end:
                return found
            time.sleep(0.2)
    return None
