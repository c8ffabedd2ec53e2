"""Brokers with two listeners: who comes by one is told the addresses of that one, brokers talk by the internal one, and a client in
another network namespace, which reaches nothing but the external addresses, writes, reads and follows a leader that died."""
import os, time

import clients as stock
import cluster, kwire, netns
import records as r

HERE_IP, THERE_IP = "10.77.0.1", "10.77.0.2"
ESTABLISHED = "01"


class Listeners:
    """One cluster in a namespace of its own, and the namespace of the client."""

    def __init__(self, options, clients, out, data_dir):
        self.o, self.clients, self.out, self.data_dir = options, clients, out, data_dir

    def run(self):
        try:
            here, self.there = netns.pair(HERE_IP, THERE_IP)
        except (netns.Refused, FileNotFoundError) as e:
            self.out.check(False, f"a client in another network namespace: {e}")
            return
        with here, cluster.make(self.o, self.data_dir, base_port=self.o.port, external=HERE_IP) as self.cluster:
            self.inside = {n.id: n.address for n in self.cluster.brokers}
            self.outside = {n.id: self.cluster.external_address(n) for n in self.cluster.brokers}
            failed = self.out.failed
            try:
                self.cluster.start()
                self.cluster.create_topic("two-listeners", 3, 3)
                self.told()
                self.records("confluent", "franz-go", "two-outside")
                self.records("kafka-clients-4.3", "kafka-python", "two-inside", from_inside=True)
                self.brokers_alone()
                self.leader_dies()
            except RuntimeError as e:
                self.out.check(False, str(e))
            if self.out.failed > failed:
                self.out.note(self.cluster.tails())

    def told(self):
        for name, addresses in (("internal", self.inside), ("external", self.outside)):
            wrong = {a: found for a in addresses.values() if (found := kwire.metadata(a).brokers) != addresses}
            self.out.check(not wrong, f"who comes by the {name} listener is told the {name} addresses" +
                           "".join(f"\n{a} tells {found}" for a, found in wrong.items()))
        with self.there:
            reached = [a for a in self.inside.values() if kwire.wait_until(lambda: kwire.metadata(a), 0)]
            wrong = [a for a in self.outside.values() if kwire.metadata(a).brokers != self.outside]
        self.out.check(not wrong and not reached, "from the other namespace the external addresses are reached, the internal ones not")

    def brokers_alone(self):
        """The clients are gone, followers keep their connections: each broker has some by which it is followed."""
        def established():
            rows = []
            for table in ("tcp", "tcp6"):
                with open(f"/proc/thread-self/net/{table}") as f:
                    rows += [line.split() for line in list(f)[1:]]
            ports = [int(row[1].rsplit(":", 1)[1], 16) for row in rows if row[3] == ESTABLISHED]
            return [[ports.count(int(a.rsplit(":", 1)[1])) for a in known.values()] for known in (self.inside, self.outside)]
        kwire.wait_until(lambda: (found := established()) and all(found[0]) and not any(found[1]), 10)
        inner, outer = established()
        self.out.check(all(inner) and not any(outer), f"brokers talk by the internal listener alone: {inner} connections, {outer} by the other")

    def records(self, writer, reader, topic, from_inside=False):
        """One writes on one side, another reads on the other."""
        if writer not in self.clients or reader not in self.clients:
            return
        began, w = time.monotonic(), self.clients[writer]
        spec = r.Spec(topic, self.cluster.bootstrap, w.profile, 2_000, 4, 3, "lz4", self.o.seed, w.timed)
        outside = r.Spec.parse(spec.line())
        outside.bootstrap = self.outside[self.cluster.brokers[0].id]
        try:
            self.cluster.create_topic(topic, 3, 3)
            if from_inside:
                w.write(spec)
                with self.there:
                    rows, text_headers = self.clients[reader].read(outside)
            else:
                with self.there:
                    w.write(outside)
                rows, text_headers = self.clients[reader].read(spec)
            wrong = r.compare(spec, rows, text_headers)
        except (stock.Failed, ValueError, RuntimeError) as e:
            wrong = str(e)
        sides = ("inside", "in the other namespace") if from_inside else ("in the other namespace", "inside")
        self.out.check(wrong is None, f"{writer} writes {sides[0]}, {reader} reads {sides[1]}: {wrong or 'all equal'}", began)

    def leader_dies(self):
        """A client beyond that knows one other broker writes and reads on."""
        victim = self.cluster.leader("two-outside", 0)
        self.cluster.kill(victim)
        survivors = {i: a for i, a in self.outside.items() if i != victim}
        moved = kwire.wait_until(lambda: self.cluster.leader("two-outside", 0) != victim, 30)
        with self.there:
            told = [kwire.metadata(a).brokers for a in survivors.values()]
        self.out.check(moved and all(found == survivors for found in told), f"after the death of leader {victim} the others are told")
        if "kcat" not in self.clients:
            return
        began, kcat = time.monotonic(), self.clients["kcat"]
        spec = r.Spec("two-outside-kcat", next(iter(survivors.values())), "kcat", 500, 1, 3, "none", self.o.seed)
        try:
            kwire.create_topic(next(self.inside[i] for i in survivors), spec.topic, 3, 2)
            with self.there:
                kcat.write(spec)
                rows, text_headers = kcat.read(spec)
            wrong = r.compare(spec, rows, text_headers)
        except (stock.Failed, ValueError, OSError, kwire.ProtocolError) as e:
            wrong = str(e)
        self.out.check(wrong is None, f"kcat writes and reads on in the other namespace: {wrong or 'all equal'}", began)


def run(options, clients, out, data_dir):
    Listeners(options, clients, out, os.path.join(data_dir, "listeners")).run()
