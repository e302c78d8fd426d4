/**
 * What a node costs that has nothing to do: in meshes of 3 and 10 processes of the built package on loopback TCP, in real
 * time, and in one of 50 nodes in memory, on virtual time.
 */

import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'

import { simulate } from '../src/testing.ts'
import { type Bench, type KnownMiss, type Measurement, median } from './bench.ts'
import { onPackage } from './built.ts'
import { Child, numberOf, textOf } from './processes.ts'

/** The first seconds still belong to the start: code is compiled, tables are compared often. */
const SETTLE_MS = 5_000
const IDLE_MS = 10_000
/**
 * What V8 has taken for the start it gives back after about two minutes: until then a process is as large as it was when
 * it had loaded its modules.
 */
const LONG_MS = 150_000

const MIB = 1024 * 1024

interface Cost {
  readonly rssBytes: number
  /** Of one core. */
  readonly cpuShare: number
  readonly sentBytesPerSecond: number
}

class IdleMesh {
  readonly children: readonly Child[]
  /** From the first line of the last process, its modules included, to its taking work. */
  readonly joinedMs: number

  private constructor(children: readonly Child[], joinedMs: number) {
    this.children = children
    this.joinedMs = joinedMs
  }

  /** @param kinds of processes: `node`, or `lean-node` */
  static async start(file: string, kinds: readonly string[]): Promise<IdleMesh> {
    const cluster = randomUUID()
    const first = new Child(file, [kinds[0] ?? 'node', cluster])
    const seed = textOf(await first.reply(), 'address')
    const join = (kind: string): Child => new Child(file, [kind, cluster, seed])
    const others = kinds.slice(1, -1).map(join)
    await Promise.all(others.map(child => child.reply()))
    await Promise.all([first, ...others].map(child => child.ask({ formed: kinds.length - 1 })))
    // The last one joins a mesh that is at rest: how many do so at once is for `form-10` to say.
    const last = join(kinds.at(-1) ?? 'node')
    const joinedMs = numberOf(await last.reply(), 'joinedMs')
    const children = [first, ...others, last]
    await Promise.all(children.map(child => child.ask({ formed: kinds.length })))
    return new IdleMesh(children, joinedMs)
  }

  /** What each process costs from `SETTLE_MS` on, for `durationMs`. */
  async costs(durationMs: number): Promise<readonly Cost[]> {
    await pass(SETTLE_MS)
    const before = await this.#ask()
    await pass(durationMs)
    const after = await this.#ask()
    return after.map((reply, index) => {
      const past = (field: string): number => numberOf(reply, field) - numberOf(before[index], field)
      return {
        rssBytes: numberOf(reply, 'rssBytes'),
        cpuShare: past('cpuMs') / past('atMs'),
        sentBytesPerSecond: (past('sentBytes') / past('atMs')) * 1_000,
      }
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.children.map(child => child.stop()))
  }

  #ask(): Promise<readonly unknown[]> {
    return Promise.all(this.children.map(child => child.ask({})))
  }
}

function pass(durationMs: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, durationMs))
}

/** The memory of libp2p alone, as it comes and with nobody to talk to. */
async function bareBytes(file: string, kind: 'bare' | 'lean-bare', durationMs: number): Promise<number> {
  const bare = new Child(file, [kind])
  await bare.reply()
  await pass(durationMs)
  const reply = await bare.ask({})
  await bare.stop()
  return numberOf(reply, 'rssBytes')
}

async function idleness(file: string): Promise<readonly Measurement[]> {
  const mesh = await IdleMesh.start(file, ['node', 'node', 'lean-node'])
  const [bare, leanBare, [first, second, lean]] = await Promise.all([
    bareBytes(file, 'bare', SETTLE_MS + IDLE_MS),
    bareBytes(file, 'lean-bare', SETTLE_MS + IDLE_MS),
    mesh.costs(IDLE_MS),
  ])
  await mesh.stop()
  if (first === undefined || second === undefined || lean === undefined) return []
  return [
    { value: median([first.rssBytes, second.rssBytes]) / MIB, baseline: bare / MIB },
    { value: lean.rssBytes / MIB, baseline: leanBare / MIB },
    { value: median([first.cpuShare, second.cpuShare]) * 100 },
    { value: median([first.sentBytesPerSecond, second.sentBytesPerSecond]) / 1024 },
    { value: mesh.joinedMs / 1_000 },
  ]
}

async function longIdleness(file: string): Promise<readonly Measurement[]> {
  const mesh = await IdleMesh.start(file, ['node', 'node', 'node'])
  const [bare, costs] = await Promise.all([bareBytes(file, 'bare', LONG_MS), mesh.costs(LONG_MS)])
  await mesh.stop()
  return [{ value: median(costs.map(({ rssBytes }) => rssBytes)) / MIB, baseline: bare / MIB }]
}

