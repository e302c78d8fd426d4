/**
 * What users have added to groups, and removed, while anything else happened to the mesh: once somebody was told that it
 * is done, it is so in the end at all nodes, as long as one of those that knew it then is still there (I52).
 */

import type { Run } from '../../src/ids.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { InvariantError } from './invariant-error.ts'

interface Edit {
  readonly group: string
  readonly member: string
  readonly isIn: boolean
  /** Who knew it when whoever had asked for it was told that it is done. */
  readonly holders: readonly Run[]
}

export class EditLog {
  readonly #asked = new Map<string, string[]>()
  readonly #done: Edit[] = []

  /** Somebody asks for a change of a member. Where several do, the clocks decide: that is not looked at. */
  ask(group: string, member: string, what: string): void {
    const key = `${group}/${member}`
    this.#asked.set(key, [...(this.#asked.get(key) ?? []), what])
  }

  /** Whoever has asked for it was told that it is done. */
  done(mesh: SimulatedMesh, group: string, member: string, isIn: boolean): void {
    const holders = mesh.up
      .filter(node => has(mesh, node, group, member) === isIn)
      .map(node => mesh.node(node).inspect().core.ledger.run)
    this.#done.push({ group, member, isIn, holders })
  }

  /** When all nodes know the same. @returns how many changes were looked at */
  check(mesh: SimulatedMesh): number {
    let count = 0
    for (const { group, member, isIn, holders } of this.#done) {
      const asked = this.#asked.get(`${group}/${member}`)?.join() ?? ''
      // Whoever removes what was added has seen that: its moment is later, whatever the clocks say.
      if (!(isIn ? ['add'] : ['remove', 'add,remove']).includes(asked)) continue
      if (!holders.some(run => isUp(mesh, run))) continue
      count += 1
      for (const node of mesh.up) {
        const found = has(mesh, node, group, member)
        if (found === isIn || found === undefined) continue
        const what = isIn ? 'was added, and is gone' : 'was removed, and is back'
        throw new InvariantError(`I52: ${group}/${member} ${what} on ${node}`)
      }
    }
    return count
  }
}

function isUp(mesh: SimulatedMesh, { id, boot }: Run): boolean {
  return mesh.up.includes(id) && mesh.node(id).inspect().core.ledger.run.boot === boot
}

/** Undefined: there is no such group any more. */
function has(mesh: SimulatedMesh, node: string, group: string, member: string): boolean | undefined {
  return mesh
    .node(node)
    .findGroup(group)
    ?.members()
    .some(({ id }) => id === member)
}
