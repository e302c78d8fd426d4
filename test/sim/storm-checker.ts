/** I58: a group or chain does not start anew as fast as messages go, however nodes differ about who lives. */

import type { SpecId } from '../../src/ids.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { InvariantError } from './invariant-error.ts'

const WINDOW_MS = 1_000

/** Members that crash by themselves, and are edited, and moved by a node that leaves, come nowhere near. */
const GENERATIONS_MAX = 30

/** A spec that is declared anew may begin with a number that its clock says. */
const LEAP = 10_000

interface Look {
  readonly ms: number
  /** The largest that any node knows. */
  readonly number: number
}

export class StormChecker {
  readonly #mesh: SimulatedMesh
  readonly #looks = new Map<SpecId, Look[]>()

  constructor(mesh: SimulatedMesh) {
    this.#mesh = mesh
  }

  check(): void {
    const ms = this.#mesh.nowMs
    for (const [spec, number] of this.#numbers()) {
      const looks = this.#looks.get(spec) ?? []
      // Nobody looks while a node starts: the last look before that is as good as one of a second ago.
      while (looks[1] !== undefined && ms - looks[1].ms >= WINDOW_MS) looks.shift()
      this.#looks.set(spec, looks)
      looks.push({ ms, number })
      const [first = { ms, number }] = looks
      const begun = number - first.number
      const max = GENERATIONS_MAX * Math.max(1, (ms - first.ms) / WINDOW_MS)
      if (begun > max && begun < LEAP)
        throw new InvariantError(`I58: ${spec} has begun ${begun} generations in ${ms - first.ms} ms`)
    }
  }

  #numbers(): Map<SpecId, number> {
    const numbers = new Map<SpecId, number>()
    for (const id of this.#mesh.up)
      for (const { spec, generation } of this.#mesh.node(id).inspect().core.ledger.tables.phases.rows())
        numbers.set(spec, Math.max(generation.number, numbers.get(spec) ?? 0))
    return numbers
  }
}
