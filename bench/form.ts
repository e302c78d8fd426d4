/** How fast a mesh of processes of the built package forms. */

import { randomUUID } from 'node:crypto'

import type { Bench, Measurement } from './bench.ts'
import { onPackage } from './built.ts'
import { Child, numberOf, textOf } from './processes.ts'

/** Starts that many processes at once, each with the address of the first as its seed. */
async function startProcesses(
  file: string,
  count: number,
): Promise<{ readonly children: readonly Child[]; readonly replies: readonly unknown[] }> {
  const cluster = randomUUID()
  const first = new Child(file, ['node', cluster])
  const firstReply = await first.reply()
  const seed = textOf(firstReply, 'address')
  const others = Array.from({ length: count - 1 }, () => new Child(file, ['node', cluster, seed]))
  const replies = await Promise.all(others.map(child => child.reply()))
  return { children: [first, ...others], replies: [firstReply, ...replies] }
}

/** From the last process having loaded the package to all seeing all. */
async function formation(file: string, count: number): Promise<readonly Measurement[]> {
  const { children, replies } = await startProcesses(file, count)
  const seen = await Promise.all(children.map(child => child.ask({ formed: count })))
  const lastUp = Math.max(...replies.map(reply => numberOf(reply, 'upAtMs')))
  const value = (Math.max(...seen.map(reply => numberOf(reply, 'formedAtMs'))) - lastUp) / 1_000
  await Promise.all(children.map(child => child.stop()))
  return [{ value }]
}

function forming(count: number, goal: number, rounds: number): Bench {
  return {
    rounds,
    figures: [{ name: `form-${count}`, unit: 's', goal, better: 'less' }],
    start: onPackage(file => formation(file, count)),
  }
}

export const form3 = forming(3, 0.5, 5)
export const form10 = forming(10, 2, 5)
export const form30 = forming(30, 5, 3)
