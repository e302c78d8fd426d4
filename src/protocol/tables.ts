// pure
/** The replicated tables of a node, as anti-entropy sees them: roots, buckets, rows. Claims and phases are of known specs. */

import { unreachable } from '../assert.ts'
import { type SpecId, slotId, specOfSlot } from '../ids.ts'
import { type Claim, claims } from './claim.ts'
import type { MemberRow } from './member-row.ts'
import { NO_ROWS, type Roots, type Rows, type Table } from './messages.ts'
import { ofItsSlots } from './own-slots.ts'
import { type Phase, phases } from './phase.ts'
import { RecordStore } from './record-store.ts'
import { specRows } from './spec-join.ts'
import type { SpecRow } from './spec-row.ts'
import { Strays, type Whereabouts } from './strays.ts'

export class Tables {
  readonly members: RecordStore<MemberRow>
  readonly specs = new RecordStore<SpecRow>(specRows)
  readonly claims = new RecordStore<Claim>(claims)
  readonly phases = new RecordStore<Phase>(phases)
  readonly strays = new Strays()

  constructor(members: RecordStore<MemberRow>) {
    this.members = members
  }

  /** Grows whenever the roots may have changed. */
  get changes(): number {
    return this.members.changes + this.specs.changes + this.claims.changes + this.phases.changes
  }

  /** Joins what others say of where specs run. @returns it as it is now, or undefined when nothing has changed */
  mergeClaim(claim: Claim, nowMs: number): Claim | undefined {
    const isKnown = this.specs.get(specOfSlot(claim.slot)) !== undefined
    return isKnown ? this.claims.merge(claim) : this.strays.mergeClaim(claim, nowMs)
  }

  /** The same of a phase: of what it says of slots, what is of those that its generation has. */
  mergePhase(row: Phase, nowMs: number): Phase | undefined {
    const phase = ofItsSlots(row, this.placesOf(row.spec).phase)
    const isKnown = this.specs.get(phase.spec) !== undefined
    return isKnown ? this.phases.merge(phase) : this.strays.mergePhase(phase, nowMs)
  }

  /** The spec is known from now on: what was said of it before is no stray any more. */
  adopt(spec: SpecId): void {
    const { claim, phase } = this.strays.take(spec)
    if (claim !== undefined) this.claims.merge(claim)
    if (phase !== undefined) this.phases.merge(phase)
  }

  /** Nothing is known any more of where the spec runs. */
  dropPlaces(spec: SpecId): void {
    this.strays.take(spec)
    this.claims.drop(slotId(spec))
    this.phases.drop(spec)
  }

  /** Where the spec runs, also where it is not known itself. */
  placesOf(spec: SpecId): Whereabouts {
    return this.strays.find(spec) ?? { claim: this.claims.get(slotId(spec)), phase: this.phases.get(spec) }
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
    const { claim, phase } = this.placesOf(id)
    return Math.max(claim?.generation ?? 0, phase?.generation.number ?? 0)
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
