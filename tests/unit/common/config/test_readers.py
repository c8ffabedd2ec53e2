#!/usr/bin/env python3
"""A key that docs/CONFIG.md calls working is read by somebody: by the code outside of the table, or through a setting of topics
that is read there. Otherwise it is to be called what it is, NO_EFFECT."""
import glob, os, re, sys, unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 4)
TABLE = os.path.join(ROOT, "common", "config", "config_table.h")
# These treat all keys alike, or judge values: naming a key there makes nothing of it.
NO_READERS = {"config_table.h", "spec.c", "spec.h", "doc.c", "alter.c", "alter.h", "check.c", "topic.c", "effective.c"}
EFFECTS = r'(WORKS|OWN|DIFFERS\("[^"]*"\)|NO_EFFECT|UNLISTED|HIDDEN|REFUSED)'
SILENT = ("NO_EFFECT", "UNLISTED", "HIDDEN", "REFUSED")


def rows(text):
    """(id, name, effect) of nodes' keys; (id, name, effect, ids of synonyms) of topics' settings."""
    text = re.sub(r'"\s*\\\n\s*"', "", text)
    nodes = re.findall(r'X\((\w+), "([^"]+)", [A-Z]+, .*?, (?:READ_ONLY|PER_BROKER|CLUSTER_WIDE), ' + EFFECTS + ",", text)
    topics = re.findall(r'X\((\w+), "([^"]+)", [A-Z]+, .*?, (NO_SYNONYM|SYNONYMS\([^)]*\)), ' + EFFECTS + ",", text)
    return nodes, [(i, n, e, re.findall(r"CONFIG_(\w+)", s)) for i, n, s, e in topics]


def code(root):
    """The product's code, without comments and what treats all keys alike; finish.c's checks of two keys against each other too."""
    out = []
    for top in ("broker", "controller", "common", "cli"):
        for path in sorted(glob.glob(os.path.join(root, top, "**", "*.[ch]"), recursive=True)):
            if os.path.basename(path) in NO_READERS and os.path.basename(os.path.dirname(path)) == "config":
                continue
            with open(path) as f:
                text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
            if path.endswith(os.path.join("config", "finish.c")):
                text = re.sub(r"\nstatic void finish_times\(.*?\n}\n", "\n", text, flags=re.S)
            out.append(text)
    return "\n".join(out)


def unread(nodes, topics, text):
    """Names of keys and settings that work by the table, and that nobody reads."""
    named = set(re.findall(r"\b((?:TOPIC_)?CONFIG_[A-Z0-9_]+)\b", text))
    # Controllers, who know no configuration file, look some settings up in the image by their names.
    named |= {"TOPIC_CONFIG_" + t[0] for t in topics if f'"{t[1]}"' in text}
    read_topics = [t for t in topics if "TOPIC_CONFIG_" + t[0] in named]
    behind = {key for t in read_topics for key in t[3]}
    missing = [n for i, n, e in nodes if e not in SILENT and "CONFIG_" + i not in named and i not in behind]
    return missing + [n for i, n, e, _ in topics if e not in SILENT and "TOPIC_CONFIG_" + i not in named]


class Readers(unittest.TestCase):
    def setUp(self):
        with open(TABLE) as f:
            self.nodes, self.topics = rows(f.read())

    def test_all_rows_are_seen(self):
        with open(TABLE) as f:
            lines = len(re.findall(r'^    X\((?!"|id)', f.read(), flags=re.M))
        self.assertEqual(len(self.nodes) + len(self.topics), lines)

    def test_every_working_key_has_a_reader(self):
        self.assertEqual(unread(self.nodes, self.topics, code(ROOT)), [])

    def test_a_key_without_reader_is_found(self):
        text = code(ROOT)
        without = re.sub(r"\bCONFIG_DELETE_TOPIC_ENABLE\b", "", text)
        self.assertEqual(unread(self.nodes, self.topics, without), ["delete.topic.enable"])
        without = re.sub(r"\bTOPIC_CONFIG_RETENTION_BYTES\b", "", text)
        self.assertEqual(unread(self.nodes, self.topics, without), ["log.retention.bytes", "retention.bytes"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
