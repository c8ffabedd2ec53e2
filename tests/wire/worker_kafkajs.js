// kafkajs writes or reads records (their format: frames.py), or shows what its admin client is told:
//
//   worker_kafkajs.js write BOOTSTRAP TOPIC CODEC <records      worker_kafkajs.js read BOOTSTRAP TOPIC PARTITIONS >records
//   worker_kafkajs.js admin BOOTSTRAP TOPIC
//
// Its consumer always joins a group: one for each run. NODE_PATH names the directory where kafkajs is installed.
'use strict'
const fs = require('fs')
const { Kafka, CompressionTypes, logLevel } = require('kafkajs')

const BATCH = 500
const BATCH_BYTES = 900000
const PATIENCE_MS = 10000
const SILENCE_MS = 30000

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

function frame (partition, message) {
  const out = []
  const int32 = value => { const b = Buffer.alloc(4); b.writeInt32BE(value); out.push(b) }
  const int64 = value => { const b = Buffer.alloc(8); b.writeBigInt64BE(BigInt(value)); out.push(b) }
  const string = data => { int32(data === null ? -1 : data.length); if (data !== null) out.push(data) }
  const headers = Object.entries(message.headers || {}).flatMap(([name, value]) => [value].flat().map(one => [name, one]))
  int32(partition)
  int64(message.offset)
  int64(message.timestamp)
  string(message.key)
  string(message.value)
  int32(headers.length)
  for (const [name, value] of headers) {
    string(Buffer.from(name))
    string(value)
  }
  return Buffer.concat(out)
}

async function read (kafka, topic) {
  const client = kafka.admin()
  await client.connect()
  const left = new Map((await client.fetchTopicOffsets(topic)).filter(o => o.high !== '0').map(o => [o.partition, BigInt(o.high)]))
  await client.disconnect()
  const consumer = kafka.consumer({ groupId: `read-${topic}-${process.pid}` })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let last = Date.now()
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      last = Date.now()
      fs.writeSync(1, frame(partition, message))
      if (BigInt(message.offset) + 1n >= left.get(partition)) left.delete(partition)
    }
  })
  while (left.size && Date.now() - last < SILENCE_MS) await new Promise(resolve => setTimeout(resolve, 50))
  await consumer.disconnect()
  if (left.size) throw new Error(`nothing came for ${SILENCE_MS} ms, partitions ${[...left.keys()]} have not ended`)
}

async function until (ask, good) {
  for (const end = Date.now() + PATIENCE_MS; ;) {
    const found = await ask().catch(e => { if (Date.now() > end) throw e })
    if (Date.now() > end || good(found)) return found
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

// The name of the error that a promise ends with; "none" without one.
function error (promise) {
  return promise.then(() => 'none', e => (e.errors && e.errors[0].type) || e.type || String(e))
}

async function admin (kafka, topic) {
  const client = kafka.admin()
  await client.connect()
  const told = {}
  const configEntries = [{ name: 'retention.ms', value: '86400000' }]
  const create = () => client.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 3, configEntries }] })
  const listed = async () => (await client.listTopics()).includes(topic)
  const describe = async () => (await client.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions
    .map(p => [p.partitionId, p.replicas.length, p.isr.length]).sort()
  const resource = { type: 2, name: topic }
  const retention = async () => (await client.describeConfigs({ resources: [{ ...resource, configNames: ['retention.ms'] }] }))
    .resources[0].configEntries[0].configValue
  const alter = value => client.alterConfigs({ resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value }] }] })

  told.created = await create() ? 'none' : 'refused'
  told.again = await create() ? 'none' : 'TOPIC_ALREADY_EXISTS' // createTopics answers false for this error and throws any other
  told.listed = await until(listed, found => found)
  told.partitions = await until(describe, found => found && found.every(p => p[2] === 3))
  const cluster = await client.describeCluster()
  told.brokers = cluster.brokers.map(b => b.nodeId).sort()
  told.clusterId = cluster.clusterId.length
  told.retention = await until(retention, found => found === '86400000')
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, messages: [1, 2, 3].map(i => ({ partition: 1, value: String(i) })) })
  await producer.disconnect()
  const offsets = async which => (await client.fetchTopicOffsets(topic)).map(o => [o.partition, Number(o[which])]).sort()
  told.ends = await offsets('high')
  told.deleteRecords = await error(client.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '2' }] }))
  told.starts = await offsets('low')
  told.alter = await error(alter('43200000'))
  told.altered = await until(retention, found => found === '43200000')
  told.badConfig = await error(alter('abc'))
  told.grown = await error(client.createPartitions({ topicPartitions: [{ topic, count: 4 }] }))
  told.count = (await until(describe, found => found && found.length === 4)).length
  told.shrunk = await error(client.createPartitions({ topicPartitions: [{ topic, count: 2 }] }))
  told.deleted = await error(client.deleteTopics({ topics: [topic] }))
  told.gone = !await until(listed, found => found === false)
  await client.disconnect()
  console.log(JSON.stringify(told))
}

async function main () {
  const [what, bootstrap, topic, codec] = process.argv.slice(2)
  const kafka = new Kafka({ clientId: 'wire', brokers: bootstrap.split(','), logLevel: logLevel.NOTHING })
  await (what === 'write' ? write(kafka, topic, codec) : what === 'read' ? read(kafka, topic) : admin(kafka, topic))
}

main().catch(e => {
  console.error(String(e))
  process.exit(1)
})
