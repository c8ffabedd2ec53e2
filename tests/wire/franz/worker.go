// franz-go writes or reads records (their format: ../frames.py):
//
//	worker write BOOTSTRAP TOPIC CODEC <records      worker read BOOTSTRAP TOPIC PARTITIONS >records
//	worker member BOOTSTRAP GROUP TOPICS [key=value ...]     (member.go)
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

func takeString(in io.Reader) ([]byte, error) {
	var length int32
	if err := binary.Read(in, binary.BigEndian, &length); err != nil || length < 0 {
		return nil, err
	}
	data := make([]byte, length)
	_, err := io.ReadFull(in, data)
	return data, err
}

// take answers nil at the end of the input.
func take(in io.Reader) (*kgo.Record, error) {
	var head struct {
		Partition    int32
		Offset, Time int64
	}
	if err := binary.Read(in, binary.BigEndian, &head); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	record := &kgo.Record{Partition: head.Partition}
	if head.Time >= 0 {
		record.Timestamp = time.UnixMilli(head.Time)
	}
	var err error
	if record.Key, err = takeString(in); err != nil {
		return nil, err
	}
	if record.Value, err = takeString(in); err != nil {
		return nil, err
	}
	var count int32
	if err := binary.Read(in, binary.BigEndian, &count); err != nil {
		return nil, err
	}
	for ; count > 0; count-- {
		name, err := takeString(in)
		if err != nil {
			return nil, err
		}
		value, err := takeString(in)
		if err != nil {
			return nil, err
		}
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: string(name), Value: value})
	}
	return record, nil
}

func putString(out []byte, data []byte) []byte {
	if data == nil {
		return binary.BigEndian.AppendUint32(out, ^uint32(0))
	}
	return append(binary.BigEndian.AppendUint32(out, uint32(len(data))), data...)
}

func put(out []byte, r *kgo.Record) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(r.Partition))
	out = binary.BigEndian.AppendUint64(out, uint64(r.Offset))
	out = binary.BigEndian.AppendUint64(out, uint64(r.Timestamp.UnixMilli()))
	out = putString(putString(out, r.Key), r.Value)
	out = binary.BigEndian.AppendUint32(out, uint32(len(r.Headers)))
	for _, h := range r.Headers {
		out = putString(putString(out, []byte(h.Key)), h.Value)
	}
	return out
}

func write(ctx context.Context, seeds []string, topic, codec string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codecs[codec]))
	if err != nil {
		return err
	}
	defer client.Close()
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	var failed error
	for {
		record, err := take(in)
		if err != nil {
			return err
		}
		if record == nil {
			break
		}
		client.Produce(ctx, record, func(_ *kgo.Record, err error) {
			if err != nil && failed == nil {
				failed = err
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	return failed
}

// ends asks every leader for the high watermarks.
func ends(ctx context.Context, client *kgo.Client, topic string, partitions int32) (map[int32]int64, error) {
	request, of := kmsg.NewPtrListOffsetsRequest(), kmsg.NewListOffsetsRequestTopic()
	request.ReplicaID, of.Topic = -1, topic
	for i := int32(0); i < partitions; i++ {
		partition := kmsg.NewListOffsetsRequestTopicPartition()
		partition.Partition, partition.Timestamp = i, -1
		of.Partitions = append(of.Partitions, partition)
	}
	request.Topics = append(request.Topics, of)
	found := map[int32]int64{}
	for _, shard := range client.RequestSharded(ctx, request) {
		if shard.Err != nil {
			return nil, shard.Err
		}
		for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode != 0 {
					return nil, fmt.Errorf("partition %d: error code %d", p.Partition, p.ErrorCode)
				}
				found[p.Partition] = p.Offset
			}
		}
	}
	return found, nil
}

func read(ctx context.Context, seeds []string, topic string, partitions int32) error {
	from := map[int32]kgo.Offset{}
	for i := int32(0); i < partitions; i++ {
		from[i] = kgo.NewOffset().At(0)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	if err != nil {
		return err
	}
	defer client.Close()
	left, err := ends(ctx, client, topic, partitions)
	if err != nil {
		return err
	}
	total := int64(0)
	for _, end := range left {
		total += end
	}
	out, row := bufio.NewWriterSize(os.Stdout, 1<<20), []byte(nil)
	for total > 0 {
		fetches := client.PollFetches(ctx)
		if errs := fetches.Errors(); len(errs) > 0 {
			return fmt.Errorf("%d records have not come: %w", total, errs[0].Err)
		}
		for records := fetches.RecordIter(); !records.Done(); total-- {
			row = put(row[:0], records.Next())
			if _, err := out.Write(row); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	var err error
	switch seeds := strings.Split(os.Args[2], ","); os.Args[1] {
	case "write":
		err = write(ctx, seeds, os.Args[3], os.Args[4])
	case "read":
		var partitions int
		if partitions, err = strconv.Atoi(os.Args[4]); err == nil {
			err = read(ctx, seeds, os.Args[3], int32(partitions))
		}
	case "member":
		err = member(seeds, os.Args[3], os.Args[4], os.Args[5:])
	default:
		err = fmt.Errorf("%s: write, read or member", os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
