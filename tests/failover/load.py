"""The load of one scenario: producers and a consumer as processes of their own, whose histories are followed while they grow."""
import bisect, collections, os, signal, subprocess, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fetch, history as h, judge

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RAW_SOURCES = [f"tests/failover/raw_{part}.c" for part in ("client", "produce", "read", "conn", "proto", "history", "bytes")]
HANG_S = 60.0
RATE, SIZE = 1500, 100


def raw_client(build_dir):
    return fetch.compiled(build_dir, "tests/failover/raw_client", RAW_SOURCES, ROOT)


class Tail:
    """Reads the events that a history file has gained since the last look."""

    def __init__(self, path):
        self.path, self.at = path, 8

    def new(self):
        try:
            with open(self.path, "rb") as f:
                f.seek(self.at)
                data = f.read()
        except FileNotFoundError:
            return []
        whole = len(data) // h.EVENT.size * h.EVENT.size
        self.at += whole
        return map(h.Event._make, h.EVENT.iter_unpack(data[:whole]))


class Load:
    """kinds: "raw" and "confluent" producers, one process each; a raw consumer follows all the time."""

    def __init__(self, cluster, topic, directory, kinds=("raw",), partitions=3, build_dir=None, rate=RATE, extra=()):
        self.cluster, self.topic, self.partitions, self.directory = cluster, topic, partitions, directory
        self.kinds, self.rate, self.client = kinds, rate, raw_client(build_dir)
        self.extra = list(extra)
        os.makedirs(directory, exist_ok=True)
        self.processes, self.tails, self.final = {}, {}, os.path.join(directory, "final.history")
        self.acks = collections.defaultdict(list)  # partition -> times of acknowledgements, ascending, in seconds
        self.failures = []

    def raw(self, mode, path, number):
        return [self.client, mode, "--bootstrap", self.cluster.bootstrap, "--topic", self.topic, "--history", path,
                "--client", str(number)]

    def start(self):
        for number, kind in enumerate(self.kinds, 1):
            path = os.path.join(self.directory, f"{kind}.history")
            if kind == "raw":
                cmd = self.raw("produce", path, number) + ["--rate", str(self.rate), "--size", str(SIZE)] + self.extra
            else:
                cmd = [fetch.confluent_python(), os.path.join(HERE, "confluent_load.py"), self.cluster.bootstrap, self.topic,
                       str(self.partitions), path, str(number), str(self.rate), str(SIZE)]
            self._spawn(kind, cmd)
            self.tails[kind] = Tail(path)
        self._spawn("consumer", self.raw("tail", os.path.join(self.directory, "consumer.history"), 90))
        return self.wait_acks(time.monotonic())

    def _spawn(self, kind, cmd):
        with open(os.path.join(self.directory, f"{kind}.log"), "ab") as log:
            self.processes[kind] = subprocess.Popen(cmd, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def follow(self):
        for tail in self.tails.values():
            for e in tail.new():
                if e.status == h.OK:
                    times, at = self.acks[e.partition], e.returned / 1e9
                    if not times or at > times[-1]:
                        times.append(at)
                    elif at < times[-1]:  # two producers interleave
                        bisect.insort(times, at)
                else:
                    self.failures.append(e)

    def wait_acks(self, after, timeout_s=HANG_S):
        """Until every partition has an acknowledgement clearly after the moment; False when one has none in time, or a producer ended."""
        end = time.monotonic() + timeout_s
        while True:
            self.follow()
            if all(self.acks[p] and self.acks[p][-1] > after + 0.05 for p in range(self.partitions)):
                return True
            if time.monotonic() > end or any(self.processes[k].poll() is not None for k in self.kinds):
                return False
            time.sleep(0.01)

    def stop(self):
        """{kind: exit code} of the producers."""
        codes = {}
        for kind, process in self.processes.items():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for kind, process in self.processes.items():
            try:
                codes[kind] = process.wait(HANG_S + 10)
            except subprocess.TimeoutExpired:
                process.kill()
                codes[kind] = process.wait()
        self.follow()
        return codes

    def kill(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()

    def read_back(self):
        """The last full read; False when it did not come to its end."""
        with open(os.path.join(self.directory, "final.log"), "ab") as log:
            return subprocess.run(self.raw("read", self.final, 91), stdout=log, stderr=log).returncode == 0

    def judge(self):
        paths = [os.path.join(self.directory, f"{k}.history") for k in (*self.kinds, "consumer")] + [self.final]
        return judge.Judge(h.read(*paths))

    def logs(self):
        out = ""
        for kind in (*self.processes, "final"):
            path = os.path.join(self.directory, f"{kind}.log")
            if os.path.exists(path) and os.path.getsize(path):
                with open(path, errors="replace") as f:
                    out += f"--- {path}\n" + "".join(f.readlines()[-8:])
        return out
