/**
 * I50: nodes on which nothing starts any more, for a while. What fails there runs elsewhere; and no node declines
 * what nobody else takes. When all is well again, all runs.
 */

import { type SlotId, specOfSlot } from '../../src/ids.ts'
import type { SpecStatus } from '../../src/node/supervision/spec-status.ts'
import { defineServer } from '../../src/node/workers/behaviours.ts'
import { DECLINES_MAX } from '../../src/protocol/member-row.ts'
import { generationOf } from '../../src/protocol/fencing-token.ts'
import type { Prng } from '../../src/prng.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { InvariantError } from './invariant-error.ts'
import type { World } from './world.ts'

const IDS = ['s0', 's1', 's2']
const GROUP = 'ward'
const MEMBERS = ['a', 'b', 'c', 'd']

/** A node sees to it as soon as it looks at the spec again: this is long. */
const TAKE_BACK_MS = 1_000

/** As often as not, nobody helps what is well again to start: waits between restarts grow to half a minute. */
const PATIENT_SHARE = 0.3
const RECOVERY_MS = 60_000

export class SickNodes {
  readonly #world: World
  readonly #prng: Prng
  /** The nodes on which nothing of this starts. */
  readonly #sick = new Set<string>()
  /** From then on nothing crashes: what was told to, and has not started since, is told so when it does. */
  #isRecovering = false
  /** Since when a node declines what waits for a node: by node and slot. */
  readonly #sinceMs = new Map<string, number>()
  /** Of every decline that was seen: the node, its run and the slot. */
  readonly #declined = new Set<string>()

  /** Takes its state along, and crashes when it is told to. */
  readonly tender = defineServer('tender', {
    init: context => {
      const { node, worker, token, random } = context
      if (this.#sick.has(node)) throw new Error(`${node} is sick`)
      const key = `${node} ${worker} ${token.generation} ${random.uint32()}`
      this.#world.living.set(key, { worker, node, generation: generationOf(token).number })
      return { key }
    },
    info: state => {
      if (this.#isRecovering) return state
      this.#world.living.delete(state.key)
      throw new Error('told to crash')
    },
    handoff: () => 1,
    terminate: state => {
      this.#world.living.delete(state.key)
    },
  })

  constructor(world: World, prng: Prng) {
    this.#world = world
    this.#prng = prng
  }

  /** How many declines were seen. */
  get declinedCount(): number {
    return this.#declined.size
  }

  /** Whether it is a worker of these, which nobody may be able to start. */
  owns(worker: string): boolean {
    return IDS.includes(worker) || worker.startsWith(`${GROUP}/`)
  }

  async declare(mesh: SimulatedMesh): Promise<void> {
    this.#isRecovering = false
    this.#sick.clear()
    const intensity = { restarts: 1_000, withinMs: 1_000 }
    const members = MEMBERS.map(id => ({ id, run: this.tender }))
    const strategy = this.#prng.pick(['one_for_one', 'one_for_all', 'rest_for_one'] as const)
    await Promise.all([
      ...IDS.map(id => mesh.node('n1').addWorker({ id, run: this.tender, intensity })),
      mesh.node('n2').addGroup({ id: GROUP, strategy, members, intensity }),
    ])
  }

  /** A node gets sick, and a worker on it crashes; or one is well again. @returns what was done */
  trouble(mesh: SimulatedMesh): string | undefined {
    const [first] = this.#sick
    if (first !== undefined && this.#prng.chance(0.3)) {
      this.#sick.delete(first)
      return 'cure'
    }
    const here = [...this.#world.living.values()].filter(
      ({ worker, node }) => this.owns(worker) && mesh.awake.some(id => id === node),
    )
    if (here.length === 0) return undefined
    const { worker, node } = this.#prng.pick(here)
    this.#sick.add(node)
    const [id = '', member] = worker.split('/')
    const from = mesh.node(node)
    if (member === undefined) from.findWorker(id)?.send('fail')
    else from.findGroup(id)?.member(member).send('fail')
    return 'sicken'
  }

  check(mesh: SimulatedMesh): void {
    const seen = new Set<string>()
    for (const id of mesh.awake) {
      const { core, plane } = mesh.node(id).inspect()
      const { declines = [] } = core.self
      if (declines.length > DECLINES_MAX)
        throw new InvariantError(`I50: ${id} declines ${declines.length} slots`)
      for (const slot of declines) {
        this.#declined.add(`${id} ${mesh.runOf(id)} ${slot}`)
        const spec = specOfSlot(slot)
        const part = spec === GROUP ? plane.router.partStatusOf(spec, slot) : core.statusOf(spec)
        const isWaiting = core.ledger.ownerOf(slot) === undefined && part?.kind === 'pending'
        if (isWaiting) this.#onWaiting(mesh, id, { slot, seen })
      }
    }
    for (const key of this.#sinceMs.keys()) if (!seen.has(key)) this.#sinceMs.delete(key)
  }

  /** Nobody is sick any more, and all that is declared comes to run. */
  async recover(mesh: SimulatedMesh): Promise<void> {
    this.#isRecovering = true
    this.#sick.clear()
    const node = mesh.node(this.#prng.pick(mesh.up))
    const statusOf = (id: string): SpecStatus | undefined =>
      node.snapshot().specs.find(each => each.id === id)?.status
    const isPatient = this.#prng.chance(PATIENT_SHARE)
    for (const id of [...IDS, GROUP]) {
      const kind = statusOf(id)?.kind
      // Of what was never seen to run, a start that fails is the end.
      const isHelped = kind === 'failed' || (!isPatient && kind !== 'running')
      if (kind === undefined || !isHelped) continue
      if (id === GROUP) await mesh.settle(node.restartGroup(id))
      else await mesh.settle(node.restartWorker(id))
    }
    const areRunning = (): boolean =>
      [...IDS, GROUP].every(id => ['running', undefined].includes(statusOf(id)?.kind))
    await mesh.until('all that could not start runs', areRunning, RECOVERY_MS)
  }

  #onWaiting(
    mesh: SimulatedMesh,
    node: string,
    what: { readonly slot: SlotId; readonly seen: Set<string> },
  ): void {
    const key = `${node} ${mesh.runOf(node)} ${what.slot}`
    what.seen.add(key)
    const sinceMs = this.#sinceMs.get(key) ?? mesh.nowMs
    this.#sinceMs.set(key, sinceMs)
    if (mesh.nowMs - sinceMs > TAKE_BACK_MS)
      throw new InvariantError(`I50: ${node} declines ${what.slot}, which waits for a node, since ${sinceMs}`)
  }
}
