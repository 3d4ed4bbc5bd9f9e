// Pages people for breached promises: opens a page for a breach, closes it when the breach is taken back or the clock
// ends.
//
//     npm ci && npm run build && npm start -- --kafka localhost:9092 --state pager.jsonl
//
// Three steps for every record, in this order: act, remember, commit. A crash after the first repeats the action with
// the same key (`incident`), which every paging service takes for the same page; a crash after the second brings the
// record again, and its id is known by then. So nothing is lost, and nobody is called twice.
//
// What is remembered is a journal, one line a record; a table in your database does as well.

import { closeSync, existsSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'

interface SlaEvent {
  id: string
  type: string
  data: {
    incident: string
    kind?: string
    retracts: string | null
    supersedes: string | null
    reason: string | null
    summary: string
  }
}

/** What an SLA event leaves in the journal. */
interface Said {
  id: string
  type: string
  incident: string
  gone: string[]
}

/** Put the call to your paging service here; `incident` is its deduplication key. */
function page(action: 'open' | 'close', incident: string, summary: string): void {
  writeSync(1, `${action}\t${incident}\t${summary}\n`)
}

/** A page is open exactly while a breach of its incident stands and no outcome does. */
class Pages {
  private readonly known = new Set<string>()
  private readonly gone = new Set<string>()
  private readonly byIncident = new Map<string, Said[]>()
  private readonly journal: number

  constructor(path: string) {
    const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
    const whole = bytes.lastIndexOf('\n') + 1 // a line that a crash cut short was never remembered
    for (const line of bytes.subarray(0, whole).toString().split('\n')) {
      if (line !== '') this.note(JSON.parse(line) as Said)
    }
    this.journal = openSync(path, 'a')
    ftruncateSync(this.journal, whole)
  }

  /** One SLA event; one that was taken before changes nothing. */
  take(value: Buffer): void {
    const { id, type, data } = JSON.parse(value.toString()) as SlaEvent
    if (data.kind === 'kpi' || this.known.has(id)) return // a goal that nobody is woken for, or nothing new
    const gone = [data.retracts, data.supersedes].filter((other) => other !== null)
    const said: Said = { id, type, incident: data.incident, gone }
    const before = this.isOpen(data.incident)
    const after = this.isOpen(data.incident, said)
    if (before !== after) {
      page(after ? 'open' : 'close', data.incident, data.retracts === null ? data.summary : (data.reason ?? ''))
    }
    writeSync(this.journal, JSON.stringify(said) + '\n')
    fdatasyncSync(this.journal)
    this.note(said) // last: if anything before fails, the record is taken again
  }

  close(): void {
    closeSync(this.journal)
  }

  private note(said: Said): void {
    this.known.add(said.id)
    said.gone.forEach((other) => this.gone.add(other))
    const earlier = this.byIncident.get(said.incident) ?? []
    this.byIncident.set(said.incident, [...earlier, said])
  }

  private isOpen(incident: string, next?: Said): boolean {
    const said = [...(this.byIncident.get(incident) ?? []), ...(next ? [next] : [])]
    const standing = said.filter((one) => !this.gone.has(one.id) && !next?.gone.includes(one.id))
    const has = (type: string): boolean => standing.some((one) => one.type === type)
    return has('sla.breach.v1') && !has('sla.outcome.v1')
  }
}

const { values: flags } = parseArgs({
  options: {
    kafka: { type: 'string', default: 'localhost:9092' },
    prefix: { type: 'string', default: '' },
    group: { type: 'string', default: 'pager' },
    state: { type: 'string', default: 'pager.jsonl' },
  },
})
const pages = new Pages(flags.state)
const kafka = new Kafka({ clientId: 'pager', brokers: flags.kafka.split(','), logLevel: logLevel.ERROR })
const consumer = kafka.consumer({ groupId: flags.group, readUncommitted: false }) // an aborted transaction said nothing
const stop = async (): Promise<void> => {
  await consumer.disconnect()
  pages.close()
}
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
await consumer.connect()
const topics = [`${flags.prefix}sla.breaches.v1`, `${flags.prefix}sla.outcomes.v1`]
await consumer.subscribe({ topics, fromBeginning: true })
await consumer.run({
  autoCommit: false, // else an offset is committed before its record is done
  eachMessage: async ({ topic, partition, message }) => {
    if (message.value !== null) pages.take(message.value)
    await consumer.commitOffsets([{ topic, partition, offset: (BigInt(message.offset) + 1n).toString() }])
  },
})
