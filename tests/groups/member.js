// kafkajs as a member of a group: member.js BOOTSTRAP GROUP TOPICS [key=value ...]; what it says and takes: member.py.
// It has no static members, one assignor of its own (RoundRobinAssigner), and does not tell the generation.
'use strict'
const readline = require('readline')
const { Kafka, logLevel } = require('kafkajs')

const [bootstrap, group, topics, ...rest] = process.argv.slice(2)
const settings = Object.fromEntries(rest.map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
const say = (...words) => process.stdout.write(words.join(' ') + '\n')
const shown = pairs => pairs.sort().join(',')

async function main () {
  const kafka = new Kafka({ clientId: 'kafkajs', brokers: bootstrap.split(','), logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 20 } })
  const consumer = kafka.consumer({ groupId: group, sessionTimeout: +(settings['session.timeout.ms'] || 3000), heartbeatInterval: 500, metadataMaxAge: 1000, maxWaitTimeInMs: 200 })
  let mine = []
  const revoke = () => {
    if (mine.length) say('revoked', -1, shown(mine))
    mine = []
  }
  consumer.on(consumer.events.REBALANCING, revoke)
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    revoke()
    mine = Object.entries(payload.memberAssignment).flatMap(([topic, parts]) => parts.map(p => `${topic}:${p}`))
    say('assigned', -1, shown(mine))
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => say('note', String(payload.error).split('\n')[0]))
  await consumer.connect()
  for (const topic of topics.split(',')) await consumer.subscribe({ topic: topic.startsWith('^') ? new RegExp(topic) : topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: true,
    eachBatch: async ({ batch, isRunning, isStale, heartbeat }) => {
      if (!isRunning() || isStale()) return
      for (const m of batch.messages) say('read', batch.topic, batch.partition, m.offset, m.value.toString())
      const offset = (BigInt(batch.lastOffset()) + 1n).toString()
      await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset }])
      say('committed', batch.topic, batch.partition, offset)
      await heartbeat()
    }
  })
  readline.createInterface({ input: process.stdin }).on('line', line => {
    const [word, names, offset] = line.split(' ')
    const parts = names.split(',').map(name => [name.slice(0, name.lastIndexOf(':')), +name.slice(name.lastIndexOf(':') + 1)])
    if (word === 'seek') consumer.seek({ topic: parts[0][0], partition: parts[0][1], offset })
    else consumer[word](parts.map(([topic, p]) => ({ topic, partitions: [p] })))
    say('note', word, names)
  })
  process.on('SIGTERM', async () => {
    await consumer.disconnect()
    process.exit(0)
  })
}

main().catch(e => {
  say('note', String(e).split('\n')[0])
  process.exit(1)
})
