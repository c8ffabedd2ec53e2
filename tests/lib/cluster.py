"""Starts, hurts and stops a cluster of real processes on loopback: ours, or Apache Kafka beside it, behind one interface.

    with OdradekCluster(build_dir, data_dir, base_port=21000) as c:      # 3 controllers, 3 brokers
        c.start()
        c.kill(c.leader("orders", 0)); ...; c.restart(1); c.wait_isr_full("orders")

Node ids: brokers 1..B, controllers 101..100+C. Ports from base_port: controllers +0.., brokers +10.., admin listeners +20...
Each node has data_dir/<id>/ (its log dir), data_dir/<id>.properties and data_dir/<id>.log (its output over all its lives).
`external`, a host name or address, gives every broker a second listener EXTERNAL that is told under it, ports +40..
`overrides` {key: value} go into every file; `env` {node id or "all": {name: value}} into the environments.
Call from the main thread only: a node dies with the thread that started it, so that no run leaves servers behind.
"""
import http.client, os, re, shutil, signal, socket, subprocess, time

import fetch, kwire

READY_S = 60.0
COMPLAINT = re.compile(r"(?:WARNING|ERROR): \w+Sanitizer|: runtime error: |Assertion .* failed")
# Becomes the program itself: without a function to call before exec, Python need not copy its own memory for each process.
DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]


class Node:
    def __init__(self, cluster, node_id, role, port, admin_port):
        self.id, self.role, self.port, self.admin_port = node_id, role, port, admin_port
        self.dir = os.path.join(cluster.data_dir, str(node_id))
        self.conf, self.log = self.dir + ".properties", self.dir + ".log"
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def listening(self):
        with socket.socket() as s:
            s.settimeout(0.5)
            return s.connect_ex(("127.0.0.1", self.port)) == 0


