"""Kafka's command line tools against a story: commands and what Apache Kafka 4.3.1's brokers make the tools print.

A story (tools/*.txt) has sections, `## name`. In a section `$ command` is followed by what it prints and `[exit N]`; `> name text` is a
file for the commands behind it, there as {dir}/name. Every command gets --bootstrap-server, except where it names {bootstrap} itself.
What differs from run to run is masked: addresses, ids, times, sizes, offsets of the metadata log. Stories are written anew by running
them against Apache Kafka (tests/wire/run --peer kafka --only tools --rewrite); only commands are written by hand.
"""
import difflib, itertools, json, os, re, struct, subprocess, threading, time

import clients, fetch

PATIENCE_S = 10.0  # what one broker was told, another knows a moment later
CALL_S = 60.0
TOOLS = "org.apache.kafka.tools"
MAINS = {"kafka-topics": f"{TOOLS}.TopicCommand", "kafka-configs": "kafka.admin.ConfigCommand", "kafka-get-offsets": f"{TOOLS}.GetOffsetShell",
         "kafka-delete-records": f"{TOOLS}.DeleteRecordsCommand", "kafka-log-dirs": f"{TOOLS}.LogDirsCommand",
         "kafka-leader-election": f"{TOOLS}.LeaderElectionCommand", "kafka-cluster": f"{TOOLS}.ClusterTool",
         "kafka-broker-api-versions": f"{TOOLS}.BrokerApiVersionsCommand", "kafka-producer-perf-test": f"{TOOLS}.ProducerPerformance",
         "kafka-client-metrics": f"{TOOLS}.ClientMetricsCommand", "kafka-features": f"{TOOLS}.FeatureCommand",
         "kafka-metadata-quorum": f"{TOOLS}.MetadataQuorumCommand", "kafka-consumer-groups": f"{TOOLS}.consumer.group.ConsumerGroupCommand",
         "kafka-groups": f"{TOOLS}.GroupsCommand"}
MAINS_OLD = {"kafka-broker-api-versions": "kafka.admin.BrokerApiVersionsCommand"}
LOOKS = re.compile(r"--describe|--list|\bdescribe\b|list-endpoints|get-offsets|api-versions")

ROW_OF_GROUP = re.compile(r"tool-\w+[ ,](tool-\w+[ ,])?\d+[ ,]")

MASKS = [(re.compile(pattern, re.M), to) for pattern, to in (
    (r"^(log4j:WARN|SLF4J).*\n", ""),
    (r"(^\tat .*\n)+", "\tat ...\n"),
    (r"(TopicId: |ClusterId: +|Cluster ID: )[\w-]{22}\b", r"\1<id>"),
    (r'("directoryId": ")[\w-]{22}"', r'\1<id>"'),
    (r"^(\d+) +\t[\w-]{22}\t\d+ *\t\d+ *\t(\S+|\d+ ms ago) *\t(\S+|\d+ ms ago) *\t(\w+) *\t", r"<node>\t<id>\t<n>\t<n>\t<ms>\t<ms>\t\4\t"),
    (r"^((LeaderId|LeaderEpoch|HighWatermark|MaxFollowerLag|MaxFollowerLagTimeMs): +)-?\d+", r"\1<n>"),
    (r"(Epoch: )\d+", r"\1<n>"),
    (r"\b(rdkafka-)[\da-f]{8}-[\da-f-]{27}\b", r"\1<id>"),
    (r"(127\.0\.0\.1:<port> *)\(\d+\)", r"\1(<node>)"),
    (r'"size":\d+', '"size":<n>'),
    (r'"logDir":"[^"]*"', '"logDir":"<dir>"'),
    (r"\b1[789]\d{11}\b", "<ms>"),
    (r"^(\d+ records sent), .*", r"\1, ..."),
    (r" {2,}", " "))]


def _sorted(line):
    """JSON lists in any order are put into one."""
    name, colon, rest = line.partition(": ")
    if line.startswith('{"brokers"'):
        told = json.loads(line)
        told["brokers"].sort(key=lambda b: b["broker"])
        for broker in told["brokers"]:
            for directory in broker["logDirs"]:
                directory["partitions"].sort(key=lambda p: p["partition"])
        return json.dumps(told, separators=(",", ":"))
    if name in ("CurrentVoters", "CurrentObservers") and rest.strip().startswith("["):
        return name + colon + json.dumps(sorted(json.loads(rest), key=lambda v: v["id"]))
    return line


def _unordered(text):
    """Rows of groups and lists in brackets come in the order of a hash with a salt: the rows are sorted, and so are such lists."""
    out = []
    for own, lines in itertools.groupby(text.split("\n"), lambda line: bool(ROW_OF_GROUP.match(line))):
        out += sorted(lines) if own else lines
    sort = lambda m: ", ".join(sorted(m[0].split(", ")))
    return re.sub(r"(\[[\w-]+\], )+\[[\w-]+\]|(?<=Valid states are: ).*", sort, "\n".join(out))


def _versions(text):
    """kafka-broker-api-versions: brokers in the order of their ids; one that serves what the one before did is not shown again."""
    if not re.search(r"^\tProduce\(0\): ", text, re.M):
        return text
    text = re.sub(r",$", "", text, flags=re.M)
    blocks = [block.partition("-> (\n") for block in re.split(r"(?<=^\)$)\n", text, flags=re.M)]
    blocks.sort(key=lambda block: re.findall(r"\(id: (\d+)", block[0]))
    before, out = None, []
    for head, arrow, body in blocks:
        out.append(f"{head}-> (... the same)" if body == before else head + arrow + body)
        before = body
    return "\n".join(out)


