"""The scenarios: what is done to the cluster while the load runs. What must hold afterwards is the same for all (Scenario.run).

Each is a function of a Stage. `stage.must(condition, sentence)` ends a scenario that cannot go on; figures go to `stage.figure`.
"""
import os, random, signal, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kwire
import replicas
from figures import silence_ms
from load import HANG_S, Load

PARTITIONS, REPLICAS = 3, 3
CALM_S = 1.0  # steady load before each blow, so that the median gap means something


class Hung(Exception):
    """Something did not come back within the hang guard."""


class Stage:
    def __init__(self, cluster, name, load, figures, size, seed):
        self.cluster, self.name, self.load, self.figures, self.size = cluster, name, load, figures, size
        self.topic, self.random = load.topic, random.Random(seed)

    def must(self, good, sentence):
        if not good:
            raise Hung(sentence)
        return good

    def figure(self, what, value, unit="ms"):
        self.figures.add(self.name, what, value, unit)

    def full(self):
        """Waits for all ISRs, then lets the load run steadily for a moment. Answers the seconds until the ISRs were full."""
        seconds = self.cluster.wait_isr_full(self.topic, HANG_S)
        self.must(seconds is not None, f"the ISRs of {self.topic} are not full after {HANG_S:.0f} s")
        self.must(self.load.wait_acks(time.monotonic()), "a partition is not acknowledged any more")
        time.sleep(CALM_S + self.random.random() * 0.3)
        return seconds

    def silences(self, begin, led, prefix=""):
        self.load.follow()
        for p in range(PARTITIONS):
            quiet = silence_ms(self.load.acks[p], begin - CALM_S, time.monotonic())
            self.figure(prefix + ("silence, partitions it led" if p in led else "silence, partitions it followed"), quiet)

    def recovered(self, since, what):
        self.must(self.load.wait_acks(since), f"no acknowledgement of every partition within {HANG_S:.0f} s after {what}")

    def create_topic(self, name):
        """Seconds until the cluster has created a topic, asked of one broker after the other."""
        began, turn, live = time.monotonic(), 0, [n for n in self.cluster.brokers if n.alive]
        while time.monotonic() - began < HANG_S:
            try:
                kwire.create_topic(live[turn % len(live)].address, name, 1, min(REPLICAS, len(live)), timeout_s=5.0)
                return time.monotonic() - began
            except kwire.ProtocolError as e:
                if e.code == kwire.TOPIC_EXISTS:
                    return time.monotonic() - began
            except OSError:
                pass
            turn += 1
            time.sleep(0.005)
        raise Hung(f"topic {name} could not be created for {HANG_S:.0f} s")


def led_by(stage, broker):
    return {p for p, leader in stage.cluster.leaders(stage.topic).items() if leader == broker}


def leader_kill(stage):
    """SIGKILL of the leader of one partition after the other."""
    for k in range(stage.size):
        stage.full()
        victim = stage.cluster.leader(stage.topic, k % PARTITIONS)
        led, at = led_by(stage, victim), stage.cluster.kill(victim)
        stage.recovered(at, f"SIGKILL of broker {victim}")
        time.sleep(0.3)
        stage.silences(at, led)
        began = time.monotonic()
        stage.cluster.restart(victim)
        stage.must(stage.cluster.wait_isr_full(stage.topic, HANG_S) is not None, f"broker {victim} did not rejoin after SIGKILL")
        stage.figure("victim restarted and in sync", (time.monotonic() - began) * 1e3)


def controller_kill(stage):
    """SIGKILL of the active controller; topics are created again, produce does not notice."""
    for k in range(stage.size):
        stage.full()
        victim = stage.must(stage.cluster.active_controller(), "no active controller found")
        at = stage.cluster.kill(victim)
        stage.figure("topic creation resumes", stage.create_topic(f"{stage.topic}-made-{k}") * 1e3)
        stage.recovered(time.monotonic(), f"SIGKILL of controller {victim}")
        stage.load.follow()
        for p in range(PARTITIONS):
            stage.figure("silence of produce", silence_ms(stage.load.acks[p], at - CALM_S, time.monotonic()))
        stage.cluster.restart(victim)
        stage.must(kwire.wait_until(stage.cluster.nodes[victim].listening, HANG_S), f"controller {victim} does not listen")
        time.sleep(2.0)  # it catches up


