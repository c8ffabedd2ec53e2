"""A replicated cluster before your eyes, on loopback, with stock Kafka clients.

usage: deploy/quickstart [--data DIR] [--port N] [--keep-running]
       deploy/quickstart --stop  [--data DIR]      stop the cluster that --keep-running left; data stays
       deploy/quickstart --clean [--data DIR]      stop it and delete its data

Installs the packages, builds, starts 3 controllers and 3 brokers, creates the topic `orders` (3 partitions, 3 replicas),
writes and reads it, kills the leader of a partition with SIGKILL, shows its successor, brings it back.

  --data DIR       where the cluster lives (default: data in this clone); a second start goes on with what is there
  --port N         brokers listen on N, N+1, N+2, controllers from N+10, admin from N+20
                   (default: brokers 9092-9094, controllers 9192-9194, admin 9644-9646)
  --keep-running   leave the cluster running at the end
  --build DIR      build directory (default: build in this clone)

Exit code: 0 all as told, 1 something failed (a sentence says what to do next), 2 wrong arguments.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import clients  # noqa: E402
from nodes import Trouble, open_cluster  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
READY_S = 60
DISK_FREE_MIN = 256 << 20
INDENT = " " * 10
ORDERS = 1000
ORDERS_AFTER_KILL = 500
PROGRAMS = ["controller/odradek-controller", "broker/odradek-broker", "cli/odradek"]


class Story:
    """Prints what happens, with the seconds since the start."""

    def __init__(self):
        self.began = time.monotonic()

    def say(self, sentence):
        print("%6.1f s  %s" % (time.monotonic() - self.began, sentence), flush=True)


def build(story, folder):
    """Builds the programs; quick when nothing changed."""
    began = time.monotonic()
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "quickstart-build.log")
    steps = [["ninja", "-C", folder, *PROGRAMS]]
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        story.say("building in %s; the first time takes a minute or two" % folder)
        steps.insert(0, ["meson", "setup", folder, ROOT])
    with open(path, "w+") as log:
        for step in steps:
            try:
                code = subprocess.run(step, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode
            except FileNotFoundError as e:
                raise Trouble("%s is missing; `deploy/install-packages build run` brings it." % step[0]) from e
            if code:
                log.seek(0)
                raise Trouble("the build failed; the whole log: %s; its end:\n    %s"
                              % (path, "    ".join(log.readlines()[-15:]).rstrip()))
    story.say("built in %.1f s" % (time.monotonic() - began))


def check_disk(data):
    place = data
    while not os.path.exists(place):
        place = os.path.dirname(place)
    free = shutil.disk_usage(place).free
    if free < DISK_FREE_MIN:
        raise Trouble("only %d MiB are free for %s, %d are needed; make room, or give another place with --data DIR."
                      % (free >> 20, data, DISK_FREE_MIN >> 20))


def start(story, cluster, folder):
    began = time.monotonic()
    for node in cluster.nodes:
        node.start(folder)
    cluster.wait_ready(cluster.brokers, READY_S)
    story.say("3 controllers and 3 brokers are ready, %.0f ms after the first was started" % (1000 * (time.monotonic() - began)))
    for node in cluster.nodes:
        print(INDENT + "%-14s 127.0.0.1:%d  pid %d" % (node.name, node.port, node.pid() or 0))


def tell_partitions(seen):
    for line in clients.describe(seen):
        print(INDENT + line)


def check_read(story, bootstrap, run, written):
    """Reads everything and compares it with all that was written in this run."""
    rows, total = clients.read(bootstrap, run)
    lost, alien = set(written) - set(rows), set(rows) - set(written)
    twice = len(rows) - len(set(rows))
    if lost or alien or twice:
        raise Trouble("what was read is not what was written: %d lost, %d changed, %d twice. This must not happen; the logs"
                      " beside the data tell why." % (len(lost), len(alien), twice))
    older = "" if total == len(rows) else ", and %d older ones" % (total - len(rows))
    story.say("read them all back with kcat: %d, each byte the same, none lost, none twice%s" % (len(rows), older))


def first_orders(story, cluster, run):
    fresh = clients.create_topic(cluster.bootstrap())
    clients.wait_partitions(cluster.bootstrap(), clients.all_in_sync, "get all its replicas in sync")
    story.say("the topic %s %s: %d partitions, %d replicas each (python3-kafka)"
              % (clients.TOPIC, "is created" if fresh else "is here from the last time", clients.PARTITIONS, clients.REPLICAS))
    written = list(clients.orders(run, 0, ORDERS))
    clients.write(cluster.bootstrap(), written)
    story.say("wrote %d orders with kcat, acks=all: each is on the disks of all replicas" % ORDERS)
    check_read(story, cluster.bootstrap(), run, written)
    return written


def kill_a_leader(story, cluster, run, written):
    before = clients.partitions(cluster.bootstrap())
    victim = cluster.broker(before[0][0])
    rest = cluster.bootstrap(without=victim)
    story.say("kcat -L says:")
    tell_partitions(before)
    killed_at = time.monotonic()
    pid = victim.signal(signal.SIGKILL)
    story.say("kill -9 %d: broker %d, the leader of partition 0" % (pid, victim.id))
    after = clients.wait_partitions(rest, lambda seen: all(leader not in (-1, victim.id) for leader, _ in seen.values()),
                                    "get new leaders")
    story.say("broker %d leads partition 0; kcat sees it %.0f ms after the kill" % (after[0][0], 1000 * (time.monotonic() - killed_at)))
    tell_partitions(after)
    more = list(clients.orders(run, ORDERS, ORDERS_AFTER_KILL))
    clients.write(rest, more)
    story.say("wrote %d more orders without broker %d" % (len(more), victim.id))
    check_read(story, rest, run, written + more)
    return victim, written + more


def bring_back(story, cluster, folder, victim):
    began = time.monotonic()
    victim.start(folder)
    cluster.wait_ready([victim], READY_S)
    seen = clients.wait_partitions(cluster.bootstrap(), clients.all_in_sync, "get broker %d back in sync" % victim.id)
    story.say("broker %d is back and has caught up, %.0f ms after its start" % (victim.id, 1000 * (time.monotonic() - began)))
    tell_partitions(seen)


def farewell(cluster, options):
    """What to try next, with the addresses and files of this cluster."""
    where = options.data or "data"
    flag = "" if options.data is None else " --data " + where
    first = cluster.bootstrap().split(",")[0]
    odradek = "%s -b %s" % (os.path.relpath(os.path.join(options.build, "cli", "odradek")), first)
    rows = [
        (odradek + " cluster --watch 2", "brokers, controllers, leaders, lag"),
        ("echo 'k:hello' | %s produce orders --key" % odradek, "write a record"),
        (odradek + " consume orders --from -3 --key", "read the last three of each partition"),
        (odradek + " doctor", "goes a client's way and explains each hop"),
        ("kcat -b %s -L" % first, "brokers, partitions, leaders"),
        ("echo 'k:hello' | kcat -b %s -P -t orders -K :" % first, "write a record"),
        ("kcat -b %s -C -t orders -o beginning -e" % first, "read them all"),
        ("kill -9 $(cut -d' ' -f1 %s/broker-2.pid)" % where, "kill any broker, then read again"),
        ("less %s/broker-1.log" % where, "what a node tells"),
        ("deploy/quickstart --stop" + flag, "stop it; data stays"),
        ("deploy/quickstart --clean" + flag, "stop it and delete its data"),
    ]
    if options.keep_running:
        print("\nThe cluster keeps running. Try next:")
    else:
        print("\nThe cluster is stopped; its data stays in %s. Try next:" % where)
        rows.insert(0, ("deploy/quickstart --keep-running" + flag, "leaves it running; then:"))
    width = max(len(command) for command, _ in rows)
    for row in rows:
        print("  %-*s   %s" % (width, *row))


def tell(options, data):
    """The whole story from packages to farewell."""
    story = Story()
    cluster = open_cluster(data, options.port)
    running = cluster.running()
    if running:
        raise Trouble("a cluster runs on %s already (%s); use it at %s, or stop it: deploy/quickstart --stop"
                      % (data, ", ".join(n.name for n in running), cluster.bootstrap()))
    cluster.check_ports()
    check_disk(data)
    build(story, options.build)
    cluster.write_files()
    run = "%x" % time.time_ns()
    try:
        start(story, cluster, options.build)
        written = first_orders(story, cluster, run)
        victim, written = kill_a_leader(story, cluster, run, written)
        bring_back(story, cluster, options.build, victim)
        check_read(story, cluster.bootstrap(), run, written)
    except BaseException:
        cluster.stop()
        raise
    if not options.keep_running:
        stop(story, cluster)
    farewell(cluster, options)


def stop(story, cluster):
    count = len(cluster.running())
    began = time.monotonic()
    killed = cluster.stop()
    if killed:
        story.say("%s did not end by SIGTERM and had to be killed; its log tells why" % ", ".join(killed))
    story.say("stopped %d processes in %.1f s" % (count, time.monotonic() - began) if count else "nothing runs here")


def end(options, data):
    """--stop and --clean."""
    if not os.path.exists(data):
        print("there is no cluster in %s" % data)
        return
    cluster = open_cluster(data, None)
    story = Story()
    stop(story, cluster)
    if options.clean and os.path.exists(os.path.join(data, "quickstart.json")):
        cluster.clean()
        story.say("deleted the cluster in %s" % data)


def arguments(words):
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1], add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--data")
    parser.add_argument("--port", type=int)
    parser.add_argument("--keep-running", action="store_true")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--stop", action="store_true")
    parser.add_argument("--clean", action="store_true")
    options = parser.parse_args(words)
    if options.port is not None and not 1 <= options.port <= 65535 - 22:
        parser.error("--port must lie between 1 and %d" % (65535 - 22))
    if options.keep_running and (options.stop or options.clean):
        parser.error("--keep-running goes with neither --stop nor --clean")
    options.build = os.path.abspath(options.build)
    return options


def main(words):
    options = arguments(words)
    if options.help:
        print(__doc__)
        return 0
    data = os.path.abspath(options.data or os.path.join(ROOT, "data"))
    try:
        (end if options.stop or options.clean else tell)(options, data)
    except Trouble as trouble:
        print("\nquickstart: %s" % trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nquickstart: interrupted; what was started is stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
