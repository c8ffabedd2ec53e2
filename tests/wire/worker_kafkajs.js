// kafkajs writes records (their format: frames.py), or shows what its admin client is told:
//
//   worker_kafkajs.js write BOOTSTRAP TOPIC CODEC <records      worker_kafkajs.js admin BOOTSTRAP TOPIC
//
// Its consumer always joins a group. NODE_PATH names the directory where kafkajs is installed.
'use strict'
const fs = require('fs')
const { Kafka, CompressionTypes, logLevel } = require('kafkajs')

const BATCH = 500
const BATCH_BYTES = 900000

function * records (data) {
  let at = 0
  const int32 = () => { at += 4; return data.readInt32BE(at - 4) }
  const int64 = () => { at += 8; return data.readBigInt64BE(at - 8) }
  const string = () => {
    const length = int32()
    if (length < 0) return null
    at += length
    return data.subarray(at - length, at)
  }
  while (at < data.length) {
    const partition = int32()
    int64()
    const time = int64()
    const key = string()
    const value = string()
    const headers = {}
    for (let left = int32(); left > 0; left--) {
      const name = string().toString()
      headers[name] = [...(headers[name] || []), string()]
    }
    yield { partition, key, value, headers, timestamp: time < 0n ? undefined : time.toString() }
  }
}

async function write (kafka, topic, codec) {
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  let messages = []
  let bytes = 0
  const send = async () => {
    if (messages.length) await producer.send({ topic, acks: -1, compression: CompressionTypes[codec.toUpperCase()], messages })
    messages = []
    bytes = 0
  }
  for (const record of records(fs.readFileSync(0))) {
    const size = (record.value || '').length
    if (messages.length === BATCH || bytes + size > BATCH_BYTES) await send()
    messages.push(record)
    bytes += size
  }
  await send()
  await producer.disconnect()
}

async function admin (kafka, topic) {
  const client = kafka.admin()
  await client.connect()
  const told = {}
  const config = [{ name: 'retention.ms', value: '86400000' }]
  told.created = await client.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 3, configEntries: config }] })
  told.again = await client.createTopics({ topics: [{ topic }] })
  told.listed = (await client.listTopics()).includes(topic)
  const metadata = await client.fetchTopicMetadata({ topics: [topic] })
  told.partitions = metadata.topics[0].partitions.map(p => [p.partitionId, p.replicas.length, p.isr.length]).sort()
  const cluster = await client.describeCluster()
  told.brokers = cluster.brokers.map(b => b.nodeId).sort()
  told.clusterId = cluster.clusterId.length
  const configs = await client.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: topic, configNames: ['retention.ms'] }] })
  told.retention = configs.resources[0].configEntries.map(e => e.configValue)
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, messages: [1, 2, 3].map(i => ({ partition: 1, value: String(i) })) })
  await producer.disconnect()
  told.offsets = (await client.fetchTopicOffsets(topic)).map(o => [o.partition, o.low, o.high]).sort()
  await client.deleteTopics({ topics: [topic] })
  told.gone = !(await client.listTopics()).includes(topic)
  await client.disconnect()
  console.log(JSON.stringify(told))
}

async function main () {
  const [what, bootstrap, topic, codec] = process.argv.slice(2)
  const kafka = new Kafka({ clientId: 'wire', brokers: bootstrap.split(','), logLevel: logLevel.NOTHING })
  await (what === 'write' ? write(kafka, topic, codec) : admin(kafka, topic))
}

main().catch(e => {
  console.error(String(e))
  process.exit(1)
})
