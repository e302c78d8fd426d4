/** How fast a mesh of processes of the built package forms. */

import { randomUUID } from 'node:crypto'

import type { Bench, Measurement } from './bench.ts'
import { onPackage } from './built.ts'
import { Child, numberOf, textOf } from './processes.ts'

/** So many processes load at a time: more would only be in each other's way. */
const LOADING_MAX = 2

/** That many processes that have loaded all that a node loads, and have not begun to start one. */
async function load(file: string, count: number): Promise<readonly Child[]> {
  const cluster = randomUUID()
  const children: Child[] = []
  while (children.length < count) {
    const { length } = children
    const next = Array.from(
      { length: Math.min(LOADING_MAX, count - length) },
      () => new Child(file, ['held', cluster]),
    )
    await Promise.all(next.map(child => child.reply()))
    children.push(...next)
  }
  return children
}

/**
 * All processes are up, and one of them has a node, whose address the others know. From the moment at which these are
 * told to start their nodes, all of them at once, to all seeing all. Sessions that can wait are opened after that.
 */
async function formation(file: string, count: number): Promise<readonly Measurement[]> {
  const [first, ...others] = await load(file, count)
  if (first === undefined) return []
  const seed = textOf(await first.ask({}), 'address')
  const startMs = Date.now()
  await Promise.all(others.map(child => child.ask({ seed })))
  const children = [first, ...others]
  const seen = await Promise.all(children.map(child => child.ask({ formed: count })))
  const value = (Math.max(...seen.map(reply => numberOf(reply, 'formedAtMs'))) - startMs) / 1_000
  await Promise.all(children.map(child => child.stop()))
  return [{ value }]
}

function forming(count: number, goal: number, rounds: number): Bench {
  return {
    rounds,
    figures: [{ name: `form-${count}`, unit: 's', goal, better: 'less', judgedBy: 'worst' }],
    start: onPackage(file => formation(file, count)),
  }
}

export const form3 = forming(3, 0.5, 5)
export const form10 = forming(10, 2, 5)
export const form30 = forming(30, 5, 3)
