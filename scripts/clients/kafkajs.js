#!/usr/bin/env node
// kafkajs: one verb of scripts/clients/run.
//
//   kafkajs.js topics | create TOPIC PARTITIONS | produce TOPIC CODEC | transactions TOPIC
//   kafkajs.js fetch TOPIC COUNT | group TOPIC COUNT GROUP
//
// Records to produce come on standard input and fetched ones go to standard output, as records.py
// says. Settings are those of connection.py. kafkajs shows headers as an object, so the order of
// different names is lost; of codecs it has gzip without plug-ins; it has no assignment without a group.

'use strict'
const fs = require('fs')
const { randomUUID } = require('crypto')
const { CompressionTypes, Kafka, logLevel } = require('kafkajs')

const TIMEOUT = 30_000 // ms, for reading

const setting = name => process.env['KAFKA_' + name] || undefined
const octets = text => (text === null ? null : Buffer.from(text, 'latin1'))
const text = octets => (octets === null || octets === undefined ? null : Buffer.from(octets).toString('latin1'))
const show = line => process.stdout.write(JSON.stringify(line) + '\n')

function connect() {
  if (!setting('BOOTSTRAP')) throw new Error('KAFKA_BOOTSTRAP is not set: host:port of the cluster')
  const pem = name => (setting(name) ? fs.readFileSync(setting(name), 'utf8') : undefined)
  return new Kafka({
    clientId: 'nucypher-kafka-test',
    brokers: setting('BOOTSTRAP').split(','),
    logLevel: logLevel.ERROR,
    retry: { retries: 8 },
    ssl: setting('CA_FILE') && { ca: [pem('CA_FILE')], cert: pem('CLIENT_CERT'), key: pem('CLIENT_KEY') },
    sasl: setting('SASL_MECHANISM') && {
      mechanism: setting('SASL_MECHANISM').toLowerCase(),
      username: setting('SASL_USERNAME'),
      password: setting('SASL_PASSWORD'),
    },
  })
}

async function using(client, work) {
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.disconnect()
  }
}

const inputRecords = () => fs.readFileSync(0, 'utf8').split('\n').filter(Boolean).map(JSON.parse)

function message(record) {
  const headers = {}
  for (const [name, value] of record.headers) (headers[name] ||= []).push(octets(value))
  return {
    partition: record.partition,
    timestamp: String(record.timestamp),
    key: octets(record.key),
    value: octets(record.value),
    headers,
  }
}

const verbs = {
  async topics() {
    const names = await using(connect().admin(), admin => admin.listTopics())
    process.stdout.write(names.sort().join('\n') + '\n')
  },

  async create(topic, partitions) {
    const configEntries = [{ name: 'retention.ms', value: '-1' }] // the timestamps lie in the past
    const topics = [{ topic, numPartitions: Number(partitions), configEntries }]
    await using(connect().admin(), admin => admin.createTopics({ topics }))
  },

  async produce(topic, codec) {
    const compression = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP }[codec]
    const messages = inputRecords().map(message)
    await using(connect().producer(), producer => producer.send({ topic, messages, compression, acks: -1 }))
  },

  async transactions(topic) {
    const messages = inputRecords().map(message)
    const transactional = { transactionalId: `${topic}-${randomUUID()}`, maxInFlightRequests: 1, idempotent: true }
    await using(connect().producer(transactional), async producer => {
      for (const end of ['commit', 'abort', 'commit']) {
        const transaction = await producer.transaction()
        await transaction.send({ topic, messages })
        await transaction[end]()
      }
    })
  },

  async fetch(topic, count) {
    await verbs.read(topic, Number(count), `${topic}-fetch-${randomUUID()}`)
  },

  async group(topic, count, name) {
    await verbs.read(topic, Number(count), name)
    const committed = await using(connect().admin(), admin => admin.fetchOffsets({ groupId: name, topics: [topic] }))
    for (const { partition, offset } of committed[0].partitions) show({ topic, partition, committed: Number(offset) })
  },

  async read(topic, count, groupId) {
    const readUncommitted = setting('ISOLATION') !== 'read_committed'
    const consumer = connect().consumer({ groupId, readUncommitted, sessionTimeout: 30_000, maxWaitTimeInMs: 500 })
    await using(consumer, async () => {
      await consumer.subscribe({ topic, fromBeginning: true })
      let missing = count
      const seen = {}
      await new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${missing} records did not arrive`)), TIMEOUT)
        consumer.on(consumer.events.CRASH, event => reject(event.payload.error))
        consumer
          .run({
            autoCommit: false,
            eachMessage: async ({ partition, message: m }) => {
              if (missing === 0) return
              const headers = []
              for (const [name, values] of Object.entries(m.headers || {})) {
                for (const value of Array.isArray(values) ? values : [values]) headers.push([name, text(value)])
              }
              const { key, value } = m
              show({
                topic,
                partition,
                offset: Number(m.offset),
                timestamp: Number(m.timestamp),
                key: text(key),
                headers,
                value: text(value),
              })
              seen[partition] = Number(m.offset) + 1
              if (--missing === 0) {
                clearTimeout(late)
                resolve()
              }
            },
          })
          .catch(reject)
      })
      const offsets = Object.entries(seen).map(([partition, next]) => ({
        topic,
        partition: Number(partition),
        offset: String(next),
      }))
      await consumer.commitOffsets(offsets)
    })
  },
}

const [verb, ...operands] = process.argv.slice(2)
verbs[verb](...operands).catch(error => {
  process.stderr.write(`kafkajs ${verb}: ${error.stack}\n`)
  process.exitCode = 1
})
