"""What kafka-python's admin client (2.0.2, 3.x) is told about a topic that it makes, changes and deletes (admin.py): BOOTSTRAP TOPIC."""
import json, sys

import kafka
from kafka import KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic
from kafka.errors import KafkaError

from admin import until

bootstrap, topic = sys.argv[1].split(","), sys.argv[2]
new = kafka.__version__ >= "3"
client = KafkaAdminClient(bootstrap_servers=bootstrap)
consumer = kafka.KafkaConsumer(bootstrap_servers=bootstrap)
parts = [TopicPartition(topic, p) for p in range(3)]


def error(call, *args):
    """The name of the error that a call raises; "none" without one."""
    try:
        call(*args)
        return "none"
    except KafkaError as e:
        return type(e).__name__


def describe():
    """[partition, replicas, in sync] of each"""
    found = client.describe_topics([topic])[0]["partitions"]
    index, replicas, isr = ("partition_index", "replica_nodes", "isr_nodes") if new else ("partition", "replicas", "isr")
    return sorted([p[index], len(p[replicas]), len(p[isr])] for p in found)


def retention():
    if new:
        return client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")["topic"][topic]["retention.ms"]["value"]
    answer, = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return next(entry[1] for entry in answer.resources[0][4] if entry[0] == "retention.ms")


def alter(value):
    """Both answer whatever error is in the response: 2.0.2 as its code, 3.x as its sentence."""
    answer = client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": value})])
    if new and answer["topic"][topic] != "OK":
        raise kafka.errors.InvalidConfigurationError(answer["topic"][topic])
    if not new and answer.resources[0][0]:
        raise kafka.errors.for_code(answer.resources[0][0])()


told = {}
wanted = NewTopic(topic, 3, 3, topic_configs={"retention.ms": "86400000"})
told["created"] = error(client.create_topics, [wanted])
told["again"] = error(client.create_topics, [wanted])
told["listed"] = until(lambda: topic in client.list_topics())
until(lambda: all(p[2] == 3 for p in describe()))
told["partitions"] = describe()
told["brokers"] = sorted(b["broker_id" if new else "node_id"] for b in client.describe_cluster()["brokers"])
until(lambda: retention() == "86400000")
told["retention"] = retention()
producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
for i in range(3):
    producer.send(topic, str(i).encode(), partition=1).get(20)
told["ends"] = [[p.partition, end] for p, end in sorted(consumer.end_offsets(parts).items())]
if new:
    told["low"] = client.delete_records({parts[1]: 2})[parts[1]]["low_watermark"]
    told["starts"] = [[p.partition, start] for p, start in sorted(consumer.beginning_offsets(parts).items())]
    told["beyond"] = error(client.delete_records, {parts[1]: 4})
told["alter"] = error(alter, "43200000")
until(lambda: retention() == "43200000")
told["altered"] = retention()
told["badConfig"] = error(alter, "abc")
told["grown"] = error(client.create_partitions, {topic: NewPartitions(4)})
until(lambda: len(describe()) == 4)
told["count"] = len(describe())
told["shrunk"] = error(client.create_partitions, {topic: NewPartitions(2)})
if new:
    told["elected"] = error(client.elect_leaders, 0, {topic: [1]})
    told["holders"] = sorted(b["broker"] for b in client.describe_log_dirs([topic])
                             if any(t["partitions"] for d in b["log_dirs"] for t in d["topics"] if t["name"] == topic))
    told["voters"] = sorted(v["replica_id"] for v in client.describe_metadata_quorum()["topics"][0]["partitions"][0]["current_voters"])
told["deleted"] = error(client.delete_topics, [topic])
told["gone"] = until(lambda: topic not in client.list_topics())
print(json.dumps(told))
