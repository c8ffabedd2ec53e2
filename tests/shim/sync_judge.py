"""Had the members synced past a record when it was acknowledged?

A record lies at some place of a segment file on each broker. It is on a broker's disk from the end of the first successful sync
(fsync, fdatasync, syncfs) of that file that began when the file already reached past the record. Both clocks are CLOCK_MONOTONIC of
one host, and the client's time of the answer is later than the server's: so the judge never accuses wrongly, and with every sync
delayed by some milliseconds it does not miss an answer that did not wait.
"""
import bisect, glob, os, struct

import shimlog


class Disk:
    """When each record of one partition on one broker was on the disk."""

    def __init__(self, directory, syncs):
        self.ends = []   # (last offset of a batch, inode, end position of the batch), ascending
        by_inode = {}
        for s in syncs:
            if s.result == 0 and s.op != shimlog.SYNC_FILE_RANGE:
                by_inode.setdefault(s.inode, []).append((s.size, s.end_ns))
        self.covered = {}
        for inode, rows in by_inode.items():
            rows.sort()
            best, out = None, []
            for size, end_ns in reversed(rows):  # earliest end among the syncs of at least this size
                best = end_ns if best is None else min(best, end_ns)
                out.append((size, best))
            self.covered[inode] = out[::-1]
        for path in sorted(glob.glob(os.path.join(directory, "*.log"))):
            self._segment(path)

    def _segment(self, path):
        inode = os.stat(path).st_ino
        with open(path, "rb") as f:
            data, at = f.read(), 0
        while at + 61 <= len(data):
            base, length = struct.unpack_from(">qi", data, at)
            if length <= 0 or at + 12 + length > len(data):
                break
            at, last = at + 12 + length, base + struct.unpack_from(">i", data, at + 23)[0]
            self.ends.append((last, inode, at))

    def on_disk_ns(self, offset):
        """The moment from which the record at the offset was on this disk; None: never."""
        at = bisect.bisect_left(self.ends, (offset,))
        if at == len(self.ends):
            return None
        _, inode, position = self.ends[at]
        rows = self.covered.get(inode, [])
        k = bisect.bisect_left(rows, (position,))
        return rows[k][1] if k < len(rows) else None


def violations(acks, disks, members):
    """acks: [(partition, offset, answered_ns)]; disks: {partition: {broker: Disk}}; members: how many brokers must have synced.
    Answers [(partition, offset, how many had)] of the acks that came too early, and the smallest margin in ns of the good ones."""
    early, margin = [], None
    for partition, offset, answered_ns in acks:
        moments = sorted(m for m in (d.on_disk_ns(offset) for d in disks[partition].values()) if m is not None)
        had = sum(m <= answered_ns for m in moments)
        if had < members:
            early.append((partition, offset, had))
        else:
            spare = answered_ns - moments[members - 1]
            margin = spare if margin is None else min(margin, spare)
    return early, margin
