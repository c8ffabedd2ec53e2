package main

// franz-go as a member of a group: worker member BOOTSTRAP GROUP TOPICS [key=value ...]; what it says and takes: ../../groups/member.py.

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var balancers = map[string]kgo.GroupBalancer{
	"range": kgo.RangeBalancer(), "roundrobin": kgo.RoundRobinBalancer(), "sticky": kgo.StickyBalancer(),
	"cooperative-sticky": kgo.CooperativeStickyBalancer(),
}

var voice sync.Mutex

func say(words ...any) {
	voice.Lock()
	defer voice.Unlock()
	fmt.Println(words...)
}

func shown(of map[string][]int32) string {
	var names []string
	for topic, partitions := range of {
		for _, p := range partitions {
			names = append(names, topic+":"+strconv.Itoa(int(p)))
		}
	}
	sort.Strings(names)
	return strings.Join(names, ",")
}

func told(word string) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(_ context.Context, client *kgo.Client, of map[string][]int32) {
		_, generation := client.GroupMetadata()
		say(word, generation, shown(of))
	}
}

func partition(name string) (string, int32) {
	at := strings.LastIndexByte(name, ':')
	number, _ := strconv.Atoi(name[at+1:])
	return name[:at], int32(number)
}

func obey(client *kgo.Client) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words, parts := strings.Fields(lines.Text()), map[string][]int32{}
		for _, name := range strings.Split(words[1], ",") {
			topic, p := partition(name)
			parts[topic] = append(parts[topic], p)
		}
		switch words[0] {
		case "pause":
			client.PauseFetchPartitions(parts)
		case "resume":
			client.ResumeFetchPartitions(parts)
		case "seek":
			topic, p := partition(words[1])
			offset, _ := strconv.ParseInt(words[2], 10, 64)
			client.SetOffsets(map[string]map[int32]kgo.EpochOffset{topic: {p: {Epoch: -1, Offset: offset}}})
		}
		say("note", words[0], words[1])
	}
}

func options(seeds []string, group, topics string, pairs []string) []kgo.Opt {
	opts := []kgo.Opt{kgo.SeedBrokers(seeds...), kgo.ConsumerGroup(group), kgo.ConsumeTopics(strings.Split(topics, ",")...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.HeartbeatInterval(500 * time.Millisecond),
		kgo.MetadataMaxAge(time.Second), kgo.MetadataMinAge(100 * time.Millisecond), kgo.FetchMaxWait(200 * time.Millisecond),
		kgo.OnPartitionsAssigned(told("assigned")), kgo.OnPartitionsRevoked(told("revoked")), kgo.OnPartitionsLost(told("revoked"))}
	if strings.HasPrefix(topics, "^") {
		opts = append(opts, kgo.ConsumeRegex())
	}
	timeout := 3000
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "group.instance.id":
			opts = append(opts, kgo.InstanceID(value))
		case "session.timeout.ms":
			timeout, _ = strconv.Atoi(value)
		case "partition.assignment.strategy":
			opts = append(opts, kgo.Balancers(balancers[value]))
		}
	}
	return append(opts, kgo.SessionTimeout(time.Duration(timeout)*time.Millisecond))
}

func member(seeds []string, group, topics string, pairs []string) error {
	client, err := kgo.NewClient(options(seeds, group, topics, pairs)...)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go obey(client)
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		records := fetches.Records()
		for _, r := range records {
			say("read", r.Topic, r.Partition, r.Offset, string(r.Value))
		}
		if len(records) == 0 {
			continue
		}
		if err := client.CommitRecords(context.Background(), records...); err != nil {
			say("note", err)
			continue
		}
		last := map[string]int64{}
		for _, r := range records {
			last[fmt.Sprint(r.Topic, " ", r.Partition)] = r.Offset + 1
		}
		for partition, offset := range last {
			say("committed", partition, offset)
		}
	}
	client.Close() // leaves the group, unless it is a static member
	return nil
}
