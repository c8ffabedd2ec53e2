"""From the start of six processes on empty directories to the first acknowledged acks=all record, as a client sees it."""
import os, shutil, statistics, sys, time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "hostile"))
import cluster, kwire, words

BATCH = words.batch([b"first"])
LEAST_S = 60.0


def attempt(c):
    """Launches, creates a topic of three replicas, writes; answers seconds of each leg."""
    for node in c.nodes.values():
        c.write_config(node)
    began = time.monotonic()
    for node in c.nodes.values():
        c.launch(node)
    launched = time.monotonic()
    first = c.brokers[0]

    def listening():
        with kwire.Connection(first.address, 1.0):
            return True

    def created():
        try:
            kwire.create_topic(first.address, "first", 1, 3)
        except kwire.ProtocolError as e:
            return e.code == kwire.TOPIC_EXISTS
        return True

    def leader():
        # Who is told that the topic is there may be so before this broker has heard of it.
        part = kwire.metadata(first.address, ["first"]).topics["first"].get(0)
        return part and c.nodes.get(part.leader)

    def acked():
        with kwire.Connection(leader().address) as connection:
            code, offset = words.produce(connection, "first", 0, BATCH)
        return code == 0 and offset >= 0

    legs = {"launched": launched - began}
    for name, done in (("listening", listening), ("created", created), ("led", leader), ("acked", acked)):
        if not kwire.wait_until(done, LEAST_S, 0.002):
            raise RuntimeError(f"start: not {name} after {LEAST_S:.0f} s\n{c.tails()}")
        legs[name] = time.monotonic() - began
    return legs


def run(o, data, out):
    rounds = o.rounds or (20 if o.full else 3)
    legs = []
    for i in range(rounds):
        folder = os.path.join(data, str(i))
        with cluster.make(o, folder, base_port=o.port) as c:
            legs.append(attempt(c))
        shutil.rmtree(folder)
    medians = {name: statistics.median(leg[name] for leg in legs) * 1e3 for name in legs[0]}
    times = sorted(leg["acked"] * 1e3 for leg in legs)
    out.note("medians from the first exec on: " + ", ".join(f"{name} {ms:.0f} ms" for name, ms in medians.items()))
    out.note(f"first acknowledged record: median {statistics.median(times):.0f} ms, least {times[0]:.0f}, most {times[-1]:.0f}, of {rounds}")
    out.check(len(legs) == rounds, f"start: {rounds} clusters came up from empty directories and acknowledged a record")
    return {"times_ms": times, "medians_ms": medians}
