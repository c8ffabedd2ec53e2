"""What a gigabyte and a request cost the servers, beside the floor: the same loader sends the same bytes to both, in turns, in one
private network namespace, and the kernel says what CPU the server processes used meanwhile.
"""
import contextlib, os, socket, statistics, subprocess, time

import cluster, kwire, netns, procfs

KIB = 1024
SIZES = {"128k": (128 * KIB, 8), "16k": (16 * KIB, 16), "1k": (KIB, 64)}  # bytes of a batch, requests on their way
FETCH = 1 << 20


class Row:
    def __init__(self, name, size, replicas, acks, durability=None, fetch=False):
        self.name, self.size, self.replicas, self.acks, self.durability, self.fetch = name, size, replicas, acks, durability, fetch

    def count(self, full):
        """Requests of a round: enough CPU time for a figure, little enough for the page cache."""
        payload = (256 << 20 if self.replicas == 3 else 512 << 20) if full else (16 << 20)
        return min(payload // SIZES[self.size][0], (100000 if self.replicas == 3 else 200000) if full else 4000)


ROWS = ([Row(f"produce {s}, 1 replica, acks=1", s, 1, 1) for s in SIZES]
        + [Row("fetch 1 MiB", "128k", 1, 1, fetch=True)]
        + [Row(f"produce {s}, 3 replicas, acks=all, pagecache", s, 3, -1, "pagecache") for s in SIZES]
        + [Row(f"produce {s}, 3 replicas, acks=all, disk", s, 3, -1, "disk") for s in SIZES])


class Floor:
    """The floor's processes for one row."""

    def __init__(self, o, folder, row):
        os.makedirs(folder, exist_ok=True)
        self.port, self.processes = o.port + 60, []
        program, sync = os.path.join(o.build, "tests", "bench", "bench_floor"), f"sync={int(row.durability == 'disk')}"
        self.start([program, "leader", str(self.port), os.path.join(folder, "0"), f"replicas={row.replicas}", sync], self.port)
        for i in range(1, row.replicas):
            self.start([program, "follower", str(self.port + i), os.path.join(folder, str(i)), str(self.port), str(i), sync], self.port + i)

    def start(self, command, port):
        self.processes.append(subprocess.Popen(command))
        def listening():
            with socket.create_connection(("127.0.0.1", port), 1):
                return True
        if not kwire.wait_until(listening, 10):
            raise RuntimeError(f"the floor does not listen on port {port}")

    @property
    def pids(self):
        return [p.pid for p in self.processes]

    def stop(self):
        for p in self.processes:
            p.kill()
            p.wait()


class Ours:
    def __init__(self, c, row, number):
        self.topic = f"cost{number}"
        configs = {"durability": row.durability} if row.durability and c.name == "odradek" else {}
        if row.replicas == 3:
            configs["min.insync.replicas"] = 2
        c.create_topic(self.topic, 1, row.replicas, configs)
        leader = c.nodes[c.leader(self.topic, 0)]
        self.address, self.pids = leader.address, [n.process.pid for n in c.brokers]
        if kwire.wait_until(lambda: kwire.end_offset(self.address, self.topic, 0) == 0, 20) is None:
            raise RuntimeError(f"{self.topic} is not served by its leader\n{c.tails()}")


def load(o, address, topic, row, count, fetch):
    """Runs the loader; answers (requests, bytes, next offset, seconds)."""
    size, window = SIZES[row.size]
    program = [os.path.join(o.build, "tests", "bench", "bench_load")]
    if fetch:
        command = ["fetch", "--bytes", str(FETCH), "--total", str(count)]
    else:
        command = ["produce", "--acks", str(row.acks), "--bytes", str(size), "--count", str(count), "--window", str(window)]
    done = subprocess.run(program + command + ["--to", address, "--topic", topic], capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(f"{row.name}: {done.stderr.strip() or done.returncode}")
    requests, payload, offset, us = (int(n) for n in done.stdout.split())
    return requests, payload, offset, us / 1e6


def measured(pids, work):
    """CPU seconds that these processes used while the work was done, with what followed it within a moment; and its answer."""
    before = sum(procfs.cpu_s(p) for p in pids)
    answer = work()
    time.sleep(0.05)
    return sum(procfs.cpu_s(p) for p in pids) - before, answer


def one(o, row, address, topic, pids, full):
    """One round at one server: a short one to warm it, then the measured one. Answers a figure and whether the counts fit."""
    count = row.count(full)
    _, _, warm, _ = load(o, address, topic, row, max(1, count // 8), False)
    if row.fetch:
        _, written, end, _ = load(o, address, topic, row, count, False)
        load(o, address, topic, row, written // 8, True)
        cpu, (requests, payload, offset, seconds) = measured(pids, lambda: load(o, address, topic, row, written, True))
        fits = payload >= written and warm < offset <= end
    else:
        cpu, (requests, payload, offset, seconds) = measured(pids, lambda: load(o, address, topic, row, count, False))
        fits = requests == count and offset * max(1, count // 8) == warm * (count + max(1, count // 8))
    return {"cpu_s_per_gb": cpu / payload * 1e9, "us_per_request": cpu / requests * 1e6, "mb_per_s": payload / seconds / 1e6}, fits


def middle(rounds):
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


def compare(o, c, folder, row, number, out):
    ours, floor, good = [], [], True
    for i in range(o.rounds or (3 if o.full else 1)):
        if not o.peer:
            stick = Floor(o, os.path.join(folder, f"floor{number}.{i}"), row)
            try:
                figures, fits = one(o, row, f"127.0.0.1:{stick.port}", "load", stick.pids, o.full)
                floor, good = floor + [figures], good and fits
            finally:
                stick.stop()
        server = Ours(c, row, f"{number}x{i}")
        figures, fits = one(o, row, server.address, server.topic, server.pids, o.full)
        ours, good = ours + [figures], good and fits
        kwire.delete_topic(server.address, server.topic)
    mine, least = middle(ours), middle(floor or ours)
    ratio = mine["cpu_s_per_gb"] / least["cpu_s_per_gb"]
    out.note(f"{row.name:45} CPU-s/GB {mine['cpu_s_per_gb']:7.3f} beside {least['cpu_s_per_gb']:7.3f}, us/request {mine['us_per_request']:8.2f} "
             f"beside {least['us_per_request']:8.2f}, MB/s {mine['mb_per_s']:6.0f} beside {least['mb_per_s']:6.0f}: {ratio:5.2f} x")
    out.check(good, f"cost: {row.name}: every request answered once and in order, the bytes and offsets as sent")
    return {"name": row.name, "servers": mine, "floor": least, "ratio": ratio}


@contextlib.contextmanager
def quiet_network(out):
    """A loopback of our own, with plain congestion control: some machines default to one that spoils loopback."""
    try:
        here = netns.Namespace()
    except netns.Refused as e:
        out.note(f"{e}: measuring on the machine's own loopback")
        yield
        return
    with here:
        with open("/proc/sys/net/ipv4/tcp_congestion_control", "w") as f:
            f.write("reno")
        yield


def run(o, data, out):
    rows = [r for r in ROWS if o.only in r.name]
    with quiet_network(out), cluster.make(o, os.path.join(data, "nodes"), base_port=o.port) as c:
        c.start()
        out.note(procfs.machine())
        return [compare(o, c, data, row, i, out) for i, row in enumerate(rows)]
