"""Parts `readers`, `flood` and `limit`: clients that do not read, thousands of connections that never say anything, no descriptors left."""
import os, resource, select, socket, struct, time

import cluster, kwire, neighbour, words

HALF_OPEN, READERS, LIMIT = 5000, 100, 300
READ_ASKS = 1000  # requests that one of them sends without reading


def more_files(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < n:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(n, soft)), hard))
    return min(hard, max(n, soft)) >= n


def connect(address, receive_bytes=None):
    host, port = address.rsplit(":", 1)
    s = socket.socket()
    if receive_bytes:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    s.settimeout(10)
    s.connect((host, int(port)))
    return s


def pour(s, data, seconds):
    """Sends as much as is taken in this time; how much that was."""
    s.setblocking(False)
    sent, end = 0, time.monotonic() + seconds
    while sent < len(data) and time.monotonic() < end:
        try:
            sent += s.send(data[sent:sent + 65536])
        except BlockingIOError:
            select.select([], [s], [], 0.02)
        except OSError:
            break
    return sent


def readers(suite):
    """They ask and ask, and read nothing: answers in memory (ApiVersions), and from the log (Fetch)."""
    topic, broker = "hostile-readers", suite.broker
    suite.cluster.create_topic(topic, 1, min(3, len(suite.cluster.brokers)))
    leader = suite.cluster.nodes[suite.cluster.leader(topic, 0)]
    with kwire.Connection(leader.address, 20) as c:
        batch = words.batch([bytes(900000)])
        for _ in range(10):
            words.produce(c, topic, 0, batch)
    before = {n.id: suite.resident(n) for n in suite.cluster.brokers}
    asks = {"ApiVersions": b"".join(words.frame(words.head(words.API_VERSIONS, 0, i)) for i in range(READ_ASKS)),
            "Metadata": b"".join(words.frame(words.head(words.METADATA, 7, i) + struct.pack(">i", -1) + b"\0") for i in range(READ_ASKS)),
            "Fetch": b"".join(words.frame(words.head(words.FETCH, 4, i) + words.fetch_body(topic, 0, 0, bytes_max=50 << 20)) for i in range(READ_ASKS))}
    held = []
    for name, data in asks.items():
        mine = [connect(leader.address, 4096) for _ in range(READERS)]
        held += mine
        sent = sum(pour(s, data, 0.02) for s in mine)
        grown = suite.resident(leader) - before[leader.id]
        suite.check(grown < 64 << 20, f"readers: {READERS} clients ask {name} {sent // (len(data) // READ_ASKS)} times and read nothing: {grown / (1 << 20):.1f} MiB more memory")
        good, sentence = suite.neighbour.unharmed()
        suite.check(good, f"readers: {name}: {sentence}")
    s = held[0]
    s.setblocking(True)
    s.settimeout(20)
    count, got, wanted = 0, b"", 100
    while count < wanted:
        data = s.recv(65536)
        if not data:
            break
        got += data
        while len(got) >= 4 and len(got) >= 4 + struct.unpack(">i", got[:4])[0]:
            n = struct.unpack(">i", got[:4])[0]
            if struct.unpack(">i", got[4:8])[0] != count:
                raise RuntimeError("an answer out of order")
            count, got = count + 1, got[4 + n:]
    suite.check(count >= wanted, f"readers: one that begins to read at last finds its answers, in order ({count})")
    for s in held:
        s.close()


def flood(suite):
    """Thousands of connections that say nothing, or begin a frame and stop."""
    if not more_files(HALF_OPEN + 500):
        suite.out.note("flood: this user may not open so many files: not tried")
        return
    node = suite.broker
    before, held, began = suite.resident(node), [], time.monotonic()
    starts = (b"", b"\0", b"\0\0\0", struct.pack(">i", 104857600), struct.pack(">i", 104857600) + words.head(words.PRODUCE, 7) + bytes(100))
    for i in range(HALF_OPEN):
        s = connect(node.address)
        s.sendall(starts[i % len(starts)])
        held.append(s)
    seconds = time.monotonic() - began
    time.sleep(1)
    grown = suite.resident(node) - before
    suite.check(grown < 64 << 20, f"flood: {HALF_OPEN} half-open connections in {seconds:.1f} s, a fifth of them with the word of 100 MiB: {grown / (1 << 20):.1f} MiB more memory")
    good, sentence = suite.neighbour.unharmed()
    suite.check(good, f"flood: while they are there, {sentence}")
    with kwire.Connection(node.address, 10) as c:
        suite.check(c.call(words.API_VERSIONS, 0, b"").take("h") == 0, "flood: a new client is served beside them")
    for s in held:
        s.close()


class Limited(cluster.OdradekCluster):
    """Brokers that may open LIMIT files."""

    def command(self, node):
        program, *rest = super().command(node)
        if node.role == "controller":
            return [program, *rest]
        script = os.path.join(self.data_dir, "limited")
        if not os.path.exists(script):
            with open(script, "w") as f:
                f.write(f'#!/bin/sh\nulimit -n {LIMIT} && exec "{program}" "$@"\n')
            os.chmod(script, 0o755)
        return [script, *rest]


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def create_and_write(connection, topic, partitions):
    """On a connection that is there already; how many partitions could be written."""
    one = kwire.text(topic) + struct.pack(">ih", partitions, 1) + kwire.array([]) + kwire.array([])
    connection.call(words.CREATE_TOPICS, 2, kwire.array([one]) + struct.pack(">ib", 10000, 0))
    def write(partition):
        return words.produce(connection, topic, partition, words.batch([b"x"]))[0] == 0
    return sum(bool(kwire.wait_until(lambda: write(p), 20, 0.1)) for p in range(partitions))


def limit(suite):
    """More connections than descriptors: the rest waits, files can still be opened, and it ends when they end."""
    o, most = suite.o, LIMIT - LIMIT // 4
    with Limited(o.build, os.path.join(suite.data, "limit"), controllers=1, brokers=1, base_port=o.port + 40) as c:
        c.start()
        node = c.brokers[0]
        other = neighbour.Neighbour(c, partitions=1)
        other.unharmed()
        early = kwire.Connection(node.address, 30)
        held = [connect(node.address) for _ in range(most + 30)]  # the backlog holds 50
        time.sleep(0.5)
        fds = len(os.listdir(f"/proc/{node.process.pid}/fd"))
        suite.check(fds < LIMIT, f"limit: {len(held)} connections to a broker that may open {LIMIT} files: {fds} are open")
        made = create_and_write(early, "late", 10)
        suite.check(made == 10, "limit: a topic of 10 partitions is made and written all the same: descriptors are kept for files")
        good, sentence = other.unharmed()
        suite.check(good, f"limit: {sentence}")
        used = cpu_s(node.process.pid)
        time.sleep(1.5)
        used = cpu_s(node.process.pid) - used
        suite.check(used < 1.0, f"limit: the listener does not spin: {used:.2f} s of CPU in 1.5 s, the neighbour's included")
        for s in held:
            s.close()
        back = kwire.wait_until(lambda: kwire.metadata(node.address, [], 5.0), 20)
        suite.check(back, "limit: when they have gone, new clients are served")
        with open(node.log, errors="replace") as f:
            told = [line for line in f if "connections are open: new ones wait" in line]
        suite.check(0 < len(told) <= 5, f"limit: {len(told)} lines say so: {told[0].split('] ', 1)[-1].strip() if told else 'none'}")
        good, sentence = other.unharmed()
        suite.check(good, f"limit: {sentence}")
        other.stop()


PARTS = {"readers": readers, "flood": flood, "limit": limit}
