/** All nodes restart, one after the other, as in an upgrade: some say good-bye, some are killed. */

import type { NodeId } from '../../src/ids.ts'
import type { Prng } from '../../src/prng.ts'
import type { SimulatedMesh } from '../../src/testing.ts'

export interface RollingRestartInit {
  readonly prng: Prng
  readonly leave: (mesh: SimulatedMesh, node: NodeId) => void
  readonly crash: (mesh: SimulatedMesh, node: NodeId) => void
}

export class RollingRestart {
  readonly #init: RollingRestartInit
  /** Those whose turn is to come. */
  #queue: readonly NodeId[] = []
  /** The one that is on its way down, or up again. */
  #current: NodeId | undefined
  #nextMs = 0

  constructor(init: RollingRestartInit) {
    this.#init = init
  }

  /** @returns whether it was not under way yet */
  begin(mesh: SimulatedMesh): boolean {
    if (this.#queue.length > 0 || this.#current !== undefined) return false
    this.#queue = this.#init.prng.shuffle(mesh.ids)
    this.#nextMs = mesh.nowMs
    return true
  }

  async pass(mesh: SimulatedMesh): Promise<void> {
    if (mesh.nowMs < this.#nextMs) return
    const { prng } = this.#init
    if (this.#current === undefined) {
      this.#current = this.#queue[0]
      this.#queue = this.#queue.slice(1)
      if (this.#current === undefined) return
      this.#takeDown(mesh, this.#current)
      this.#nextMs = mesh.nowMs + prng.between(20, 1_000)
    } else if (!mesh.leaving.includes(this.#current)) {
      // Something else may have started it again.
      if (!mesh.up.includes(this.#current)) await mesh.start(this.#current)
      this.#current = undefined
      this.#nextMs = mesh.nowMs + prng.between(20, 3_000)
    }
  }

  /** Nobody else is taken down. */
  end(): void {
    this.#queue = []
    this.#current = undefined
  }

  #takeDown(mesh: SimulatedMesh, node: NodeId): void {
    if (!mesh.awake.includes(node) || mesh.awake.length < 2) return
    if (this.#init.prng.chance(0.5)) this.#init.leave(mesh, node)
    else this.#init.crash(mesh, node)
  }
}
