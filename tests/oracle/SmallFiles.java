/* Reads the small files of a folder with Apache Kafka's own classes and prints what they say, one fact a line. */
import java.io.File;
import java.util.List;
import java.util.TreeMap;
import org.apache.kafka.metadata.properties.MetaProperties;
import org.apache.kafka.metadata.properties.MetaPropertiesEnsemble;
import org.apache.kafka.storage.internals.checkpoint.CleanShutdownFileHandler;
import org.apache.kafka.storage.internals.checkpoint.LeaderEpochCheckpointFile;
import org.apache.kafka.storage.internals.checkpoint.OffsetCheckpointFile;
import org.apache.kafka.storage.internals.checkpoint.PartitionMetadataFile;
import org.apache.kafka.storage.internals.log.EpochEntry;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;

public class SmallFiles {
    public static void main(String[] args) throws Exception {
        File dir = new File(args[0]);
        LogDirFailureChannel failures = new LogDirFailureChannel(1);
        TreeMap<String, Long> points = new TreeMap<>();
        new OffsetCheckpointFile(new File(dir, "recovery-point-offset-checkpoint"), failures).read()
            .forEach((partition, offset) -> points.put(partition.toString(), offset));
        System.out.println("points " + points);
        StringBuilder epochs = new StringBuilder();
        for (EpochEntry entry : new LeaderEpochCheckpointFile(LeaderEpochCheckpointFile.newFile(dir), failures).read()) {
            epochs.append(' ').append(entry.epoch()).append('@').append(entry.startOffset());
        }
        System.out.println("epochs" + epochs);
        System.out.println("topic " + new PartitionMetadataFile(PartitionMetadataFile.newFile(dir), failures).read().topicId());
        MetaPropertiesEnsemble ensemble = new MetaPropertiesEnsemble.Loader().addLogDirs(List.of(dir.getPath())).load();
        MetaProperties meta = ensemble.logDirProps().get(dir.getPath());
        System.out.println("meta " + meta.version() + " " + meta.clusterId().get() + " " + meta.nodeId().getAsInt() + " "
            + meta.directoryId().get());
        System.out.println("clean " + new CleanShutdownFileHandler(dir.getPath()).read().getAsLong());
    }
}
