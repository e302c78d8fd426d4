/** What random schedules do to groups: crashes of members, and members that come, go, stop and start anew. */

import type { Prng } from '../../src/prng.ts'
import type { GroupStrategy } from '../../src/protocol/spec-row.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import type { World } from './world.ts'

const GROUPS: readonly { readonly id: string; readonly strategy: GroupStrategy }[] = [
  { id: 'line', strategy: 'one_for_all' },
  { id: 'team', strategy: 'one_for_one' },
  { id: 'crew', strategy: 'rest_for_one' },
]

export class GroupFaults {
  readonly #world: World
  readonly #prng: Prng
  #added = 0

  constructor(world: World, prng: Prng) {
    this.#world = world
    this.#prng = prng
  }

  async declare(mesh: SimulatedMesh): Promise<void> {
    // Generous: what is tested here is that nothing is lost, not when a supervisor gives up.
    const intensity = { restarts: 1_000, withinMs: 1_000 }
    const { witness } = this.#world
    const members = ['a', 'b', 'c', 'd'].map(id => ({ id, run: witness, args: [] as const }))
    await Promise.all(GROUPS.map(each => mesh.node('n2').addGroup({ ...each, intensity, members })))
  }

  /** A member crashes when the message reaches it. @returns whether there was anything to do */
  throwOne(mesh: SimulatedMesh): boolean {
    const group = this.#pick(mesh)
    if (group === undefined) return false
    const member = this.#prng.pick(group.members()).id
    this.#world.victim = `${group.id}/${member}`
    group.member(member).send('crash')
    return true
  }

  /** A user changes something; nobody waits for it. @returns whether there was anything to do */
  editOne(mesh: SimulatedMesh): boolean {
    if (this.#prng.below(4) === 0) return this.#editChain(mesh)
    const group = this.#pick(mesh)
    if (group === undefined) return false
    const member = this.#prng.pick(group.members()).id
    this.#world.isEdited = true
    const kind = this.#prng.pick(['add', 'add', 'remove', 'restart', 'stop', 'restart-all'])
    void this.#edit(group, member, kind).catch(() => {})
    return true
  }

  /** A stage starts anew under its items. */
  #editChain(mesh: SimulatedMesh): boolean {
    const chain = mesh.node(this.#prng.pick(mesh.up)).findChain('pipe')
    if (chain === undefined) return false
    void chain.restartStage(this.#prng.pick(chain.stages()).id).catch(() => {})
    return true
  }

  #edit(group: Handle, member: string, kind: string): Promise<unknown> {
    switch (kind) {
      case 'remove':
        return group.members().length > 2 ? group.removeMember(member) : Promise.resolve()
      case 'restart':
        return group.restartMember(member)
      case 'stop':
        return group.stopMember(member)
      case 'restart-all':
        return group.restart()
      default:
        this.#added += 1
        return group.addMember({ id: `x${this.#added}`, run: this.#world.witness, args: [] })
    }
  }

  #pick(mesh: SimulatedMesh): Handle | undefined {
    return mesh.node(this.#prng.pick(mesh.awake)).findGroup(this.#prng.pick(GROUPS).id)
  }
}

type Handle = ReturnType<ReturnType<SimulatedMesh['node']>['getGroup']>
