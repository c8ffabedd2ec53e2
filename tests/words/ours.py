"""Our .kmsg files in the terms of official.py."""
import glob, os, sys

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/tools")
import kmsgc  # noqa: E402
from official import clip  # noqa: E402


def load():
    """(apis, messages), private fields among them"""
    private = f"{ROOT}/proto/kafka/private.kmsg"
    return kmsgc.load(sorted(p for p in glob.glob(f"{ROOT}/proto/kafka/*.kmsg") if p != private), private)


def default(field):
    if field.default == "null":
        return None
    if field.array:
        return "empty"
    if field.base in ("string", "bytes"):
        return ""
    if field.base == "records":
        return None
    if field.base == "bool":
        return field.default == "true"
    if field.shape or field.base == "uuid":
        return "zero"
    return float(field.default or 0) if field.base == "f64" else int(field.default or "0", 0)


def flat(message):
    """[(path, facts)] like official.flat, without private fields"""
    rows = []

    def walk(shape, path, outer):
        for f in shape.fields:
            if f.private:
                continue
            own = clip((f.since, f.until), outer)
            name = path + "/" + f.name
            null = clip((own[0] if f.null_since is None else f.null_since, own[1]), own) if f.nullable else None
            rows.append((name, {
                "array": f.array, "type": "struct" if f.shape else f.base, "versions": own, "null": null, "tag": f.tag,
                "default": default(f), "drop": f.drop}))
            if f.shape:
                walk(f.shape, name, own)

    walk(message.shape, "", (message.min, message.max))
    return rows