async function idleAmongTen(file: string): Promise<readonly Measurement[]> {
  const mesh = await IdleMesh.start(
    file,
    Array.from({ length: 10 }, () => 'node'),
  )
  const costs = await mesh.costs(IDLE_MS)
  await mesh.stop()
  return [
    { value: median(costs.map(({ rssBytes }) => rssBytes)) / MIB },
    { value: median(costs.map(({ cpuShare }) => cpuShare)) * 100 },
    { value: median(costs.map(({ sentBytesPerSecond }) => sentBytesPerSecond)) / 1024 },
    { value: mesh.joinedMs / 1_000 },
  ]
}

const LARGE = 50
const VIRTUAL_MS = 60_000

/** What Noise (18) and yamux (12) add to each message, and the frame of the lane is counted already. */
const CARRIER_BYTES = 30

async function idleInMemory(): Promise<readonly Measurement[]> {
  let [messages, bytes] = [0, 0]
  await using mesh = await simulate({
    nodes: LARGE,
    onTrace: line => {
      const size = / (?:control|data|hint) .* (\d+)b$/.exec(line)?.[1]
      if (size === undefined) return
      messages += 1
      bytes += Number(size) + CARRIER_BYTES
    },
  })
  await mesh.until('all see all', () => mesh.ids.every(id => mesh.node(id).members().length === LARGE))
  // News of members rides on probes for some rounds, each of which takes twelve seconds.
  await mesh.run(VIRTUAL_MS)
  ;[messages, bytes] = [0, 0]
  const before = process.cpuUsage()
  await mesh.run(VIRTUAL_MS)
  const { user, system } = process.cpuUsage(before)
  const seconds = VIRTUAL_MS / 1_000
  return [
    { value: bytes / seconds / LARGE / 1024 },
    { value: messages / seconds / LARGE },
    { value: ((user + system) / 1_000 / VIRTUAL_MS / LARGE) * 100 },
    { value: await heapMegabytes() },
  ]
}

/**
 * In a process of its own: what was there before would count. It has the rows, the sessions and the buffers of the node
 * itself, and its part of the network in memory; it has no code, as the nodes share it, and nothing of libp2p.
 */
async function heapMegabytes(): Promise<number> {
  const child = fork(new URL('idle-mesh-child.ts', import.meta.url), [String(LARGE), String(VIRTUAL_MS)], {
    execArgv: [...process.execArgv, '--expose-gc'],
  })
  const [reply]: unknown[] = await once(child, 'message')
  return numberOf(reply, 'megabytes')
}

const beside = 'libp2p alone'

/** Beyond a tenth or so more than what it has taken, something has grown. */
function large(limit: number): KnownMiss {
  return { why: 'most of it is libp2p', limit }
}

export const idleNode: Bench = {
  rounds: 3,
  figures: [
    { name: 'idle-node', unit: 'MB', goal: 90, better: 'less', beside, knownMiss: large(130) },
    { name: 'idle-node', unit: 'MB (lean start)', goal: 90, better: 'less', beside, knownMiss: large(105) },
    { name: 'idle-node', unit: '% CPU', goal: 1, better: 'less' },
    { name: 'idle-node', unit: 'KB/s sent', goal: 5, better: 'less' },
    { name: 'idle-node', unit: 's to join', goal: 0.8, better: 'less' },
  ],
  start: onPackage(idleness),
}

export const idleLong: Bench = {
  rounds: 1,
  figures: [
    {
      name: 'idle-long',
      unit: 'MB (after 2.5 minutes)',
      goal: 90,
      better: 'less',
      beside,
      knownMiss: large(100),
    },
  ],
  start: onPackage(longIdleness),
}

export const idle10: Bench = {
  rounds: 3,
  figures: [
    { name: 'idle-10', unit: 'MB', goal: 90, better: 'less', knownMiss: large(140) },
    { name: 'idle-10', unit: '% CPU', goal: 1, better: 'less' },
    { name: 'idle-10', unit: 'KB/s sent', goal: 5, better: 'less' },
    { name: 'idle-10', unit: 's to join', goal: 0.8, better: 'less' },
  ],
  start: onPackage(idleAmongTen),
}

export const idle50: Bench = {
  rounds: 1,
  figures: [
    { name: 'idle-50', unit: 'KB/s sent', goal: 5, better: 'less' },
    { name: 'idle-50', unit: 'messages/s sent', goal: 10, better: 'less' },
    { name: 'idle-50', unit: '% CPU (no network)', goal: 1, better: 'less' },
    // Of this part alone none was set: it is to notice what makes a node larger.
    { name: 'idle-50', unit: 'MB of heap and buffers (no network)', goal: 5, better: 'less' },
  ],
  start: async () => ({ round: idleInMemory, stop: async () => {} }),
}
