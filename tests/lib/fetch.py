"""What the suites need from outside: fetched by name, pinned, kept in a cache directory outside of the tree.

The cache is $ODRADEK_CACHE, else ~/.cache/odradek. Everything in it can be deleted at any time. A fetch happens into a
temporary directory beside its goal, which is renamed last, so that an interrupted fetch leaves nothing half done, and
under a lock file, so that two suites started together fetch once.
"""
import contextlib, fcntl, hashlib, os, re, shutil, subprocess, sys

KAFKA_NEW, KAFKA_OLD = "4.3.1", "3.9.1"
CONFLUENT = "2.16.1"
KAFKA_PYTHON = "3.0.12"
KAFKAJS = "2.2.4"
FRANZ = (((1, 26), "go.mod"), ((1, 19), "go-1.19.mod"))  # the oldest Go for each set of pinned modules (tests/wire/franz)
KAFKA_PYTHON_CODECS = ("lz4==4.4.5", "python-snappy==0.7.3", "zstandard==0.25.0", "crc32c==2.8")
DEBIAN_PYTHON = "/usr/bin/python3"

SLF4J_SIMPLE = ("org.slf4j", "slf4j-simple", "1.7.36")
SLF4J_NOP = ("org.slf4j", "slf4j-nop", "1.7.36")

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>odradek.tests</groupId><artifactId>jars</artifactId><version>1</version><dependencies>
{rows}
</dependencies></project>
"""


class Missing(SystemExit):
    """Something from outside cannot be had; ends the program with its sentence unless somebody counts it as a failed check."""


def cache():
    home = os.environ.get("ODRADEK_CACHE") or os.path.expanduser("~/.cache/odradek")
    os.makedirs(home, exist_ok=True)
    return os.path.abspath(home)


@contextlib.contextmanager
def _making(name):
    """Yields (goal, scratch) with scratch None where the goal is there already."""
    goal = os.path.join(cache(), name)
    with open(goal + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.isdir(goal):
            yield goal, None
            return
        scratch = goal + ".new"
        shutil.rmtree(scratch, ignore_errors=True)
        yield goal, scratch
        os.rename(scratch, goal)


def _run(cmd, what, **how):
    done = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)
    if done.returncode:
        raise Missing(f"cannot fetch {what}: {' '.join(cmd)} said:\n{done.stdout[-2000:]}")


def debian(*packages):
    """Installs missing Debian packages when this user may; says which command is missing otherwise."""
    def there(package):
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", package], capture_output=True, text=True)
        return "install ok installed" in done.stdout
    missing = [p for p in packages if not there(p)]
    if not missing:
        return
    if os.geteuid() != 0:
        raise Missing(f"missing packages: run as root: apt-get install -y {' '.join(missing)}")
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
    if subprocess.run(install, env=env, capture_output=True).returncode:
        subprocess.run(["apt-get", "update", "-q"], env=env, capture_output=True)
        _run(install, "Debian packages " + " ".join(missing))


def kafka_jars(version):
    """The directory with all jars of one Apache Kafka release (server, tools, clients)."""
    debian_java()
    with _making(f"kafka-{version}") as (goal, scratch):
        if scratch:
            wanted = [("org.apache.kafka", "kafka_2.13", version), ("org.apache.kafka", "kafka-tools", version)]
            if version >= "4":
                wanted.append(SLF4J_NOP)
            _maven(scratch, wanted, f"the jars of Apache Kafka {version}")
        return goal


def _maven(where, wanted, what):
    os.makedirs(where)
    row = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
    with open(f"{where}/pom.xml", "w") as f:
        f.write(POM.format(rows="\n".join(row.format(*w) for w in wanted)))
    _run(["mvn", "-q", "-B", "-f", f"{where}/pom.xml", "dependency:copy-dependencies", f"-DoutputDirectory={where}"], what)


def kafka_clients(version):
    """The directory with the jars of one release's client library alone."""
    if version in (KAFKA_OLD, KAFKA_NEW):
        return kafka_jars(version)
    debian_java()
    with _making(f"kafka-clients-{version}") as (goal, scratch):
        if scratch:
            _maven(scratch, [("org.apache.kafka", "kafka-clients", version), SLF4J_NOP], f"kafka-clients {version}")
        return goal


def kafka_frameworks(version=KAFKA_NEW):
    """The directory with the jars of Kafka Connect, its file connectors and Kafka Streams."""
    debian_java()
    with _making(f"kafka-frameworks-{version}") as (goal, scratch):
        if scratch:
            own = [("org.apache.kafka", name, version) for name in ("connect-runtime", "connect-file", "kafka-streams")]
            _maven(scratch, [*own, SLF4J_SIMPLE], f"Kafka Connect and Kafka Streams {version}")
        return goal


def _mark(*paths):
    """Names the contents of source files, so that what is made of them is made again when they change."""
    h = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as f:
            h.update(f.read())
    return h.hexdigest()[:12]


def java_program(source, jars):
    """The class path of a Java program of one file, compiled against the jars."""
    debian_java()
    name = os.path.splitext(os.path.basename(source))[0]
    with _making(f"{os.path.basename(jars)}-{name}-{_mark(source)}") as (goal, scratch):
        if scratch:
            _run(["javac", "-Xlint:all", "-cp", f"{jars}/*", "-d", scratch, source], f"{source} against {os.path.basename(jars)}")
        return f"{goal}:{jars}/*"


