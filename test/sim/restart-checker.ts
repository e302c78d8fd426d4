/** I27: restarts of a group or chain are counted, and never forgotten, whoever coordinates it. */

import { isCounted } from '../../src/node/supervision/exit.ts'
import type { Node } from '../../src/node/node.ts'
import { type SpecId, isSameRun } from '../../src/ids.ts'
import { type Phase, type Restart, generationText } from '../../src/protocol/phase.ts'
import type { RestartIntensity } from '../../src/protocol/spec-row.ts'
import type { SimulatedMesh } from '../../src/testing.ts'

/**
 * Follows every generation that any node tells of. Each was made from one with the number before its own, of which it
 * must know what still counts; so what holds of the list in a row holds of the whole history that led to it. (Both
 * sides of a split have a history of their own.)
 */
export class RestartChecker {
  readonly #mesh: SimulatedMesh
  /** The generation that each node has told of last, by spec. */
  readonly #told = new WeakMap<Node, Map<SpecId, Phase>>()
  /** All generations of one number, by spec, revision and number. */
  readonly #known = new Map<string, Map<string, Phase>>()
  /** What was found first. */
  violation: string | undefined

  constructor(mesh: SimulatedMesh) {
    this.#mesh = mesh
  }

  /** Listens to the nodes that have started since. */
  watch(): void {
    for (const id of this.#mesh.up) {
      const node = this.#mesh.node(id)
      if (this.#told.has(node)) continue
      this.#told.set(node, new Map())
      node.on('generation:change', ({ id: spec }) => this.#look(node, spec))
      for (const { spec } of node.inspect().core.ledger.tables.phases.rows()) this.#look(node, spec)
    }
  }

  #look(node: Node, spec: SpecId): void {
    const { phases, specs } = node.inspect().core.ledger.tables
    const phase = phases.get(spec)
    const body = specs.get(spec)?.body
    if (phase === undefined || body === undefined) return
    const { number } = phase.generation
    const told = this.#told.get(node)
    const before = told?.get(spec)
    told?.set(spec, phase)
    const generations = this.#generations(phase, number)
    const name = generationText(phase.generation)
    if (generations.has(name)) return
    generations.set(name, phase)
    // Of one that was overtaken in the very step that made it, nobody has heard: what came of it has no parent here.
    // Of another revision, it counts nothing: the other side of a split may have one of this number that counts (seed 1496).
    const isParent = before?.generation.number === number - 1 && before.revision === phase.revision
    const isKnown = isParent && isSameRun(phase.coordinator, node.inspect().core.self)
    const found =
      tooMany(phase, body.intensity) ?? (isKnown ? this.#forgotten(phase, body.intensity) : undefined)
    if (found !== undefined) this.violation ??= `I27: ${spec} ${name}: ${found}`
  }

  #generations({ spec, revision }: Phase, number: number): Map<string, Phase> {
    const key = `${spec} ${revision} ${number}`
    const known = this.#known.get(key) ?? new Map<string, Phase>()
    this.#known.set(key, known)
    return known
  }

  /** Which of two that have its number before it is the one that it was made from, the row does not say. */
  #forgotten(phase: Phase, intensity: RestartIntensity): string | undefined {
    const before = [...this.#generations(phase, phase.generation.number - 1).values()]
    if (before.length === 0 || before.some(parent => follows(phase, parent, intensity))) return undefined
    return `${JSON.stringify(phase.restarts)} after ${JSON.stringify(before.map(({ restarts }) => restarts))}`
  }
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

/** Whether the one can have been made from the other: what still counts is in it, and what it was made for as well. */
function follows(phase: Phase, parent: Phase, { withinMs }: RestartIntensity): boolean {
  const last = phase.restarts.at(-1)
  // Of two that were made in the same moment, each counts (seed 60).
  const countOf = (each: Restart, { restarts }: Phase): number =>
    restarts.filter(other => isSame(each, other)).length
  const isNew = last !== undefined && countOf(last, phase) > countOf(last, parent)
  if (phase.previous.some(({ failure }) => isCounted(failure)) && !isNew) return false
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
