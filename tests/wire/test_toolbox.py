#!/usr/bin/env python3
"""The stories of Kafka's tools: they read as they are written, masks hide what differs from run to run and nothing else."""
import os, shutil, sys, tempfile, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import toolbox

STORIES = [os.path.join(toolbox.clients.HERE, "tools", name) for name in ("kafka-3.9.txt", "kafka-4.3.txt")]


class Box:
    """Answers what it was told to, command by command."""

    def __init__(self, directory, answers):
        self.directory, self.answers, self.asked = directory, answers, []

    def run(self, command):
        self.asked.append(command)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


class ToolboxTest(unittest.TestCase):
    def test_stories_read_as_they_are_written(self):
        for path in STORIES:
            with tempfile.TemporaryDirectory() as scratch:
                copy = shutil.copy(path, scratch)
                steps = toolbox.load(copy)
                toolbox.save(copy, steps)
                with open(path) as a, open(copy) as b:
                    self.assertEqual(a.read().rstrip(), b.read().rstrip())
            self.assertTrue(all(step.section and step.printed.endswith("]") for step in steps))
            self.assertGreater(len({step.command.split()[0] for step in steps}), 9)

    def test_masks(self):
        for one, other in (("log4j:WARN No appenders\nTopicId: AAAAAAAAAAAAAAAAAAAAAQ\n", "TopicId: n32lXuDun1EJ9hW2Xi7ZYQ"),
                           ("127.0.0.1:34010 (id: 1)", "127.0.0.1:34012 (id: 1)"), ("x\n\tat a.b\n\tat c.d\ny", "x\n\tat e\ny"),
                           ("20 records sent, 3 records/sec", "20 records sent, 4 records/sec"), ("LeaderEpoch:  1", "LeaderEpoch: 33"),
                           ('CurrentVoters: [{"id": 2}, {"id": 1}]', 'CurrentVoters: [{"id": 1}, {"id": 2}]')):
            self.assertEqual(toolbox.mask(one, [34010, 34012]), toolbox.mask(other, [34010, 34012]))
        for one, other in (("20 records sent, 3", "21 records sent, 3"), ("orders:0:40", "orders:0:41"), ("Leader: 1", "Leader: 2"),
                           ("Cluster ID: AAAAAAAAAAAAAAAAAAAAAQ", "Cluster ID: null"), ("offsetLag\":0", "offsetLag\":1")):
            self.assertNotEqual(toolbox.mask(one, [34010]), toolbox.mask(other, [34010]))

    def test_brokers_of_api_versions(self):
        block = "127.0.0.1:9 (id: %d) -> (\n\tProduce(0): 0 to 13 [usable: 13],\n\tUNKNOWN(88): 0%s\n)"
        text = toolbox.mask("\n".join((block % (2, ""), block % (1, ""))), [])
        self.assertEqual(text, "127.0.0.1:9 (id: 1) -> (\n\tProduce(0): 0 to 13 [usable: 13]\n\tUNKNOWN(88): 0\n)\n"
                         "127.0.0.1:9 (id: 2) -> (... the same)")
        self.assertNotIn("same", toolbox.mask("\n".join((block % (2, ""), block % (1, " to 1"))), []))
        self.assertEqual(toolbox.ours(text, {0}), text.replace("\tUNKNOWN(88): 0\n", ""))
        self.assertIn("\tProduce(0): UNSUPPORTED\n", toolbox.ours(text, {88}))

    def test_play(self):
        with tempfile.TemporaryDirectory() as scratch:
            step = toolbox.Step("s", "kafka-cluster cluster-id")
            step.printed, step.files = "yes\n[exit 0]", {"f.json": "{}"}
            play = lambda answers: [other for _, other in toolbox.play(Box(scratch, answers), [step], [])]
            self.assertEqual(play([(0, "yes\n")]), [None])
            self.assertEqual(play([(0, "no\n")]), ["@@ -1 +1 @@\n-yes\n+no"])
            self.assertEqual(play([(1, "yes\n")]), ["@@ -2 +2 @@\n-[exit 0]\n+[exit 1]"])
            step.command = "kafka-topics --describe"
            self.assertEqual(play([(0, "not yet\n"), (0, "yes\n")]), [None])
            with open(os.path.join(scratch, "f.json")) as f:
                self.assertEqual(f.read(), "{}")


if __name__ == "__main__":
    unittest.main()
