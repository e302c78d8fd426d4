/** How fast a mesh forms. */

import { randomUUID } from 'node:crypto'

import type { Bench, Measurement } from './bench.ts'
import { Child, numberOf, textOf } from './processes.ts'

/** Starts that many processes at once, each with the address of the first as its seed. */
async function startProcesses(count: number): Promise<{
  readonly children: readonly Child[]
  readonly replies: readonly unknown[]
}> {
  const cluster = randomUUID()
  const first = new Child('mesh-child.ts', [cluster])
  const firstReply = await first.reply()
  const others = Array.from(
    { length: count - 1 },
    () => new Child('mesh-child.ts', [cluster, textOf(firstReply, 'address')]),
  )
  const replies = await Promise.all(others.map(child => child.reply()))
  return { children: [first, ...others], replies: [firstReply, ...replies] }
}

async function stopProcesses(children: readonly Child[]): Promise<void> {
  await Promise.all(children.map(child => child.stop()))
}

/** From the last process coming up to all seeing all. */
async function formation(count: number): Promise<readonly Measurement[]> {
  const { children, replies } = await startProcesses(count)
  const seen = await Promise.all(children.map(child => child.ask({ formed: count })))
  const lastUp = Math.max(...replies.map(reply => numberOf(reply, 'wallMs') - numberOf(reply, 'joinedMs')))
  const value = (Math.max(...seen.map(reply => numberOf(reply, 'formedAtMs'))) - lastUp) / 1_000
  await stopProcesses(children)
  return [{ value }]
}

const nothing = async (): Promise<void> => {}

function forming(count: number, goal: number, rounds: number): Bench {
  return {
    rounds,
    figures: [{ name: `form-${count}`, unit: 's', goal, better: 'less' }],
    start: async () => ({ round: () => formation(count), stop: nothing }),
  }
}

export const form3 = forming(3, 0.5, 5)
export const form10 = forming(10, 2, 5)
export const form30 = forming(30, 5, 3)
