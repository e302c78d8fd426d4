/** How fast a mesh forms, and what a node costs that has nothing to do. */

import { randomUUID } from 'node:crypto'

import type { Bench, Measurement } from './bench.ts'
import { Child, numberOf, textOf } from './processes.ts'

const NODES = 3
const IDLE_MS = 10_000

/** Starts three processes at once, each with the address of the first as its seed. */
async function startProcesses(): Promise<{
  readonly children: readonly Child[]
  readonly replies: readonly unknown[]
}> {
  const cluster = randomUUID()
  const first = new Child('mesh-child.ts', [cluster])
  const firstReply = await first.reply()
  const others = Array.from(
    { length: NODES - 1 },
    () => new Child('mesh-child.ts', [cluster, textOf(firstReply, 'address')]),
  )
  const replies = await Promise.all(others.map(child => child.reply()))
  return { children: [first, ...others], replies: [firstReply, ...replies] }
}

async function stopProcesses(children: readonly Child[]): Promise<void> {
  await Promise.all(children.map(child => child.stop()))
}

/** From the last process taking work to all seeing all. */
async function formation(): Promise<readonly Measurement[]> {
  const { children, replies } = await startProcesses()
  const seen = await Promise.all(children.map(child => child.ask({ formed: NODES })))
  const lastUp = Math.max(...replies.map(reply => numberOf(reply, 'wallMs') - numberOf(reply, 'joinedMs')))
  const value = (Math.max(...seen.map(reply => numberOf(reply, 'wallMs'))) - lastUp) / 1_000
  await stopProcesses(children)
  return [{ value }]
}

async function idleness(): Promise<readonly Measurement[]> {
  const { children, replies } = await startProcesses()
  await Promise.all(children.map(child => child.ask({ formed: NODES })))
  const [child] = children
  if (child === undefined) return []
  const before = await child.ask({})
  await new Promise(resolve => setTimeout(resolve, IDLE_MS))
  const after = await child.ask({})
  const cpuMicros = cpuOf(after) - cpuOf(before)
  await stopProcesses(children)
  return [
    { value: numberOf(after, 'rss') / 1024 / 1024 },
    { value: cpuMicros / 10 / IDLE_MS },
    { value: Math.max(...replies.map(reply => numberOf(reply, 'joinedMs'))) / 1_000 },
  ]
}

function cpuOf(reply: unknown): number {
  const cpu: unknown = typeof reply === 'object' && reply !== null ? Reflect.get(reply, 'cpu') : undefined
  return numberOf(cpu, 'user') + numberOf(cpu, 'system')
}

const nothing = async (): Promise<void> => {}

export const form3: Bench = {
  figures: [{ name: 'form-3', unit: 's', goal: 0.5, better: 'less' }],
  start: async () => ({ round: formation, stop: nothing }),
}

export const idleNode: Bench = {
  rounds: 3,
  figures: [
    { name: 'idle-node', unit: 'MB', goal: 90, better: 'less' },
    { name: 'idle-node', unit: '% CPU', goal: 1, better: 'less' },
    { name: 'idle-node', unit: 's to join', goal: 0.8, better: 'less' },
  ],
  start: async () => ({ round: idleness, stop: nothing }),
}