def go_program(where):
    """The program of the Go module `where`, built from the newest pinned modules that this machine's Go takes. Answers (path, mod file)."""
    if not shutil.which("go"):
        debian("golang-go")
    version = subprocess.run(["go", "version"], capture_output=True, text=True).stdout
    found = re.search(r"go(\d+)\.(\d+)", version)
    have = tuple(map(int, found.groups())) if found else (0, 0)
    mod = next((m for least, m in FRANZ if have >= least), None)
    if not mod:
        raise Missing(f"franz-go needs Go {'.'.join(map(str, FRANZ[-1][0]))} or later, here is {version or 'none'}: apt-get install golang-go")
    sums = mod.replace(".mod", ".sum")
    sources = sorted(f for f in os.listdir(where) if f.endswith(".go"))
    with _making(f"franz-{have[0]}.{have[1]}-{_mark(*(os.path.join(where, f) for f in (*sources, mod, sums)))}") as (goal, scratch):
        if scratch:
            os.makedirs(scratch)
            _run(["go", "build", f"-modfile={mod}", "-o", f"{scratch}/worker", "."], "franz-go", cwd=where,
                 env=dict(os.environ, GOTOOLCHAIN="local"))
        return f"{goal}/worker", mod


def kafkajs():
    """(interpreter, environment) of Node with kafkajs."""
    if not shutil.which("node") or not shutil.which("npm"):
        debian("nodejs", "npm")
    with _making(f"kafkajs-{KAFKAJS}") as (goal, scratch):
        if scratch:
            os.makedirs(scratch)
            _run(["npm", "install", "--prefix", scratch, "--no-audit", "--no-fund", "--ignore-scripts", f"kafkajs@{KAFKAJS}"], "kafkajs")
        return "node", dict(os.environ, NODE_PATH=f"{goal}/node_modules", KAFKAJS_NO_PARTITIONER_WARNING="1")


def rdkafka_program(source):
    """A C program compiled against the distribution's librdkafka."""
    debian("librdkafka-dev")
    with _making(f"rdkafka-{_mark(source)}") as (goal, scratch):
        if scratch:
            os.makedirs(scratch)
            _run(["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", f"{scratch}/worker", source, "-lrdkafka"], "librdkafka's worker")
        return f"{goal}/worker"


def debian_java():
    if not shutil.which("javac"):
        debian("openjdk-17-jdk-headless")
    if not shutil.which("mvn"):
        debian("maven")


def confluent_python():
    """An interpreter that can import confluent_kafka."""
    with _making(f"confluent-{CONFLUENT}") as (goal, scratch):
        if scratch:
            make_venv(scratch)
            _run([f"{scratch}/bin/python", "-m", "pip", "install", "-q", f"confluent-kafka=={CONFLUENT}"], "confluent-kafka")
        return f"{goal}/bin/python"


def kafka_python_new():
    """An interpreter that can import kafka-python of today with every codec."""
    with _making(f"kafka-python-{KAFKA_PYTHON}") as (goal, scratch):
        if scratch:
            make_venv(scratch)
            _run([f"{scratch}/bin/python", "-m", "pip", "install", "-q", f"kafka-python=={KAFKA_PYTHON}", *KAFKA_PYTHON_CODECS], "kafka-python")
        return f"{goal}/bin/python"


def make_venv(where):
    if subprocess.run([sys.executable, "-m", "venv", where], capture_output=True).returncode:
        debian("python3-venv")
        shutil.rmtree(where, ignore_errors=True)
        _run([sys.executable, "-m", "venv", where], "a Python environment")


def kafka_python():
    """(interpreter, environment) of Debian's kafka-python with the codecs that it loads when they are there."""
    debian("python3-kafka")
    with _making("kafka-python-codecs") as (goal, scratch):
        if scratch:
            pip = confluent_python()  # any pip of Python 3.11 serves: the packages are built for that version
            _run([pip, "-m", "pip", "install", "-q", "--target", scratch, *KAFKA_PYTHON_CODECS], "codecs of kafka-python")
        return DEBIAN_PYTHON, dict(os.environ, PYTHONPATH=goal)


def kcat():
    debian("kcat")
    return "kcat"


def compiled(build_dir, name, sources, root, shared=False):
    """The program `name` out of the build directory; without a build, compiled into the cache (for runs against a peer)."""
    built = os.path.join(build_dir, name) if build_dir else ""
    if built and os.path.exists(built):
        return built
    out = os.path.join(cache(), "programs", os.path.basename(name))
    os.makedirs(os.path.dirname(out), exist_ok=True)
    flags = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", f"-I{root}"] + (["-shared", "-fPIC"] if shared else [])
    newest = max(os.path.getmtime(os.path.join(root, s)) for s in sources)
    if not os.path.exists(out) or os.path.getmtime(out) <= newest:
        _run(["cc", *flags, "-o", out + ".new", *[os.path.join(root, s) for s in sources if s.endswith(".c")],
              *(["-ldl", "-lpthread"] if shared else [])], name)
        os.replace(out + ".new", out)
    return out
