// pure
/** The replicated tables of a node, as anti-entropy sees them: roots, buckets, rows. */

import { unreachable } from '../assert.ts'
import { type SpecId, slotId } from '../ids.ts'
import { type Claim, claims } from './claim.ts'
import type { MemberRow } from './member-row.ts'
import { NO_ROWS, type Roots, type Rows, type Table } from './messages.ts'
import { type Phase, phases } from './phase.ts'
import { RecordStore } from './record-store.ts'
import { specRows } from './spec-join.ts'
import type { SpecRow } from './spec-row.ts'

export class Tables {
  readonly members: RecordStore<MemberRow>
  readonly specs = new RecordStore<SpecRow>(specRows)
  readonly claims = new RecordStore<Claim>(claims)
  readonly phases = new RecordStore<Phase>(phases)

  constructor(members: RecordStore<MemberRow>) {
    this.members = members
  }

  /** Grows whenever the roots may have changed. */
  get changes(): number {
    return this.members.changes + this.specs.changes + this.claims.changes + this.phases.changes
  }

  roots(): Roots {
    return {
      members: this.members.root(),
      specs: this.specs.root(),
      claims: this.claims.root(),
      phases: this.phases.root(),
    }
  }

  /** The rows of some buckets; those of specs with what is known of where they run, which nobody is to learn later. */
  rowsIn(table: Table, buckets: ReadonlySet<number>): Rows {
    switch (table) {
      case 'members':
        return { ...NO_ROWS, members: this.members.rowsIn(buckets) }
      case 'specs':
        return this.#withPlaces(this.specs.rowsIn(buckets))
      case 'claims':
        return { ...NO_ROWS, claims: this.claims.rowsIn(buckets) }
      case 'phases':
        return { ...NO_ROWS, phases: this.phases.rowsIn(buckets) }
      default:
        return unreachable(table)
    }
  }

  /** What is known of these specs, and of where they run. */
  rowsOf(ids: readonly SpecId[]): Rows {
    return this.#withPlaces(ids.flatMap(id => this.specs.get(id) ?? []))
  }

  /** The number of the latest generation that is known of the spec, of a worker or a group; 0: none. */
  lastGenerationOf(id: SpecId): number {
    return Math.max(this.claims.get(slotId(id))?.generation ?? 0, this.phases.get(id)?.generation.number ?? 0)
  }

  #withPlaces(specs: readonly SpecRow[]): Rows {
    return {
      ...NO_ROWS,
      specs,
      claims: specs.flatMap(({ id }) => this.claims.get(slotId(id)) ?? []),
      phases: specs.flatMap(({ id }) => this.phases.get(id) ?? []),
    }
  }
}
