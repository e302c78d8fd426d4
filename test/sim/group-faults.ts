/** What random schedules do to groups: crashes of members, and members that come, go, stop and start anew. */

import { specId } from '../../src/ids.ts'
import type { Prng } from '../../src/prng.ts'
import type { GroupStrategy, RestartIntensity } from '../../src/protocol/spec-row.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { EditLog } from './edit-log.ts'
import { InvariantError } from './invariant-error.ts'
import type { World } from './world.ts'

/** Generous: what is tested with most of them is that nothing is lost, not when a supervisor gives up. */
const GENEROUS: RestartIntensity = { restarts: 1_000, withinMs: 1_000 }

const GROUPS: readonly {
  readonly id: string
  readonly strategy: GroupStrategy
  readonly intensity: RestartIntensity
}[] = [
  { id: 'line', strategy: 'one_for_all', intensity: GENEROUS },
  { id: 'team', strategy: 'one_for_one', intensity: GENEROUS },
  { id: 'crew', strategy: 'rest_for_one', intensity: GENEROUS },
  // Is given up now and then, and started again by a user: I27.
  { id: 'tight', strategy: 'one_for_one', intensity: { restarts: 2, withinMs: 20_000 } },
]

/** The names of the groups. */
export const GROUP_IDS = GROUPS.map(({ id }) => specId(id))

/** I28: T, without what members take to stop and start, which is nothing here, and without the wait. */
const RECOVERY_MS = 5_000
/** The longest wait before a restart that has so many before it: 100 ms, 200 ms … 30 s. */
const waitMsMax = (restarts: number): number => Math.min(30_000, 100 * 2 ** restarts)

export class GroupFaults {
  readonly #world: World
  readonly #prng: Prng
  readonly #edits = new EditLog()
  #added = 0

  constructor(world: World, prng: Prng) {
    this.#world = world
    this.#prng = prng
  }

  async declare(mesh: SimulatedMesh): Promise<void> {
    const { witness } = this.#world
    const members = ['a', 'b', 'c', 'd'].map(id => ({ id, run: witness, args: [] as const }))
    await Promise.all(GROUPS.map(each => mesh.node('n2').addGroup({ ...each, members })))
  }

  /** A member crashes when the message reaches it. @returns whether there was anything to do */
  throwOne(mesh: SimulatedMesh): boolean {
    // Mostly the one that may be given up: it takes three within its window.
    const group = this.#prng.chance(0.6) ? this.#find(mesh, 'tight') : this.#pick(mesh)
    if (group === undefined) return false
    const member = this.#prng.pick(group.members()).id
    this.#world.victim = `${group.id}/${member}`
    group.member(member).send('crash')
    return true
  }

  /**
   * I28: once there is peace, a group in which a member crashes runs again, all of it, or is given up, within the time
   * that it may take; and whatever was given up runs again when it is asked to.
   */
  async checkRecovery(mesh: SimulatedMesh): Promise<void> {
    const [any = ''] = mesh.up
    // One that could not be declared in time is not there.
    for (const { id } of GROUPS.filter(each => mesh.node(any).findGroup(each.id) !== undefined)) {
      await this.#revive(mesh, id)
      const phase = mesh
        .node(mesh.up[0] ?? '')
        .inspect()
        .core.ledger.tables.phases.get(id)
      const group = mesh.node(this.#prng.pick(mesh.up)).getGroup(id)
      const running = group.members().filter(({ workers }) => workers[0]?.kind === 'running')
      if (phase === undefined || running.length === 0) continue
      const { number } = phase.generation
      const limitMs = RECOVERY_MS + waitMsMax(phase.restarts.length)
      const member = this.#prng.pick(running).id
      this.#world.victim = `${id}/${member}`
      group.member(member).send('crash')
      const isOver = (node: string): boolean => {
        const { core } = mesh.node(node).inspect()
        const status = core.statusOf(group.id)?.kind
        const now = core.ledger.tables.phases.get(id)?.generation.number ?? 0
        return status === 'gave-up' || (status === 'running' && now > number)
      }
      try {
        await mesh.until(`${id} has recovered`, () => mesh.up.every(isOver), limitMs)
      } catch (error) {
        throw new InvariantError(`I28: ${id} has not recovered in ${limitMs} ms`, { cause: error })
      }
      await this.#revive(mesh, id)
    }
  }

  async #revive(mesh: SimulatedMesh, id: string): Promise<void> {
    const node = mesh.node(this.#prng.pick(mesh.up))
    if (node.getGroup(id).status.kind === 'gave-up') await mesh.settle(node.restartGroup(id))
    const isRunning = (each: string): boolean => mesh.node(each).findGroup(id)?.status.kind === 'running'
    await mesh.until(`${id} runs`, () => mesh.up.every(isRunning), 60_000)
  }

  /** A user changes something; nobody waits for it. @returns whether there was anything to do */
  editOne(mesh: SimulatedMesh): boolean {
    if (this.#prng.below(4) === 0) return this.#editChain(mesh)
    const group = this.#pick(mesh)
    if (group === undefined) return false
    this.#world.isEdited = true
    this.#editGroup(mesh, group)
    // Others may change the same group at the same time, and not know of that yet.
    const other = this.#prng.chance(0.5) ? this.#find(mesh, group.id) : undefined
    if (other !== undefined) this.#editGroup(mesh, other)
    return true
  }

  #editGroup(mesh: SimulatedMesh, group: Handle): void {
    const member = this.#prng.pick(group.members()).id
    const kind = this.#prng.pick(['add', 'add', 'remove', 'restart', 'stop', 'restart-all'])
    void this.#edit(mesh, group, member, kind).catch(() => {})
  }

  /** A stage starts anew under its items. */
  #editChain(mesh: SimulatedMesh): boolean {
    const chain = mesh.node(this.#prng.pick(mesh.awake)).findChain('pipe')
    if (chain === undefined) return false
    void chain.restartStage(this.#prng.pick(chain.stages()).id).catch(() => {})
    return true
  }

  async #edit(mesh: SimulatedMesh, group: Handle, member: string, kind: string): Promise<void> {
    switch (kind) {
      case 'remove':
        if (group.members().length <= 2) return undefined
        this.#edits.ask(group.id, member, kind)
        await group.removeMember(member)
        return this.#edits.done(mesh, group.id, member, false)
      case 'restart':
        this.#edits.ask(group.id, member, kind)
        return group.restartMember(member)
      case 'stop':
        this.#edits.ask(group.id, member, kind)
        return group.stopMember(member)
      case 'restart-all':
        return group.restart()
      default:
        return this.#add(mesh, group)
    }
  }

  async #add(mesh: SimulatedMesh, group: Handle): Promise<void> {
    this.#added += 1
    const id = `x${this.#added}`
    this.#edits.ask(group.id, id, 'add')
    await group.addMember({ id, run: this.#world.witness, args: [] })
    this.#edits.done(mesh, group.id, id, true)
  }

  /** I52. When all nodes know the same. @returns how many changes were looked at */
  checkEdits(mesh: SimulatedMesh): number {
    return this.#edits.check(mesh)
  }

  #pick(mesh: SimulatedMesh): Handle | undefined {
    return this.#find(mesh, this.#prng.pick(GROUPS).id)
  }

  #find(mesh: SimulatedMesh, id: string): Handle | undefined {
    return mesh.node(this.#prng.pick(mesh.awake)).findGroup(id)
  }
}

type Handle = ReturnType<ReturnType<SimulatedMesh['node']>['getGroup']>
