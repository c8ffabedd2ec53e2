import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.function.Predicate;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringSerializer;

/** What Java's admin client (2.8 to today) is told about a topic that it makes, changes and deletes (../admin.py): BOOTSTRAP TOPIC. */
public final class AdminWorker {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final Map<String, Object> told = new TreeMap<>();
    private final Admin admin;
    private final String bootstrap;
    private final String topic;
    private final TopicPartition written;

    private AdminWorker(Admin admin, String bootstrap, String topic) {
        this.admin = admin;
        this.bootstrap = bootstrap;
        this.topic = topic;
        this.written = new TopicPartition(topic, 1);
    }

    /** Asks until the answer is good or patience ends: one broker knows a moment after another. */
    private static <T> T until(Callable<T> ask, Predicate<T> good) throws Exception {
        for (long end = System.nanoTime() + PATIENCE.toNanos();; Thread.sleep(50)) {
            boolean last = System.nanoTime() > end;
            try {
                T found = ask.call();
                if (last || good.test(found)) {
                    return found;
                }
            } catch (ExecutionException e) {
                if (last) {
                    throw e;
                }
            }
        }
    }

    /** The name of the error that a future ends with; "none" without one. */
    private static String error(KafkaFuture<?> future) throws InterruptedException {
        try {
            future.get();
            return "none";
        } catch (ExecutionException e) {
            return e.getCause().getClass().getSimpleName();
        }
    }

    /** values() of 2.8 and topicNameValues() of today. */
    @SuppressWarnings("unchecked")
    private TopicDescription describe() throws Exception {
        Object result = admin.describeTopics(Collections.singletonList(topic));
        for (String name : new String[] {"topicNameValues", "values"}) {
            try {
                Object values = result.getClass().getMethod(name).invoke(result);
                return ((Map<String, KafkaFuture<TopicDescription>>) values).get(topic).get();
            } catch (NoSuchMethodException e) {
                continue;
            }
        }
        throw new IllegalStateException("no way to describe a topic");
    }

    private List<List<Integer>> partitions(TopicDescription description) {
        List<List<Integer>> rows = new ArrayList<>();
        description.partitions().forEach(p -> rows.add(List.of(p.partition(), p.replicas().size(), p.isr().size())));
        return rows;
    }

    private String retention() throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        return admin.describeConfigs(Collections.singleton(resource)).all().get().get(resource).get("retention.ms").value();
    }

    private List<List<Long>> offsets(OffsetSpec spec) throws Exception {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        for (int i = 0; i < 3; i++) {
            wanted.put(new TopicPartition(topic, i), spec);
        }
        List<List<Long>> rows = new ArrayList<>();
        new TreeMap<>(Map.of(0, 0, 1, 1, 2, 2)).keySet().forEach(i -> rows.add(new ArrayList<>(List.of((long) i))));
        admin.listOffsets(wanted).all().get().forEach((p, found) -> rows.get(p.partition()).add(found.offset()));
        return rows;
    }

    private void create() throws Exception {
        NewTopic wanted = new NewTopic(topic, 3, (short) 3).configs(Map.of("retention.ms", "86400000"));
        told.put("created", error(admin.createTopics(Collections.singleton(wanted)).all()));
        told.put("again", error(admin.createTopics(Collections.singleton(wanted)).all()));
        told.put("listed", until(() -> admin.listTopics().names().get().contains(topic), found -> found));
        told.put("partitions", partitions(until(this::describe, d -> partitions(d).stream().allMatch(p -> p.get(2) == 3))));
        Collection<Node> nodes = admin.describeCluster().nodes().get();
        Set<Integer> brokers = new TreeSet<>();
        nodes.forEach(node -> brokers.add(node.id()));
        told.put("brokers", brokers);
        told.put("clusterId", admin.describeCluster().clusterId().get().length());
        told.put("retention", until(this::retention, "86400000"::equals));
    }

    private void records() throws Exception {
        Properties config = new Properties();
        config.put("bootstrap.servers", bootstrap);
        config.put("acks", "all"); // 2.8's default is 1: what it wrote could not be deleted yet
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < 3; i++) {
                producer.send(new ProducerRecord<>(topic, 1, null, "" + i)).get();
            }
        }
        told.put("ends", offsets(OffsetSpec.latest()));
        told.put("low", admin.deleteRecords(Map.of(written, RecordsToDelete.beforeOffset(2))).lowWatermarks().get(written).get().lowWatermark());
        told.put("starts", offsets(OffsetSpec.earliest()));
        told.put("beyond", error(admin.deleteRecords(Map.of(written, RecordsToDelete.beforeOffset(4))).all()));
    }

    private void change() throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        AlterConfigOp set = new AlterConfigOp(new ConfigEntry("retention.ms", "43200000"), AlterConfigOp.OpType.SET);
        AlterConfigOp bad = new AlterConfigOp(new ConfigEntry("retention.ms", "abc"), AlterConfigOp.OpType.SET);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(set))).all().get();
        told.put("altered", until(this::retention, "43200000"::equals));
        told.put("badConfig", error(admin.incrementalAlterConfigs(Map.of(resource, List.of(bad))).all()));
        told.put("grown", error(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all()));
        told.put("count", until(() -> describe().partitions().size(), n -> n == 4));
        told.put("shrunk", error(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(2))).all()));
        Map<TopicPartition, Optional<Throwable>> elected =
            admin.electLeaders(ElectionType.PREFERRED, Collections.singleton(written)).partitions().get();
        told.put("elected", elected.get(written).map(e -> e.getClass().getSimpleName()).orElse("none"));
        Set<Integer> holders = new TreeSet<>();
        admin.describeLogDirs(List.of(1, 2, 3)).allDescriptions().get().forEach((broker, dirs) -> dirs.values().forEach(dir -> {
            if (dir.replicaInfos().containsKey(written)) {
                holders.add(broker);
            }
        }));
        told.put("holders", holders);
    }

    private void delete() throws Exception {
        told.put("deleted", error(admin.deleteTopics(Collections.singleton(topic)).all()));
        told.put("gone", !until(() -> admin.listTopics().names().get().contains(topic), found -> !found));
    }

    private static String json(Object value) {
        return value instanceof String ? "\"" + value + "\"" : String.valueOf(value);
    }

    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        config.put("bootstrap.servers", args[0]);
        try (Admin admin = Admin.create(config)) {
            AdminWorker worker = new AdminWorker(admin, args[0], args[1]);
            worker.create();
            worker.records();
            worker.change();
            worker.delete();
            List<String> fields = new ArrayList<>();
            worker.told.forEach((name, value) -> fields.add(json(name) + ": " + json(value)));
            System.out.println("{" + String.join(", ", fields) + "}");
        }
    }
}
