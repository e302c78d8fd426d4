// pure
/** The runs that claims and phases speak of: gathered once for all who ask between two changes of these. */

import type { NodeId, Run } from '../ids.ts'
import type { Tables } from '../protocol/tables.ts'

export class NamedRuns {
  readonly #tables: Tables
  readonly #boots = new Map<NodeId, Set<number>>()
  /** What had changed in claims and phases when they were gathered. */
  #changes = -1

  constructor(tables: Tables) {
    this.#tables = tables
  }

  has({ id, boot }: Run): boolean {
    const { claims, phases } = this.#tables
    const changes = claims.changes + phases.changes
    if (changes !== this.#changes) {
      this.#changes = changes
      this.#gather()
    }
    return this.#boots.get(id)?.has(boot) === true
  }

  #gather(): void {
    this.#boots.clear()
    for (const { owner } of this.#tables.claims.rows()) this.#add(owner)
    for (const { coordinator, layout } of this.#tables.phases.rows()) {
      this.#add(coordinator)
      for (const { owner } of layout) this.#add(owner)
    }
  }

  #add({ id, boot }: Run): void {
    const boots = this.#boots.get(id) ?? new Set()
    this.#boots.set(id, boots.add(boot))
  }
}
