// pure
/** How much a spec may ask of a mesh: each of its workers is a slot that all nodes place. */

import type { FateBody, SpecBody, StageBody } from './spec-row.ts'

/** More workers one spec does not have: a node does nothing else while it takes them in, of a group some 0.07 ms for each. */
export const WORKERS_MAX = 32_768

/**
 * More ways the workers of a chain do not have to those of the stage behind theirs: three stages of 256, or nine of 128. Each is
 * some 10 µs of one step where it leads to another node, and a channel there, of which a session has `CHANNELS_MAX`.
 */
export const WAYS_MAX = 2 ** 17

/** Bodies are never changed, only replaced: it is worked out once. */
const known = new WeakMap<SpecBody, { readonly excess: string | undefined }>()

/**
 * What is too much about it, what is allowed, and what to do; undefined where nothing is. Nobody can declare such a spec, but what
 * several have added at once is joined, and older versions allowed more: nobody is hung up on for it, and nobody runs it.
 */
export function excessOf(body: SpecBody): string | undefined {
  if (body.kind === 'worker') return undefined
  const before = known.get(body)
  if (before !== undefined) return before.excess
  const excess = findExcess(body)
  known.set(body, { excess })
  return excess
}

function findExcess(body: FateBody): string | undefined {
  const workers = workersOf(body)
  if (workers > WORKERS_MAX)
    return `${workers} workers, and ${WORKERS_MAX} are allowed: share them out over several specs`
  const ways = body.kind === 'chain' ? waysOf(body.stages) : 0
  if (ways <= WAYS_MAX) return undefined
  return `${ways} ways from the workers of its stages to those of the stages behind them, and ${WAYS_MAX} are allowed: give stages that follow each other fewer workers`
}

function workersOf(body: FateBody): number {
  if (body.kind === 'group') return body.members.length
  return body.stages.reduce((sum, { workers }) => sum + workers, 0)
}

/** How many there may come to be: a stage that can end is passed over when it has. Cost: squared in the number of those. */
function waysOf(stages: readonly StageBody[]): number {
  /** The most up to each stage, items going through that one. */
  const most: number[] = []
  for (const [index, stage] of [...stages.entries(), [stages.length, undefined] as const]) {
    let best = 0
    for (let at = index - 1; at >= 0; at--) {
      const above = stages[at]
      if (above === undefined) break
      best = Math.max(best, (most[at] ?? 0) + above.workers * (stage?.workers ?? 0))
      if (above.child.restart === 'permanent') break
    }
    most.push(best)
  }
  return most.at(-1) ?? 0
}