class Cluster:
    name = "?"

    def __init__(self, data_dir, controllers=3, brokers=3, base_port=21000, overrides=None, env=None, external=None):
        self.data_dir, self.external = os.path.abspath(data_dir), external
        self.overrides, self.env = dict(overrides or {}), dict(env or {})
        os.makedirs(self.data_dir, exist_ok=True)
        self.nodes = {}
        for i in range(controllers):
            self._add(101 + i, "controller", base_port + i, base_port + 20 + i)
        for i in range(brokers):
            self._add(1 + i, "broker", base_port + 10 + i, base_port + 30 + i)
        self.voters = ",".join(f"{n.id}@{n.address}" for n in self.controllers)

    def _add(self, node_id, role, port, admin_port):
        self.nodes[node_id] = Node(self, node_id, role, port, admin_port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(hard=True)

    # what each kind of cluster says for itself
    def properties(self, node):
        raise NotImplementedError

    def command(self, node):
        raise NotImplementedError

    def prepare(self, node):
        """Called before each start of a node."""

    def node_ready(self, node):
        raise NotImplementedError

    @property
    def brokers(self):
        return [n for n in self.nodes.values() if n.role == "broker"]

    @property
    def controllers(self):
        return [n for n in self.nodes.values() if n.role == "controller"]

    @property
    def bootstrap(self):
        return ",".join(n.address for n in self.brokers)

    @property
    def pids(self):
        return {n.id: n.process.pid for n in self.nodes.values() if n.alive}

    def start(self):
        """All nodes at once; answers the seconds until every broker is ready."""
        began = time.monotonic()
        for node in self.nodes.values():
            self.write_config(node)
            self.prepare(node)
        for node in self.nodes.values():
            self.launch(node)
        self.wait_ready()
        return time.monotonic() - began

    def write_config(self, node):
        os.makedirs(node.dir, exist_ok=True)
        with open(node.conf, "w") as f:
            f.writelines(f"{k}={v}\n" for k, v in {**self.properties(node), **self.two_listeners(node), **self.overrides}.items())

    def external_address(self, node):
        return f"{self.external}:{node.port + 30}"

    def two_listeners(self, node):
        """Brokers talk by INTERNAL on loopback, EXTERNAL listens everywhere."""
        if not self.external or node.role != "broker":
            return {}
        return {"listeners": f"INTERNAL://{node.address},EXTERNAL://0.0.0.0:{node.port + 30}",
                "advertised.listeners": f"INTERNAL://{node.address},EXTERNAL://{self.external_address(node)}",
                "inter.broker.listener.name": "INTERNAL",
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT"}

    def launch(self, node):
        env = {**os.environ, **self.env.get("all", {}), **self.env.get(node.id, {})}
        with open(node.log, "ab") as out:
            node.process = subprocess.Popen(DIE_WITH_PARENT + self.command(node), stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                            env=env)

    def kill(self, node_id, sig=signal.SIGKILL):
        """Sends the signal; after SIGKILL the process is gone when this returns. Answers the monotonic time of the signal."""
        node, at = self.nodes[node_id], time.monotonic()
        node.process.send_signal(sig)
        if sig == signal.SIGKILL:
            node.process.wait()
        return at

    def terminate(self, node_id, timeout_s=READY_S):
        """SIGTERM; answers the exit code, None when the node had to be killed after the time."""
        node = self.nodes[node_id]
        node.process.terminate()
        try:
            return node.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill(node_id)
            return None

    def restart(self, node_id):
        """Starts a node that is down, on the data that it has; does not wait."""
        node = self.nodes[node_id]
        assert not node.alive, f"node {node_id} still runs"
        os.makedirs(node.dir, exist_ok=True)
        self.prepare(node)
        self.launch(node)

    def wipe(self, node_id, inside=None):
        """Empties a dead node's directory, or removes one directory inside it."""
        node = self.nodes[node_id]
        assert not node.alive, f"node {node_id} still runs"
        target = os.path.join(node.dir, inside) if inside else node.dir
        assert os.path.isdir(target), f"{target} is not there"
        shutil.rmtree(target)

    def stop(self, hard=False):
        """Ends every node: brokers first by SIGTERM, or all at once by SIGKILL. Answers {id: exit code}."""
        live = [n for n in self.nodes.values() if n.alive]
        for group in ([live] if hard else [[n for n in live if n.role == "broker"], [n for n in live if n.role == "controller"]]):
            for node in group:
                node.process.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
                node.process.send_signal(signal.SIGCONT)
            for node in group:
                try:
                    node.process.wait(20)
                except subprocess.TimeoutExpired:
                    node.process.kill()
                    node.process.wait()
        return {n.id: n.process.returncode for n in live}

    def wait_ready(self, timeout_s=READY_S):
        """Every live broker ready, and known to every other."""
        live = [n for n in self.brokers if n.alive]
        def all_ready():
            dead = [n.id for n in self.nodes.values() if n.process is not None and n.process.poll() is not None and n in live]
            if dead:
                raise RuntimeError(f"node {dead[0]} ended while it was waited for\n{self.tails(dead[0])}")
            return all(self.node_ready(n) and len(kwire.metadata(n.address, [], 2.0).brokers) >= len(live) for n in live)
        if not kwire.wait_until(all_ready, timeout_s):
            raise RuntimeError(f"{self.name}: not ready after {timeout_s:.0f} s\n{self.tails()}")

    def images(self, topic):
        """What each live broker knows, by id; raises OSError when one does not answer."""
        return {n.id: kwire.metadata(n.address, [topic], 2.0) for n in self.brokers if n.alive}

    def wait_isr_full(self, topic, timeout_s=READY_S):
        """Every live broker says that every partition has a leader and all its replicas in sync. Answers seconds, or None."""
        began = time.monotonic()
        def full():
            return all(len(i.topics[topic]) and all(p.full for p in i.topics[topic].values()) for i in self.images(topic).values())
        return time.monotonic() - began if kwire.wait_until(full, timeout_s, 0.05) else None

    def leaders(self, topic):
        """{partition: leader} as any live broker knows it."""
        def ask():
            for image in self.images(topic).values():
                found = {i: p.leader for i, p in image.topics[topic].items()}
                if found and all(leader >= 0 for leader in found.values()):
                    return found
        return kwire.wait_until(ask, READY_S)

    def leader(self, topic, partition):
        return self.leaders(topic)[partition]

    def create_topic(self, topic, partitions=3, replicas=3, configs=None, timeout_s=READY_S):
        """Creates and waits until all replicas are in sync."""
        def create():
            try:
                kwire.create_topic(next(n for n in self.brokers if n.alive).address, topic, partitions, replicas, configs)
            except kwire.ProtocolError as e:
                if e.code != kwire.TOPIC_EXISTS:
                    raise
            return True
        if not kwire.wait_until(create, timeout_s, 0.1) or self.wait_isr_full(topic, timeout_s) is None:
            raise RuntimeError(f"{self.name}: topic {topic} did not come up\n{self.tails()}")

    def active_controller(self, timeout_s=READY_S):
        """The id of the active controller: by DescribeQuorum, else the live controller to whom most brokers keep connections
        (brokers tail the metadata log of the active controller only)."""
        def ask():
            for n in self.brokers:
                found = kwire.quorum_leader(n.address) if n.alive else None
                if found in self.nodes and self.nodes[found].alive:
                    return found
            return self._most_connected()
        return kwire.wait_until(ask, timeout_s, 0.1)

    def _most_connected(self):
        inodes = {os.readlink(f"/proc/{n.process.pid}/fd/{fd}") for n in self.brokers if n.alive
                  for fd in os.listdir(f"/proc/{n.process.pid}/fd")}
        count = {n.port: 0 for n in self.controllers if n.alive}
        with open("/proc/net/tcp") as f:
            for row in list(f)[1:]:
                cell = row.split()
                port = int(cell[2].rsplit(":", 1)[1], 16)
                if cell[3] == "01" and port in count and f"socket:[{cell[9]}]" in inodes:
                    count[port] += 1
        ranked = sorted(count.items(), key=lambda item: -item[1])
        if not ranked or ranked[0][1] == 0 or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
            return None
        return next(n.id for n in self.controllers if n.port == ranked[0][0])

    def partition_dirs(self, topic, partition):
        """{broker id: directory} of the brokers that hold the partition now."""
        found = {n.id: os.path.join(n.dir, f"{topic}-{partition}") for n in self.brokers}
        return {i: d for i, d in found.items() if os.path.isdir(d)}

    def complaints(self):
        """What sanitizers and assertions said in the logs of all nodes, over all their lives: ["node: line"]."""
        found = []
        for node in self.nodes.values():
            if os.path.exists(node.log):
                with open(node.log, errors="replace") as f:
                    found += [f"{node.role} {node.id}: {line.strip()}" for line in f if COMPLAINT.search(line)]
        return found

    def tails(self, only=None, lines=15):
        """The last lines of the logs, for a failure's report."""
        out = []
        for node in self.nodes.values():
            if only in (None, node.id) and os.path.exists(node.log):
                with open(node.log, errors="replace") as f:
                    out.append(f"--- {node.role} {node.id}: {node.log}\n" + "".join(f.readlines()[-lines:]))
        return "\n".join(out)


class OdradekCluster(Cluster):
    name = "odradek"

    def __init__(self, build_dir, data_dir, **kw):
        super().__init__(data_dir, **kw)
        self.build_dir = os.path.abspath(build_dir)

    def properties(self, node):
        own = {"process.roles": node.role, "node.id": node.id, "log.dirs": node.dir, "controller.quorum.voters": self.voters,
               "controller.listener.names": "CONTROLLER"}
        if node.role == "controller":
            return {**own, "listeners": f"CONTROLLER://{node.address}"}
        return {**own, "listeners": f"PLAINTEXT://{node.address}", "admin.listeners": f"HTTP://127.0.0.1:{node.admin_port}"}

    def command(self, node):
        return [os.path.join(self.build_dir, node.role, f"odradek-{node.role}"), node.conf]

    def prepare(self, node):
        program = self.command(node)[0]
        if not os.access(program, os.X_OK):
            raise RuntimeError(f"{program} is not there: build first (ninja -C {os.path.relpath(self.build_dir)}), or name another --build")

    def node_ready(self, node):
        c = http.client.HTTPConnection("127.0.0.1", node.admin_port, timeout=2)
        try:
            c.request("GET", "/readyz")
            return c.getresponse().status in (200, 204)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            c.close()


class KafkaCluster(Cluster):
    name = "kafka"
    cluster_id = "T2RyYWRla1Rlc3RzMDAwMQ"  # 16 bytes, base64

    def __init__(self, data_dir, version=fetch.KAFKA_NEW, heap="512m", **kw):
        super().__init__(data_dir, **kw)
        self.jars, self.heap = fetch.kafka_jars(version), heap

    def properties(self, node):
        replicas = min(3, len(self.brokers))
        scheme = "CONTROLLER" if node.role == "controller" else "PLAINTEXT"
        return {"process.roles": node.role, "node.id": node.id, "log.dirs": node.dir, "controller.quorum.voters": self.voters,
                "controller.listener.names": "CONTROLLER", "listeners": f"{scheme}://{node.address}",
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
                "offsets.topic.replication.factor": replicas, "transaction.state.log.replication.factor": replicas,
                "share.coordinator.state.topic.replication.factor": replicas, "group.initial.rebalance.delay.ms": 0}

    def java(self, heap, main, *args):
        return ["java", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{self.jars}/*", main, *args]

    def prepare(self, node):
        """Kafka's own step before the first start on an empty directory."""
        if not os.path.exists(os.path.join(node.dir, "meta.properties")):
            done = subprocess.run(self.java("64m", "kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c", node.conf),
                                  capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"formatting node {node.id}: {done.stdout}{done.stderr}")

    def command(self, node):
        heap = self.heap if node.role == "broker" else "256m"
        return ["java", f"-Xmx{heap}", "-XX:+UseG1GC", "-cp", f"{self.jars}/*", "kafka.Kafka", node.conf]

    def node_ready(self, node):
        return node.listening()


def add_arguments(parser):
    """The arguments that every suite of real processes has."""
    parser.add_argument("--full", action="store_true", help="the sizes named in the issues instead of those of CI")
    parser.add_argument("--peer", choices=["kafka"], help="run against Apache Kafka instead of our own build")
    parser.add_argument("--build", default="build", help="build directory (default: build)")
    parser.add_argument("--port", type=int, default=int(os.environ.get("ODRADEK_TEST_PORT", "21000")), help="first port of about 100")
    parser.add_argument("--data", help="data directory (default: a fresh one under /tmp, removed when all went well)")


def make(options, data_dir, **kw):
    """The cluster that the arguments ask for."""
    if options.peer == "kafka":
        return KafkaCluster(data_dir, **kw)
    return OdradekCluster(options.build, data_dir, **kw)