def all_kill(stage):
    """SIGKILL of every process at once, then all are started again."""
    for _ in range(stage.size):
        stage.full()
        nodes = list(stage.cluster.nodes)
        for node in nodes:
            os.kill(stage.cluster.nodes[node].process.pid, signal.SIGKILL)
        for node in nodes:
            stage.cluster.nodes[node].process.wait()
        began = time.monotonic()
        for node in nodes:
            stage.cluster.restart(node)
        stage.recovered(began, "SIGKILL of all processes")
        firsts = [next(t for t in stage.load.acks[p] if t > began) for p in range(PARTITIONS)]
        stage.figure("first partition writable after start", (min(firsts) - began) * 1e3)
        stage.figure("all partitions writable after start", (max(firsts) - began) * 1e3)


def leader_stop(stage):
    """SIGSTOP of a leader for five seconds; a new leader takes over, the woken one steps down and rejoins."""
    for k in range(stage.size):
        stage.full()
        victim = stage.cluster.leader(stage.topic, k % PARTITIONS)
        led, at = led_by(stage, victim), stage.cluster.kill(victim, signal.SIGSTOP)
        while time.monotonic() < at + 5.0:
            stage.load.follow()
            time.sleep(0.05)
        woken = stage.cluster.kill(victim, signal.SIGCONT)
        stage.recovered(woken, f"SIGSTOP of broker {victim}")
        stage.silences(at, led)
        stage.must(stage.cluster.wait_isr_full(stage.topic, HANG_S) is not None, f"broker {victim} did not rejoin after SIGCONT")
        stage.figure("woken broker in sync", (time.monotonic() - woken) * 1e3)


def rolling_restart(stage):
    """SIGTERM and restart of one broker after the other, then of one controller after the other."""
    for _ in range(stage.size):
        for node in stage.cluster.brokers + stage.cluster.controllers:
            stage.full()
            led, at = (led_by(stage, node.id) if node.role == "broker" else set()), time.monotonic()
            code = stage.cluster.terminate(node.id)
            stage.must(code in (0, 143), f"{node.role} {node.id} answered SIGTERM with exit code {code}")
            stage.figure(f"{node.role} ends after SIGTERM", (time.monotonic() - at) * 1e3)
            stage.recovered(time.monotonic(), f"SIGTERM of {node.role} {node.id}")
            if node.role == "broker":
                stage.silences(at, led)
            stage.cluster.restart(node.id)
            stage.must(kwire.wait_until(node.listening, HANG_S), f"{node.role} {node.id} does not listen after its restart")
            stage.cluster.wait_ready()


def rejoin(stage, victim, what):
    began = time.monotonic()
    stage.cluster.restart(victim)
    stage.must(stage.cluster.wait_isr_full(stage.topic, HANG_S) is not None, f"broker {victim} did not rejoin with {what}")
    stage.figure(f"in sync again with {what}", (time.monotonic() - began) * 1e3)


def wiped_broker(stage):
    """A killed leader comes back with an empty directory."""
    for k in range(stage.size):
        stage.full()
        victim = stage.cluster.leader(stage.topic, k % PARTITIONS)
        at = stage.cluster.kill(victim)
        stage.cluster.wipe(victim)
        stage.recovered(at, f"SIGKILL of broker {victim}")
        rejoin(stage, victim, "an empty directory")


def wiped_partition(stage):
    """A killed leader comes back without the directory of the partition that it led."""
    for k in range(stage.size):
        stage.full()
        partition = k % PARTITIONS
        victim = stage.cluster.leader(stage.topic, partition)
        at = stage.cluster.kill(victim)
        stage.cluster.wipe(victim, f"{stage.topic}-{partition}")
        stage.recovered(at, f"SIGKILL of broker {victim}")
        rejoin(stage, victim, "an empty partition directory")


def wiped_partition_all(stage):
    """All brokers are killed, the leader's partition directory is lost, all start at once: the others have everything."""
    for k in range(stage.size):
        stage.full()
        partition = k % PARTITIONS
        victim = stage.cluster.leader(stage.topic, partition)
        for node in stage.cluster.brokers:
            os.kill(node.process.pid, signal.SIGKILL)
        for node in stage.cluster.brokers:
            node.process.wait()
        stage.cluster.wipe(victim, f"{stage.topic}-{partition}")
        began = time.monotonic()
        for node in stage.cluster.brokers:
            stage.cluster.restart(node.id)
        stage.recovered(began, "SIGKILL of all brokers and the loss of a leader's partition")


