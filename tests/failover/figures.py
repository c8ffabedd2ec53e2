"""Figures of the failover suite: silences and quantiles, a JSON file and a table for people. Times are reported here, never judged."""
import json, os, platform, subprocess, time


def silence_ms(times, begin, end):
    """Longest gap between acknowledgements in the window less the median gap, in ms. `times` ascending, in seconds. The gap that
    the window's end cuts off counts as far as it goes."""
    inside = [t for t in times if begin <= t <= end]
    if len(inside) < 3:
        return (end - begin) * 1e3
    gaps = sorted(b - a for a, b in zip(inside, inside[1:]))
    return (max(gaps[-1], end - inside[-1]) - gaps[len(gaps) // 2]) * 1e3


def quantiles(values):
    v = sorted(values)
    if not v:
        return None
    pick = lambda q: round(v[min(len(v) - 1, int(q * len(v)))], 1)
    return {"n": len(v), "p50": pick(0.5), "p99": pick(0.99), "max": round(v[-1], 1)}


class Figures:
    def __init__(self, cluster_name):
        self.rows = {}  # (scenario, what) -> {unit, values}
        self.about = {"cluster": cluster_name, "when": time.strftime("%Y-%m-%d %H:%M:%S"), "machine": machine(), "commit": commit()}

    def add(self, scenario, what, value, unit="ms"):
        if value is not None:
            self.rows.setdefault((scenario, what), {"unit": unit, "values": []})["values"].append(round(value, 1))

    def write(self, path):
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        rows = [{"scenario": s, "what": w, "unit": r["unit"], **quantiles(r["values"]), "values": r["values"]}
                for (s, w), r in self.rows.items()]
        with open(path, "w") as f:
            json.dump({**self.about, "figures": rows}, f, indent=1)

    def table(self):
        lines = [f"{'scenario':<28}{'figure':<46}{'n':>5}{'p50':>10}{'p99':>10}{'max':>10}"]
        for (scenario, what), row in self.rows.items():
            q = quantiles(row["values"])
            lines.append(f"{scenario:<28}{what + ' (' + row['unit'] + ')':<46}{q['n']:>5}{q['p50']:>10}{q['p99']:>10}{q['max']:>10}")
        return "\n".join(lines)


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((row.split(":", 1)[1].strip() for row in f if row.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def commit():
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run(["git", "-C", here, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
