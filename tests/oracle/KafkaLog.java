/*
 * Writes a partition's folder with Apache Kafka's own classes and prints its batches: "base last largest-timestamp".
 * usage: KafkaLog <folder> clean|crashed
 */
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.LogSegment;
import org.apache.kafka.storage.internals.log.ProducerStateEntry;
import org.apache.kafka.storage.internals.log.ProducerStateManager;

public class KafkaLog {
    static final int SEGMENTS = 3, BATCHES = 60;

    public static void main(String[] args) throws Exception {
        File dir = new File(args[0]);
        boolean clean = args[1].equals("clean");
        dir.mkdirs();
        LogConfig config = new LogConfig(Map.of("segment.index.bytes", "65536", "index.interval.bytes", "1024"));
        Random random = new Random(7);
        long offset = 0, time = 1700000000000L;
        for (int s = 0; s < SEGMENTS; s++) {
            LogSegment segment = LogSegment.open(dir, offset, config, Time.SYSTEM, 0, false);
            for (int b = 0; b < BATCHES; b++) {
                int count = 1 + random.nextInt(5);
                SimpleRecord[] records = new SimpleRecord[count];
                long largest = 0;
                for (int i = 0; i < count; i++) {
                    long at = time + random.nextInt(40);
                    largest = Math.max(largest, at);
                    records[i] = new SimpleRecord(at, "k".getBytes(), "x".repeat(random.nextInt(500)).getBytes(StandardCharsets.UTF_8));
                }
                Compression codec = Compression.of(CompressionType.forId(random.nextInt(5))).build();
                MemoryRecords batch = MemoryRecords.withRecords(offset, codec, 4 + s, records);
                segment.append(offset + count - 1, batch);
                System.out.println(offset + " " + (offset + count - 1) + " " + largest);
                offset += count;
                time += 20;
            }
            if (s + 1 < SEGMENTS) {
                segment.onBecomeInactiveSegment();
                segment.close();
            } else if (clean) {
                segment.close();
            }
        }
        ProducerStateEntry producer = new ProducerStateEntry(4000, (short) 2, 7, 1234, OptionalLong.of(11));
        ProducerStateManager.writeSnapshot(new File(dir, String.format("%020d.snapshot", offset)), Map.of(4000L, producer), true);
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
