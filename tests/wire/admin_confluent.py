"""What confluent-kafka's admin client is told about a topic that it makes, changes and deletes (admin.py): BOOTSTRAP TOPIC."""
import json, sys

from confluent_kafka import ElectionType, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka import admin as a

from admin import until

bootstrap, topic = sys.argv[1:]
client = a.AdminClient({"bootstrap.servers": bootstrap})
resource = lambda **config: a.ConfigResource(a.ResourceType.TOPIC, topic, **config)
parts = [TopicPartition(topic, p) for p in range(3)]


def error(future):
    """The name of the error that a future ends with; "none" without one."""
    try:
        future.result()
        return "none"
    except KafkaException as e:
        return e.args[0].name()


def describe():
    return client.describe_topics(TopicCollection([topic]))[topic].result().partitions


def retention():
    return client.describe_configs([resource()])[resource()].result()["retention.ms"].value


def alter(value):
    entry = a.ConfigEntry("retention.ms", value, incremental_operation=a.AlterConfigOpType.SET)
    return client.incremental_alter_configs([resource(incremental_configs=[entry])])[resource()]


def offsets(spec):
    return [[p.partition, f.result().offset] for p, f in sorted(client.list_offsets({p: spec for p in parts}).items(), key=lambda i: i[0].partition)]


told = {}
wanted = a.NewTopic(topic, 3, 3, config={"retention.ms": "86400000"})
told["created"] = error(client.create_topics([wanted])[topic])
told["again"] = error(client.create_topics([wanted])[topic])
told["listed"] = until(lambda: topic in client.list_topics(timeout=10).topics)
full = until(lambda: (found := describe()) and all(len(p.isr) == 3 for p in found) and found)
told["partitions"] = [[p.id, len(p.replicas), len(p.isr)] for p in full or []]
cluster = client.describe_cluster().result()
told["brokers"], told["clusterId"] = sorted(n.id for n in cluster.nodes), len(cluster.cluster_id)
until(lambda: retention() == "86400000")
told["retention"] = retention()
producer = Producer({"bootstrap.servers": bootstrap})
for i in range(3):
    producer.produce(topic, str(i), partition=1)
producer.flush(20)
told["ends"] = until(lambda: offsets(a.OffsetSpec.latest()))  # it does not ask again when a new leader does not know yet that it is
told["low"] = client.delete_records([TopicPartition(topic, 1, 2)])[parts[1]].result().low_watermark
told["starts"] = until(lambda: offsets(a.OffsetSpec.earliest()))
told["beyond"] = error(client.delete_records([TopicPartition(topic, 1, 4)])[parts[1]])
told["alter"] = error(alter("43200000"))
until(lambda: retention() == "43200000")
told["altered"] = retention()
told["badConfig"] = error(alter("abc"))
told["grown"] = error(client.create_partitions([a.NewPartitions(topic, 4)])[topic])
until(lambda: len(describe()) == 4)
told["count"] = len(describe())
told["shrunk"] = error(client.create_partitions([a.NewPartitions(topic, 2)])[topic])
elected = client.elect_leaders(ElectionType.PREFERRED, [parts[1]]).result()[parts[1]]
told["elected"] = elected.args[0].name() if isinstance(elected, KafkaException) else elected.name() if elected else "none"
told["deleted"] = error(client.delete_topics([topic])[topic])
told["gone"] = until(lambda: topic not in client.list_topics(timeout=10).topics)
print(json.dumps(told))
