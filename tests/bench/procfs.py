"""What the kernel says of a process: CPU seconds, context switches, memory."""
import os

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """User and system seconds of all threads, from the scheduler's nanoseconds; exited threads do not count."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
                total += int(f.read().split()[0])
        except FileNotFoundError:
            pass
    return total / 1e9


def memory_kib(pid):
    """{'rss':, 'anon':, 'file':, 'pss':}: resident, its private anonymous part, its file pages, its proportional share."""
    out = {}
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            name, _, value = line.partition(":")
            if name in ("VmRSS", "RssAnon", "RssFile"):
                out[{"VmRSS": "rss", "RssAnon": "anon", "RssFile": "file"}[name]] = int(value.split()[0])
    with open(f"/proc/{pid}/smaps_rollup") as f:
        out["pss"] = next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return out


def switches(pid):
    """Voluntary context switches of all threads: how often it went to sleep."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/status") as f:
                total += next(int(line.split()[1]) for line in f if line.startswith("voluntary_ctxt"))
        except FileNotFoundError:
            pass
    return total


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "unknown processor")
    return f"{os.cpu_count()} x {model}, Linux {os.uname().release}"
