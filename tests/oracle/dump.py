"""Apache Kafka's DumpLogSegments: calling it, and what it prints as data."""
import os, re, subprocess

TOOL = "org.apache.kafka.tools.DumpLogSegments"
FILES_PER_CALL = 150
BATCH = re.compile(
    r"baseOffset: (\d+) lastOffset: (\d+) count: (-?\d+) baseSequence: (-?\d+) lastSequence: (-?\d+) producerId: (-?\d+) "
    r"producerEpoch: (-?\d+) partitionLeaderEpoch: (-?\d+) isTransactional: (\w+) isControl: (\w+) deleteHorizonMs: \S+ "
    r"position: (\d+) (\w+): (-?\d+) size: (\d+) magic: (\d+) compresscodec: (\w+) crc: (\d+) isvalid: (\w+)$")
RECORD = re.compile(r"\| offset: (\d+) (?:CreateTime|LogAppendTime): (-?\d+) keySize: (-?\d+) valueSize: (-?\d+) "
                    r"sequence: (-?\d+) headerKeys: \[(.*?)\](.*)$")
MARKER = re.compile(r"endTxnMarker: (\w+) coordinatorEpoch: (-?\d+)")
OFFSET_ENTRY = re.compile(r"offset: (\d+) position: (\d+)$")
FOLLOWED = re.compile(r" +(-?\d+) is followed by \d+$")
TIME_ENTRY = re.compile(r"timestamp: (-?\d+) offset: (\d+)$")


class Oracle:
    def __init__(self, jars):
        self.jars = jars

    def lines(self, files, *options):
        """{file: lines that the tool printed about it}"""
        told = {f: [] for f in files}
        files = sorted(files)
        for i in range(0, len(files), FILES_PER_CALL):
            cmd = ["java", "-Xmx512m", "-cp", f"{self.jars}/*", TOOL, "--files", ",".join(files[i:i + FILES_PER_CALL]), *options]
            done = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            about = None
            for line in done.stdout.split("\n"):
                if line.startswith("Dumping "):
                    about = line[len("Dumping "):]
                elif line == f"{about} is empty.":
                    continue
                elif about in told and line:
                    told[about].append(line)
                elif line and about is None:
                    told[files[i]].append(line)
            if done.returncode:
                told[about or files[i]].append(f"the tool ended with {done.returncode}")
        return told

    def java(self, source, *args):
        """Output lines of a one-file program that uses the same jars."""
        done = subprocess.run(["java", "-Xmx256m", "-cp", f"{self.jars}/*", source, *args], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        return done.stdout.split("\n")[:-1] + ([] if done.returncode == 0 else [f"ended with {done.returncode}"])


def batches(lines):
    """(batches as dicts, trouble as sentences) of one .log file."""
    found, trouble = [], []
    for line in lines:
        batch, record = BATCH.match(line), RECORD.match(line)
        if batch:
            g = batch.groups()
            found.append({"base": int(g[0]), "last": int(g[1]), "count": int(g[2]), "baseSequence": int(g[3]),
                          "lastSequence": int(g[4]), "producer": int(g[5]), "producerEpoch": int(g[6]), "epoch": int(g[7]),
                          "transactional": g[8] == "true", "control": g[9] == "true", "position": int(g[10]),
                          "appendTime": g[11] == "LogAppendTime", "time": int(g[12]), "size": int(g[13]), "codec": g[15],
                          "crc": int(g[16]), "records": []})
            if g[14] != "2" or g[17] != "true":
                trouble.append(f"not valid: {line}")
        elif record and found:
            _record(found[-1], record)
        elif FOLLOWED.match(line):  # -1 stands for "nothing", which the tool says of some segments' first record
            trouble += [] if FOLLOWED.match(line).group(1) == "-1" else [line[:200]]
        elif not line.startswith(("Log starting offset", "Non-consecutive offsets in ")):
            trouble.append(line[:200])
    return found, trouble


def _record(batch, match):
    offset, time, key_size, value_size, sequence, headers, rest = match.groups()
    if batch["control"]:
        marker = MARKER.search(rest)
        batch["marker"] = marker.group(1) if marker else rest
        return
    key = value = None
    at = rest.find(" payload: ")
    if int(value_size) >= 0:
        value, rest = rest[at + len(" payload: "):], rest[:at]
    if int(key_size) >= 0:
        key = rest[len(" key: "):]
    batch["records"].append({"offset": int(offset), "time": int(time), "sequence": int(sequence), "key": key, "value": value,
                             "headers": headers.split(",") if headers else []})


def is_index(path):
    return path.endswith((".index", ".timeindex"))


def partition_files(dirs):
    """All files below these folders that the tool can read. A time index is read together with the offset index."""
    found = []
    for top in dirs:
        for where, _, names in os.walk(top):
            there = set(names)
            for name in names:
                stem, dot, kind = name.rpartition(".")
                if stem.isdigit() and kind in ("log", "index", "timeindex", "snapshot"):
                    if kind != "timeindex" or stem + ".index" in there:
                        found.append(os.path.join(where, name))
    return sorted(found)
