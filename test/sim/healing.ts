/**
 * After the faults have ended: all know the same (I9), and all that is to run does (I18), each within its time. What
 * comes later in a schedule waits for longer, and would not notice.
 */

import type { PartStatus } from '../../src/node/supervision/outlook.ts'
import type { SpecStatus } from '../../src/node/supervision/spec-status.ts'
import { STOP_MS } from '../../src/protocol/phase.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { isCalm } from './checkers.ts'
import { InvariantError } from './invariant-error.ts'
import { settleMs } from './settle.ts'
import type { World } from './world.ts'

/** I18: T_heal is the time to know the same, the longest that anybody takes to stop, and so much. Nothing here starts slowly. */
const START_MS = 3_000

/** What has crashed often waits so long at most before it is started again. */
const RESTART_MS = 30_000

type Kind = PartStatus['kind'] | SpecStatus['kind']

/** Those that are not to run: ended, given up, or stopped by a user. */
const OVER: readonly Kind[] = ['stopping', 'stopped', 'failed', 'ended', 'gave-up', 'done', 'removed']

export class Healing {
  readonly #mesh: SimulatedMesh
  readonly #world: World
  readonly #isExcused: (slot: string) => boolean
  readonly #sinceMs: number
  #hasAgreed = false

  /** The faults have just ended. `isExcused`: whether no node may be able to start it. */
  constructor(mesh: SimulatedMesh, world: World, isExcused: (slot: string) => boolean) {
    this.#mesh = mesh
    this.#world = world
    this.#isExcused = isExcused
    this.#sinceMs = mesh.nowMs
  }

  /** For how long there have been no faults. */
  get forMs(): number {
    return this.#mesh.nowMs - this.#sinceMs
  }

  /** @returns whether all know the same now @throws {InvariantError} when they never have, and the time for it is up */
  haveAgreed(): boolean {
    const isNow = isCalm(this.#mesh)
    this.#hasAgreed ||= isNow
    if (!this.#hasAgreed && this.forMs >= settleMs(this.#mesh))
      throw new InvariantError(`I9: for ${this.forMs} ms after the faults, nodes did not know the same`)
    return isNow
  }

  /** @returns whether all that is to run does now @throws {InvariantError} when it does not, and its time is up */
  areAllLiving(): boolean {
    const missing = this.#findMissing()
    const healMs = settleMs(this.#mesh) + STOP_MS + START_MS
    for (const { slot, kind } of missing) {
      if (this.forMs >= healMs + (kind === 'restarting' ? RESTART_MS : 0))
        throw new InvariantError(
          `I18: ${this.forMs} ms after the faults, nobody runs ${slot}, which is ${kind}`,
        )
    }
    return missing.length === 0
  }

  /** What is to run, as one node knows that knows what all know, and does not. */
  #findMissing(): { readonly slot: string; readonly kind: Kind }[] {
    const node = this.#mesh.node(this.#mesh.up[0] ?? '')
    const living = new Set([...this.#world.living.values()].map(({ worker }) => worker))
    const workers = node.listWorkers().map(({ id, status }) => ({ slot: String(id), kind: status.kind }))
    const members = node.listGroups().flatMap(({ id }) => node.getGroup(id).members())
    return [...workers, ...members.flatMap(member => member.workers)].filter(
      ({ slot, kind }) => !living.has(slot) && !OVER.includes(kind) && !this.#isExcused(slot),
    )
  }
}
