/** I26, I27: restarts of a group or chain are counted, and never forgotten, whoever coordinates it. */

import type { SpecId } from '../../src/ids.ts'
import { isCounted } from '../../src/node/supervision/exit.ts'
import type { Node } from '../../src/node/node.ts'
import { type Phase, type Restart, generationText } from '../../src/protocol/phase.ts'
import type { RestartIntensity, SpecBody } from '../../src/protocol/spec-row.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { GROUP_IDS } from './group-faults.ts'
import { InvariantError } from './invariant-error.ts'

/**
 * Looks at every generation that a node makes, and at the one that it makes it from: what still counts there, counts
 * here too. So what holds of the list in a row holds of the whole history that led to it. (Both sides of a split have a
 * history of their own; and a row of the other side may be of another revision, which starts anew: seed 600263.)
 */
export class RestartChecker {
  readonly #mesh: SimulatedMesh
  /** Of each run of a node: the last rows of the groups. */
  readonly #watched = new WeakMap<Node, Map<SpecId, Phase>>()
  /** What was found first. */
  violation: string | undefined

  constructor(mesh: SimulatedMesh) {
    this.#mesh = mesh
  }

  /** @param crashes how many members of each group have crashed by now */
  check(crashes: ReadonlyMap<string, number>): void {
    this.#watch()
    for (const id of this.#mesh.up)
      for (const group of GROUP_IDS) this.#checkCount(group, this.#mesh.node(id), crashes.get(group) ?? 0)
  }

  /**
   * I26: no more are counted than members have crashed: those that were stopped for it add none. Two may have one moment:
   * by a clock that is behind, the one before counts as just now (seed 600065). How many the generation before it counted
   * says nothing: after a split, that may be a row of the other side, never seen here (seed 41737); where it is made, it
   * is held against its parent (`#look`).
   */
  #checkCount(group: SpecId, node: Node, crashes: number): void {
    const row = node.inspect().core.ledger.tables.phases.get(group)
    const phases = this.#watched.get(node)
    if (row === undefined || row === phases?.get(group)) return
    phases?.set(group, row)
    if (row.restarts.length > crashes)
      throw new InvariantError(
        `I26: after ${crashes} crashes, ${group} counts the restarts ${JSON.stringify(row.restarts)}`,
      )
  }

  /** Listens to the nodes that have started since. */
  #watch(): void {
    for (const id of this.#mesh.up) {
      const node = this.#mesh.node(id)
      if (this.#watched.has(node)) continue
      this.#watched.set(node, new Map())
      const { ledger } = node.inspect().core
      const write = ledger.writePhase.bind(ledger)
      ledger.writePhase = phase => {
        this.#look(phase, ledger.tables.phases.get(phase.spec), ledger.tables.specs.get(phase.spec)?.body)
        write(phase)
      }
    }
  }

  #look(phase: Phase, parent: Phase | undefined, body: SpecBody | undefined): void {
    const name = generationText(phase.generation)
    if (body === undefined || (parent !== undefined && generationText(parent.generation) === name)) return
    const isHeir = parent !== undefined && parent.revision === phase.revision
    // I26: those that a crash has taken with it add none.
    if (isHeir && phase.restarts.length > parent.restarts.length + addedMax(phase, body))
      this.violation ??= `I26: ${phase.spec} ${name}: ${JSON.stringify(phase.restarts)} after ${JSON.stringify(parent.restarts)}`
    const found =
      tooMany(phase, body.intensity) ??
      (isHeir && !follows(phase, parent, body.intensity)
        ? `${JSON.stringify(phase.restarts)} after ${JSON.stringify(parent.restarts)}`
        : undefined)
    if (found !== undefined) this.violation ??= `I27: ${phase.spec} ${name}: ${found}`
  }
}

/** A generation adds one restart at most; one for each crash where that is nobody else's affair. */
function addedMax({ previous }: Phase, body: SpecBody): number {
  if (body.kind === 'worker' || body.strategy !== 'one_for_one') return 1
  return Math.max(1, previous.filter(({ failure }) => isCounted(failure)).length)
}

/** Whether any window has more restarts than allowed. */
function tooMany({ restarts }: Phase, { restarts: max, withinMs }: RestartIntensity): string | undefined {
  const isOver = restarts.some((last, index) => {
    const recent = restarts.slice(0, index + 1).filter(({ atMs }) => {
      const agoMs = last.atMs - atMs
      return agoMs >= 0 && agoMs < withinMs
    })
    return recent.length > max
  })
  return isOver ? `more than ${max} in ${withinMs} ms: ${JSON.stringify(restarts)}` : undefined
}

/**
 * Whether the one can have been made from the other: what still counts is in it, and what it was made for as well. By a
 * clock that is behind that of the parent, its last restart counts as just now, and all others before that (seed 66).
 */
function follows(phase: Phase, { restarts }: Phase, { withinMs }: RestartIntensity): boolean {
  const last = phase.restarts.at(-1)
  const behindMs = Math.max(0, (restarts.at(-1)?.atMs ?? 0) - (last?.atMs ?? Infinity))
  const parent = { restarts: restarts.map(({ atMs, item }): Restart => ({ atMs: atMs - behindMs, item })) }
  // Of two that were made in the same moment, each counts (seed 60).
  const countOf = (each: Restart, of: Pick<Phase, 'restarts'>): number =>
    of.restarts.filter(other => isSame(each, other)).length
  const isNew = last !== undefined && countOf(last, phase) > countOf(last, parent)
  // Who stays away after a crash at an item is no restart.
  const away = new Set(phase.away.map(({ slot }) => slot))
  const isRestart = phase.previous.some(({ slot, failure }) => isCounted(failure) && !away.has(slot))
  if (isRestart && !isNew) return false
  return parent.restarts.every(each => {
    const isOld = last !== undefined && last.atMs - each.atMs >= withinMs
    // Several that are blamed on one item count once.
    const isRepeated = isNew && each.item !== '' && each.item === last.item
    return isOld || isRepeated || phase.restarts.some(other => isSame(other, each))
  })
}

function isSame(a: Restart, b: Restart): boolean {
  return a.atMs === b.atMs && a.item === b.item
}
