"""What six processes cost when nobody asks anything: resident memory and CPU, from /proc/PID."""
import time

import cluster, procfs


def run(o, data, out):
    seconds = o.seconds or (60.0 if o.full else 6.0)
    settle = min(seconds, 60.0 if o.full else 2.0)
    with cluster.make(o, data, base_port=o.port) as c:
        c.start()
        c.create_topic("idle", partitions=o.partitions, replicas=3)
        active = c.active_controller()
        time.sleep(settle)
        pids = c.pids
        before = {i: (procfs.cpu_s(p), procfs.switches(p)) for i, p in pids.items()}
        began = time.monotonic()
        time.sleep(seconds)
        lasted = time.monotonic() - began
        rows = []
        for i, pid in pids.items():
            role = c.nodes[i].role if i != active else "active controller"
            memory = procfs.memory_kib(pid)
            cpu, turns = procfs.cpu_s(pid) - before[i][0], procfs.switches(pid) - before[i][1]
            rows.append({"node": i, "role": role, **memory, "cpu_percent": 100 * cpu / lasted, "sleeps_per_s": turns / lasted})
        out.note(f"{o.partitions} partitions x 3, {lasted:.0f} s after {settle:.0f} s of rest")
        for r in rows:
            out.note(f"{r['role']:18} {r['node']:4}: RSS {r['rss'] / 1024:6.1f} MiB (anonymous {r['anon'] / 1024:5.1f}, own share "
                     f"{r['pss'] / 1024:5.1f}), CPU {r['cpu_percent']:6.3f} % of a core, {r['sleeps_per_s']:6.1f} sleeps/s")
        out.check(len(rows) == 6 and c.pids == pids and all(r["rss"] > 0 and r["cpu_percent"] >= 0 for r in rows),
                  "idle: six processes measured, all still there")
        return rows
