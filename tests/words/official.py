"""The message definitions inside Kafka's jars, in the terms of ours."""
import glob, json, re, zipfile

FOREVER = 10 ** 6
TYPES = {"int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint16": "u16", "uint32": "u32", "float64": "f64",
         "bool": "bool", "string": "string", "bytes": "bytes", "records": "records", "uuid": "uuid"}
# Of the jars' definitions these are not described by us: metadata and quorum state are our own, gone are these APIs.
NOT_OURS = ("QuorumStateData",)
HEADERS = ("RequestHeader", "ResponseHeader")


def snake(name):
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name.replace("KRaft", "Kraft"))
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name).lower()


def version_range(text):
    """'3-13' '5+' '7' 'none' -> (first, last), empty ranges as (1, 0)"""
    if text in (None, "none"):
        return 1, 0
    m = re.fullmatch(r"(\d+)(?:-(\d+)|(\+))?", text)
    first = int(m.group(1))
    return first, int(m.group(2)) if m.group(2) else FOREVER if m.group(3) else first


def clip(a, b):
    return max(a[0], b[0]), min(a[1], b[1])


def load(jars):
    """name -> definition, of every jar in a directory; a client's definition wins over the server's copy."""
    found = {}
    for jar in sorted(glob.glob(f"{jars}/*kafka-*.jar"), key=lambda p: "clients" in p):
        with zipfile.ZipFile(jar) as z:
            for entry in z.namelist():
                if re.fullmatch(r"(common/)?message/\w+\.json", entry):
                    text = z.read(entry).decode()
                    definition = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.M))
                    found[definition["name"]] = definition
    return found


def wanted(definition):
    """Whether we describe such a message: it has versions, and is not one of the metadata log's records."""
    return (definition["validVersions"] != "none" and definition["name"] not in NOT_OURS + HEADERS)


def served(definition, unstable_apis):
    """The stable versions. An unstable newest version of a request is one of its response too."""
    first, last = version_range(definition["validVersions"])
    return first, last - (definition.get("apiKey") in unstable_apis and definition["type"] in ("request", "response"))


def default(field):
    kind, given = field["type"], field.get("default")
    text = {True: "true", False: "false"}.get(given, given) if isinstance(given, bool) else given
    if text == "null":
        return None
    if kind.startswith("[]"):
        return "empty"
    if kind == "records":
        return None
    if kind in ("string", "bytes"):
        return text or ""
    if kind == "bool":
        return text == "true"
    if kind == "uuid" or kind not in TYPES:
        return "zero"
    return float(text or 0) if kind == "float64" else int(str(text or 0), 0)


def flat(definition, versions):
    """[(path, facts)] of all fields that versions have, in wire order, tagged ones among them where they stand."""
    structs = {s["name"]: s["fields"] for s in definition.get("commonStructs", [])}
    rows = []

    def walk(fields, path, outer):
        for f in fields:
            own = clip(version_range(f.get("versions", f.get("taggedVersions"))), outer)
            if own[0] > own[1]:
                continue
            element = f["type"].removeprefix("[]")
            name = path + "/" + snake(f["name"])
            null = clip(version_range(f.get("nullableVersions")), own)
            tagged = clip(version_range(f.get("taggedVersions")), own)
            rows.append((name, {
                "array": f["type"].startswith("[]"), "type": TYPES.get(element, "struct"), "versions": own,
                "null": null if null[0] <= null[1] else None, "tag": f.get("tag", -1) if tagged[0] <= tagged[1] else -1,
                "default": default(f), "drop": f.get("ignorable", False)}))
            if tagged[0] <= tagged[1] and tagged != own:
                raise ValueError(f"{definition['name']}{name} is tagged in some versions only")
            if element not in TYPES:
                walk(f.get("fields") or structs[element], name, own)

    walk(definition["fields"], "", versions)
    return rows