def wiped_controller(stage):
    """A controller comes back empty (the active one, then another); afterwards its vote counts: the quorum survives the loss of a third."""
    for k in range(stage.size):
        stage.full()
        active = stage.must(stage.cluster.active_controller(), "no active controller found")
        others = [n.id for n in stage.cluster.controllers if n.id != active]
        victim = active if k % 2 == 0 else others[0]
        stage.cluster.kill(victim)
        stage.cluster.wipe(victim)
        stage.create_topic(f"{stage.topic}-two-{k}")
        stage.cluster.restart(victim)
        stage.must(kwire.wait_until(stage.cluster.nodes[victim].listening, HANG_S), f"controller {victim} does not listen")
        time.sleep(5.0)  # it catches up and is made a voter again
        third = next(n.id for n in stage.cluster.controllers if n.id not in (victim, stage.cluster.active_controller()))
        stage.cluster.kill(third)
        stage.figure("topic creation with the emptied one's vote", stage.create_topic(f"{stage.topic}-vote-{k}") * 1e3)
        active = stage.cluster.active_controller()
        stage.cluster.restart(third)
        stage.must(kwire.wait_until(stage.cluster.nodes[third].listening, HANG_S), f"controller {third} does not listen")
        stage.must(active, "no active controller after a controller was emptied")
        time.sleep(2.0)


class Scenario:
    def __init__(self, name, act, kinds, ci, full, peer, sentence, peer_too=True):
        self.name, self.act, self.kinds, self.sentence, self.peer_too = name, act, kinds, sentence, peer_too
        self.sizes = {"ci": ci, "full": full, "peer": peer}

    def run(self, cluster, report, figures, directory, size, seed, build_dir):
        topic = f"failover-{self.name}"
        load = Load(cluster, topic, os.path.join(directory, self.name), self.kinds, PARTITIONS, build_dir)
        title = f"{self.name} x {size}: "
        hung, codes = None, {}
        try:
            cluster.create_topic(topic, PARTITIONS, REPLICAS, {"min.insync.replicas": 2})
            stage = Stage(cluster, self.name, load, figures, size, seed)
            stage.must(load.start(), "the load did not start: no acknowledgement of every partition")
            self.act(stage)
            codes = load.stop()
            stage.must(cluster.wait_isr_full(topic, HANG_S) is not None, f"the ISRs are not full {HANG_S:.0f} s after the last blow")
        except (Hung, RuntimeError) as e:
            hung = str(e)
        finally:
            load.kill()
        if not report.check(hung is None, title + (f"{self.sentence}; everything came back" if hung is None else hung)):
            report.note(load.logs() + cluster.tails())
            return False
        return self.verdict(cluster, report, load, codes, title)

    def verdict(self, cluster, report, load, codes, title):
        whole = report.check(load.read_back(), title + "every partition is read back to its end")
        judge = load.judge()
        seen = judge.summary()
        sound = report.check(not seen, title + f"{judge.counts['acknowledged']} records acknowledged to {' and '.join(load.kinds)}: " +
                             ("none lost, duplicated or reordered" if not seen else f"{seen}"))
        for name, rows in judge.found.items():
            report.note("\n       ".join(f"{name}: {row}" for row in rows[:5]))
        failed = {k: c for k, c in codes.items() if c != 0}
        calm = report.check(not failed and not load.failures, title + "no call of the application failed" if not failed and not load.failures
                            else title + f"{len(load.failures)} calls failed, exit codes {failed}")
        apart = replicas.all_equal(cluster, load.topic, PARTITIONS)
        equal = report.check(apart is None, title + (f"the {REPLICAS} replicas of each partition are the same bytes" if apart is None else apart))
        if not (whole and sound and calm and equal):
            report.note(load.logs())
        return whole and sound and calm and equal


SCENARIOS = [
    Scenario("leader-kill-confluent", leader_kill, ("confluent",), 10, 100, 2, "SIGKILL of leaders under confluent-kafka"),
    Scenario("leader-kill-raw", leader_kill, ("raw",), 10, 100, 2, "SIGKILL of leaders under the raw client"),
    Scenario("controller-kill", controller_kill, ("raw", "confluent"), 3, 20, 2, "SIGKILL of the active controller"),
    Scenario("all-kill", all_kill, ("raw",), 2, 10, 1, "SIGKILL of all six processes at once"),
    Scenario("leader-stop", leader_stop, ("raw",), 2, 10, 1, "SIGSTOP of a leader for 5 s"),
    Scenario("rolling-restart", rolling_restart, ("raw", "confluent"), 2, 5, 1, "rolling restart by SIGTERM"),
    Scenario("wiped-broker", wiped_broker, ("raw",), 2, 6, 1, "a killed broker comes back empty"),
    Scenario("wiped-partition", wiped_partition, ("raw",), 2, 6, 1, "a killed broker comes back without a partition"),
    Scenario("wiped-partition-all", wiped_partition_all, ("raw",), 2, 6, 1,
             "all brokers are killed, a leader's partition is lost", peer_too=False),
    Scenario("wiped-controller", wiped_controller, ("raw",), 2, 6, 1, "a controller comes back empty"),
]
