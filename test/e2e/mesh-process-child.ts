/** The node of a `MeshProcess`. It says what it sees whenever that changes, and does what it is told. */

import { type NodeEvent, createNode } from '../../src/index.ts'
import * as behaviours from './behaviours.ts'

const FLOOD_BYTES = 64 * 1024
/** A flood that is never refused ends there. */
const FLOOD_BYTES_MAX = 512 * 1024 * 1024
const CALL_TIMEOUT_MS = 250
/** A call that fails at once is made again after so long: that adds little to what is measured. */
const CALL_PAUSE_MS = 10
const CALLS_FOR_MS = 30_000
const LOOP_TIMEOUT_MS = 120_000
/**
 * Work and rest of a burning event loop take turns this often, as computations do: with nine tenths, it is held up for
 * longer than others wait for an answer (200 ms), and less than they believe in a silent one (2 s). Of many lengths, so
 * that they keep no step with probes.
 */
const BURN_PERIODS_MS = [500, 1_000, 700, 900, 600]

const orders: unknown = JSON.parse(process.argv[2] ?? '{}')
const text = (name: string): string | undefined => {
  const value = fieldOf(orders, name)
  return typeof value === 'string' ? value : undefined
}
const seeds = fieldOf(orders, 'seeds')
const dataFolder = text('dataFolder')
const role = text('role') === 'client' ? 'client' : 'member'

const node = await createNode({
  cluster: text('cluster') ?? '',
  secret: 'end-to-end',
  name: text('name') ?? '',
  role,
  // By its address: threads and processes load it, too.
  behaviours: [new URL('behaviours.ts', import.meta.url)],
  listen: [text('listen') ?? '/ip4/127.0.0.1/tcp/0'],
  discovery: { mdns: fieldOf(orders, 'mdns') === true, seeds: Array.isArray(seeds) ? seeds.map(String) : [] },
  logger: { debug: () => {}, info: () => {}, warn: say, error: say },
  ...(dataFolder === undefined ? {} : { dataFolder }),
})
const running = new Set<string>()

const KINDS = [
  'member:join',
  'member:suspect',
  'member:dead',
  'member:leave',
  'member:unreachable',
  'member:reachable',
  'worker:start',
  'worker:exit',
  'generation:run',
  'node:replaced',
  'node:stalled',
] as const
for (const kind of KINDS) node.on(kind, event => tell(event))
// A suspect that has refuted is no event: now and then what is seen is told in any case.
setInterval(() => tellSight(), 100).unref()

process.on('message', question => {
  const n = fieldOf(question, 'n')
  void answer(question).then(
    said => process.send?.({ n, answer: said ?? null }),
    (error: unknown) => process.send?.({ n, answer: String(error) }),
  )
})
process.once('disconnect', () => process.exit(0))
process.send?.({ id: node.id, address: node.addresses[0] ?? '' })
tellSight()

function say(facts: object, message: string): void {
  process.send?.({ said: `${message} ${JSON.stringify(facts)}` })
}

function tell(event: NodeEvent): void {
  if (event.kind === 'worker:start') running.add(event.slot)
  if (event.kind === 'worker:exit') running.delete(event.slot)
  process.send?.({ sighting: { kind: event.kind, about: aboutOf(event), wallMs: Date.now() } })
  tellSight()
}

function tellSight(): void {
  const members = node.members()
  const alive = members.filter(({ status }) => status === 'alive').map(({ name }) => name)
  const connected = members.filter(({ isConnected }) => isConnected).map(({ name }) => name)
  process.send?.({
    sight: {
      wallMs: Date.now(),
      alive: alive.toSorted(),
      connected: connected.toSorted(),
      running: [...running].toSorted(),
    },
  })
}

function aboutOf(event: NodeEvent): string {
  if ('member' in event) return event.member.name
  if ('slot' in event) return event.slot
  if ('worker' in event) return event.worker ?? ''
  return 'id' in event ? event.id : ''
}

async function answer(question: unknown): Promise<unknown> {
  const count = Number(fieldOf(question, 'addWorkers'))
  if (count > 0) {
    const ids = Array.from({ length: count }, (_, index) => `w${index}`)
    await Promise.all(ids.map(id => node.addWorker({ id, run: behaviours.member })))
  }
  const file = fieldOf(question, 'diaryOfEach')
  if (typeof file === 'string') {
    const kinds = ['inline', 'thread', 'process'] as const
    const run = behaviours.diarist
    await Promise.all(kinds.map(isolation => node.addWorker({ id: isolation, run, args: [file], isolation })))
  }
  if (fieldOf(question, 'workers') === true) return node.snapshot().workers
  const worker = fieldOf(question, 'call')
  if (typeof worker === 'string') return whereIs(worker)
  const flooded = fieldOf(question, 'flood')
  if (typeof flooded === 'string') return flood(flooded)
  const looping = fieldOf(question, 'loop')
  if (typeof looping === 'string') return loop(looping, String(fieldOf(question, 'untilFile')))
  const share = Number(fieldOf(question, 'burn'))
  if (share > 0) await burn(share, Number(fieldOf(question, 'durationMs')))
  return undefined
}

/** Asks again where there is no answer: asking does no harm. @returns the process that it runs in, or the last error */
async function whereIs(worker: string): Promise<unknown> {
  const handle = node.getWorker(worker, behaviours.member)
  for (const endMs = performance.now() + CALLS_FOR_MS; ;) {
    try {
      return (await handle.with({ timeoutMs: CALL_TIMEOUT_MS }).call.whoami()).pid
    } catch (error) {
      if (performance.now() >= endMs) return String(error)
      await new Promise(resolve => setTimeout(resolve, CALL_PAUSE_MS))
    }
  }
}

/** @returns what the caller is told */
async function loop(worker: string, untilFile: string): Promise<unknown> {
  try {
    await node.getWorker(worker, behaviours.member).with({ timeoutMs: LOOP_TIMEOUT_MS }).call.loop(untilFile)
    return 'answered'
  } catch (error) {
    return { name: fieldOf(error, 'name'), maybeExecuted: fieldOf(error, 'maybeExecuted') }
  }
}

function flood(worker: string): { readonly bytes: number; readonly why: string } {
  const handle = node.getWorker(worker, behaviours.member)
  let bytes = 0
  try {
    for (; bytes < FLOOD_BYTES_MAX; bytes += FLOOD_BYTES) handle.send(new Uint8Array(FLOOD_BYTES))
  } catch (error) {
    return { bytes, why: error instanceof Error ? error.name : String(error) }
  }
  return { bytes, why: 'never refused' }
}

async function burn(share: number, durationMs: number): Promise<void> {
  const endMs = performance.now() + durationMs
  for (let round = 0; performance.now() < endMs; round++) {
    const periodMs = BURN_PERIODS_MS[round % BURN_PERIODS_MS.length] ?? 0
    const untilMs = performance.now() + periodMs * share
    while (performance.now() < untilMs);
    await new Promise(resolve => setTimeout(resolve, periodMs * (1 - share)))
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
