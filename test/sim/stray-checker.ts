/** I56: what a node tells others of where specs run, is of specs that it knows, and of slots that their generations have. */

import { slotId, specOfSlot } from '../../src/ids.ts'
import type { Tables } from '../../src/protocol/tables.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { InvariantError } from './invariant-error.ts'

/** Nodes are looked at when their rows have changed. */
export class StrayChecker {
  readonly #mesh: SimulatedMesh
  /** What had changed when they were looked at last. */
  readonly #changes = new WeakMap<Tables, number>()

  constructor(mesh: SimulatedMesh) {
    this.#mesh = mesh
  }

  check(): void {
    for (const id of this.#mesh.up) {
      const { tables } = this.#mesh.node(id).inspect().core.ledger
      if (this.#changes.get(tables) === tables.changes) continue
      this.#changes.set(tables, tables.changes)
      const violation = strayIn(tables)
      if (violation !== undefined) throw new InvariantError(`I56: ${id} has ${violation}`)
    }
  }
}

function strayIn({ specs, claims, phases, strays }: Tables): string | undefined {
  for (const { slot } of claims.rows())
    if (slot !== slotId(specOfSlot(slot)) || specs.get(slot) === undefined)
      return `a claim of ${slot} without a spec`
  for (const { spec, layout, ...phase } of phases.rows()) {
    if (specs.get(spec) === undefined) return `a phase of ${spec} without a spec`
    const slots = new Set(layout.map(({ slot }) => slot))
    const exited = phase.exits.map(({ slot }) => slot)
    const told = [phase.ready, phase.stopped, phase.left, phase.pending, exited].flat()
    const unknown = told.find(slot => !slots.has(slot))
    if (unknown !== undefined) return `a phase of ${spec} that tells of ${unknown}, which it has not`
  }
  for (const { id } of specs.rows())
    if (strays.find(id) !== undefined) return `rows of ${id} beside the tables, though it knows the spec`
  return undefined
}