def ours(printed, served):
    """What our brokers, serving these APIs, make a tool print that prints this with Apache Kafka. kafka-broker-api-versions does not
    print at all what it does not know."""
    def line(m):
        if int(m["key"]) in served:
            return m[0]
        return "" if m["name"] == "UNKNOWN" else f"\t{m['name']}({m['key']}): UNSUPPORTED\n"
    for pattern, to in OURS:
        printed = pattern.sub(to, printed)
    return re.sub(r"^\t(?P<name>\w+)\((?P<key>\d+)\): .*\n", line, printed, flags=re.M)


def mask(text, ports):
    """What a tool printed, without what differs from run to run."""
    text = re.sub(r"\b(%s)\b" % "|".join(map(str, ports)), "<port>", text) if ports else text
    lines = [_sorted(line) for line in text.split("\n")]
    rows = [at for at, line in enumerate(lines) if re.match(r"\d+ +\t[\w-]{22}\t", line)]
    text = "\n".join(lines)
    for pattern, to in MASKS:
        text = pattern.sub(to, text)
    lines = text.split("\n")
    for at, line in zip(rows, sorted(lines[at] for at in rows)):
        lines[at] = line
    return _versions(_unordered("\n".join(lines)).rstrip("\n"))

# what our brokers make the tools print instead, and why
OURS = [(re.compile(pattern, re.M), to) for pattern, to in (
    (r'("id": \d+, )("directoryId": null, )?("endpoints")', r'\1"directoryId": "<id>", \3'),  # voters always have one
    (r" or some brokers have all their log directories cordoned\.", "."),  # none is ever cordoned
    (r"^Feature: (?!metadata\.version|group\.version).*\n", ""),  # a feature comes with the APIs that it is about
    (r"^ file\.delete\.delay\.ms=.*\n", r" durability=disk sensitive=false synonyms={DEFAULT_CONFIG:durability=disk}\n\g<0>"))]


def difference(want, got):
    return "\n".join(list(difflib.unified_diff(want.split("\n"), got.split("\n"), "to be printed", "printed", n=0, lineterm=""))[2:])


class Step:
    """One command and what it is to print."""

    def __init__(self, section, command):
        self.section, self.command, self.printed, self.files = section, command, "", {}

    def text(self):
        return "".join(f"> {n} {t}\n" for n, t in self.files.items()) + f"$ {self.command}\n{self.printed}\n"


def load(path):
    """The steps of a story."""
    steps, section, files, lines = [], "", {}, []
    with open(path) as f:
        for line in f.read().split("\n"):
            if line.startswith("## "):
                section = line[3:]
            elif line.startswith("> "):
                name, text = line[2:].split(" ", 1)
                files[name] = text
            elif line.startswith("$ "):
                steps.append(Step(section, line[2:]))
                steps[-1].files, files, lines = files, {}, []
            elif steps:
                lines.append(line)
                if re.fullmatch(r"\[exit \d+\]", line):
                    steps[-1].printed = "\n".join(lines)
    return steps


def save(path, steps):
    with open(path) as f:
        head = f.read().split("## ", 1)[0]
    with open(path, "w") as f:
        f.write(head)
        section = None
        for step in steps:
            if step.section != section:
                section = step.section
                f.write(f"## {section}\n\n")
            f.write(step.text() + "\n")


class ToolBox:
    """The tools of one release in one JVM (java/ToolBox.java)."""

    def __init__(self, version, bootstrap, directory):
        jars = fetch.kafka_jars(version)
        path = fetch.java_program(os.path.join(clients.HERE, "java", "ToolBox.java"), jars)
        self.mains = {**MAINS, **(MAINS_OLD if version < "4" else {})}
        self.bootstrap, self.directory = bootstrap, directory
        self.errors = open(os.path.join(directory, f"tools-{version}.err"), "wb+")
        self.process = subprocess.Popen([*clients.JVM, "-cp", path, "ToolBox"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.errors.close()

    def words(self, command):
        program, *args = command.split()
        if "{bootstrap}" not in command:
            args = [*args, "--bootstrap-server", "{bootstrap}"] if program == "kafka-cluster" else ["--bootstrap-server", "{bootstrap}", *args]
        return [self.mains[program], *(a.replace("{bootstrap}", self.bootstrap).replace("{dir}", self.directory) for a in args)]

    def run(self, command):
        """(exit code, printed)"""
        watch = threading.Timer(CALL_S, self.process.kill)
        watch.start()
        try:
            self.process.stdin.write("\x1f".join(self.words(command)).encode() + b"\n")
            self.process.stdin.flush()
            head = self.process.stdout.read(8)
            if len(head) < 8:
                raise clients.Failed(f"the JVM ended during: {command}")
            code, length = struct.unpack(">ii", head)
            return code, self.process.stdout.read(length).decode(errors="replace")
        except BrokenPipeError:
            raise clients.Failed(f"the JVM ended before: {command}")
        finally:
            watch.cancel()


def play(box, steps, ports, served=None, rewrite=False):
    """Runs the steps. Yields (step, None or the difference). `served` are the keys of the APIs of a cluster of ours. Rewriting takes what
    is printed as what is to be printed."""
    for step in steps:
        for name, text in step.files.items():
            with open(os.path.join(box.directory, name), "w") as f:
                f.write(text)
        if rewrite:
            time.sleep(1 if LOOKS.search(step.command) else 0)
        end = time.monotonic() + PATIENCE_S
        while True:
            code, printed = box.run(step.command)
            printed = mask(printed, ports).replace(box.directory, "{dir}")
            got = (printed + "\n" if printed else "") + f"[exit {code}]"
            if rewrite:
                step.printed = got
            want = step.printed if served is None else ours(step.printed, served)
            if got == want or not LOOKS.search(step.command) or time.monotonic() > end:
                break
            time.sleep(0.1)
        yield step, None if got == want else difference(want, got)
