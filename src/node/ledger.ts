// pure
/**
 * The rows of the mesh as this node knows them, and what follows from them: who is in the view, where placement
 * puts each slot. Notes what has changed, for the rules, and what it has written itself, for the others.
 */

import { type NodeId, type Run, type SlotId, type SpecId, isSameRun, slotId, specOfSlot } from '../ids.ts'
import type { Candidate } from '../placement/view.ts'
import { type Claim, refutedClaim } from '../protocol/claim.ts'
import { type Hlc, HlcClock, compareHlc } from '../protocol/hlc.ts'
import { isDoubt } from '../protocol/member-row.ts'
import type { MembershipEffect } from '../protocol/membership-effect.ts'
import type { Membership } from '../protocol/membership.ts'
import type { Removal, Rows } from '../protocol/messages.ts'
import { type Phase, compareGenerations } from '../protocol/phase.ts'
import { declaredAt, laterOf } from '../protocol/part-edits.ts'
import { rowOf, upheldBy } from '../protocol/spec-join.ts'
import type { SpecRow, SpecWrite } from '../protocol/spec-row.ts'
import { Tables } from '../protocol/tables.ts'
import type { Effect } from './events.ts'
import { NamedRuns } from './named-runs.ts'
import { News } from './news.ts'
import type { Now } from './now.ts'
import { Places } from './places.ts'
import { type Rivals, rivalsIn } from './rivals.ts'
import { partsOfSpec } from './supervision/units.ts'
import { Tombstones } from './tombstones.ts'

/** What came of rows of others. */
export interface Intake {
  /** Specs that were removed so long ago that nothing of them is taken in. */
  readonly forgotten: readonly Removal[]
  readonly rivals: readonly Rivals[]
}

type MemberChange = MembershipEffect & { kind: 'member-changed' }

export class Ledger {
  readonly membership: Membership
  readonly tables: Tables
  readonly tombstones: Tombstones
  readonly news: News
  readonly #clock: HlcClock
  readonly #places = new Places()
  readonly #named: NamedRuns
  readonly #changed = new Set<SpecId>()
  #run: Run

  constructor(membership: Membership, tombstoneMs: number, emit: (effect: Effect) => void) {
    const { id, boot } = membership.self
    this.#run = { id, boot }
    this.membership = membership
    this.tombstones = new Tombstones(tombstoneMs)
    this.news = new News(() => membership.connected().length)
    this.tables = new Tables(membership.table)
    this.#named = new NamedRuns(this.tables)
    this.#clock = new HlcClock(id, (node, aheadMs) => emit({ kind: 'clock-ahead', node, aheadMs }))
    for (const row of membership.table.rows()) this.#places.followMember(row)
  }

  /** This run of the node: one object, as every claim and every worker of a group holds on to it. */
  get run(): Run {
    const { id, boot } = this.membership.self
    if (this.#run.boot !== boot) this.#run = { id, boot }
    return this.#run
  }

  // What others have written.

  /** Takes in specs, claims and phases. */
  takeIn(rows: Rows, now: Now): Intake {
    const forgotten = new Map<SpecId, Removal>()
    const isForgotten = (spec: SpecId, declared: Hlc): boolean => {
      const at = this.#findRemoval(spec, declared)
      if (at !== undefined) forgotten.set(spec, { spec, at })
      return at !== undefined
    }
    const rivals: Rivals[] = []
    for (const row of rows.specs) {
      const known = this.tables.specs.get(row.id)
      if (isForgotten(row.id, declaredAt(row))) continue
      const upheld = known && upheldBy(known, row)
      const merged = this.tables.specs.merge(upheld ?? row)
      if (merged !== undefined) this.#onSpecChanged(merged, known, now)
      if (upheld !== undefined) this.#onUpheld(upheld, now)
      else if (known !== undefined) rivals.push(...rivalsIn(known, row, merged ?? known))
    }
    for (const claim of rows.claims) {
      const spec = specOfSlot(claim.slot)
      if (isForgotten(spec, claim.specVersion)) continue
      const refuted = refutedClaim(this.tables.claims.get(claim.slot), claim, this.run)
      if (refuted !== undefined) this.writeClaim(refuted)
      else if (this.tables.mergeClaim(claim, now.ms) !== undefined) {
        this.#touchKnown(spec)
        this.membership.onGiven(claim.owner)
      }
    }
    for (const phase of rows.phases) {
      if (isForgotten(phase.spec, phase.specVersion)) continue
      const { phase: known } = this.tables.placesOf(phase.spec)
      if (this.tables.mergePhase(phase, now.ms) === undefined) continue
      this.#touchKnown(phase.spec)
      for (const { at } of phase.exits) this.#clock.see(at, now.wallMs)
      if (known !== undefined && compareGenerations(phase.generation, known.generation) <= 0) continue
      const ended = new Set(phase.exits.map(({ slot }) => slot))
      for (const { slot, owner } of phase.layout) if (!ended.has(slot)) this.membership.onGiven(owner)
    }
    return { forgotten: [...forgotten.values()], rivals }
  }

  /** Another node has forgotten the spec. */
  forget({ spec: id, at }: Removal, now: Now): void {
    this.tombstones.note(id, at)
    const row = this.tables.specs.get(id)
    if (row === undefined) return this.#dropRest(id, at)
    if (compareHlc(declaredAt(row), at) > 0) return undefined
    if (row.body === undefined) return this.tombstones.hasten(id, now.ms)
    // Removed anew: so the workers stop, and all hear of it who have it from the same source.
    return this.writeSpec({ id, body: undefined, desired: 'stopped' }, now)
  }

  /** Drops what is known of a removed spec. */
  drop(id: SpecId): void {
    const row = this.tables.specs.get(id)
    if (row === undefined || row.body !== undefined) return
    // Phases go by the version, also where that is of a change that was lost to the removal.
    this.#dropRest(id, row.version)
    this.tables.specs.drop(id)
  }

  // What this node writes.

  /** A moment later than all that was seen. */
  moment(wallMs: number): Hlc {
    return this.#clock.next(wallMs)
  }

  writeSpec(write: SpecWrite, now: Now): void {
    const before = this.tables.specs.get(write.id)
    const after = laterOf(before?.version, this.tombstones.findRemoval(write.id))
    const version = this.#clock.nextAfter(after, now.wallMs)
    const written = rowOf(write, version, before?.version)
    const row = this.tables.specs.merge(written) ?? written
    this.news.addSpec(row)
    if (before !== undefined) this.#tellPlace(row.id)
    this.#onSpecChanged(row, before, now)
  }

  writeClaim(claim: Claim): void {
    const merged = this.tables.claims.merge(claim)
    if (merged === undefined) return
    this.news.addClaim(merged)
    this.#changed.add(specOfSlot(merged.slot))
  }

  writePhase(phase: Phase): void {
    const merged = this.tables.phases.merge(phase)
    if (merged === undefined) return
    this.news.addPhase(merged)
    this.#changed.add(merged.spec)
  }

  /**
   * A member row has changed. What this node has concluded is told at once; what it has heard is passed on soon, by
   * everybody who hears of it: whoever is told of a spec by this node later has been told before of every member that
   * this node knows, and places it alike. In a large mesh that would be too many messages. Whether a member is suspect
   * makes no difference to placement, nor to any worker, and is left to the probes: whatever comes with that is not.
   */
  onMemberChanged({ row, before, authored }: MemberChange): void {
    const isNews = before === undefined || !isDoubt(row, before)
    if (authored) this.news.addMember(row)
    else if (isNews && this.membership.isPushing) this.news.addHeard(row)
    const placed = this.#places.followMember(row)
    if (!isNews && placed === 'as before') return
    for (const spec of this.tables.specs.rows()) this.#changed.add(spec.id)
  }

  /**
   * Whether nobody else stays: also where all others leave as well. Who has no session just now, and is a member, may have
   * one again; who is only emptied keeps what no other can run, and may take work again.
   */
  get isAlone(): boolean {
    return this.membership
      .present()
      .every(({ id, role, status }) => id === this.run.id || role !== 'member' || status === 'leaving')
  }

  /** What this node writes now rests on what it knows of the member, and goes out with that. */
  passOn(id: NodeId): void {
    const row = this.tables.members.get(id)
    if (row !== undefined) this.news.addHeard(row)
  }

  /** Look at this spec again. */
  touch(id: SpecId): void {
    this.#changed.add(id)
  }

  /** Takes the specs to look at, oldest mark first: also those that placement wants elsewhere now. */
  takeChanged(): SpecId[] {
    for (const id of this.#places.takeMoved()) this.#changed.add(id)
    const changed = [...this.#changed]
    this.#changed.clear()
    return changed
  }

  /** When news are due, or rows to be dropped; Infinity: there are none. */
  wakeAtMs(): number {
    return Math.min(this.news.wakeAtMs(), this.tombstones.wakeAtMs(), this.tables.strays.wakeAtMs())
  }

  // What follows.

  /** Whether a claim or a phase still speaks of this run. */
  isNamed(run: Run): boolean {
    return this.#named.has(run)
  }

  /** The nodes that can own something, this one included. */
  view(): readonly Candidate[] {
    return this.#places.view()
  }

  /** `name@version` of all that live nodes can run: sorted, each once. */
  behaviours(): string[] {
    return this.#places.behaviours()
  }

  /** Equal on nodes that place everything alike, as far as they know the same specs. */
  viewHash(): string {
    return this.#places.viewHash()
  }

  /** Where placement puts the slot; undefined when no node can run it. */
  ownerOf(slot: SlotId): NodeId | undefined {
    const owner = this.#places.ownerOf(slot)
    return owner === undefined ? undefined : this.membership.table.get(owner)?.id
  }

  /** The run of the node where placement puts the slot; undefined when no node can run it. */
  placeOf(slot: SlotId): Run | undefined {
    const owner = this.ownerOf(slot)
    const row = owner === undefined ? undefined : this.tables.members.get(owner)
    return row === undefined ? undefined : { id: row.id, boot: row.boot }
  }

  /** Whether placement would put the slot on some other node if this one declined it. */
  hasOther(slot: SlotId, node: NodeId): boolean {
    return this.#places.hasOther(slot, node)
  }

  /** As its spec has the slot; undefined where it does not, or a user has stopped it. */
  revisionOf(slot: SlotId): number | undefined {
    const spec = specOfSlot(slot)
    return partsOfSpec(spec, this.tables.specs.get(spec)?.body).bySlot.get(slot)?.revision
  }

  /** Whether a node runs the slot now, or will once nobody declines it any more. */
  isPlaceable(slot: SlotId): boolean {
    return this.ownerOf(slot) !== undefined || this.#places.isDeclined(slot)
  }

  /** Whether the node is there to take what it was given: one that leaves takes nothing any more. */
  isTaking(node: NodeId): boolean {
    return this.membership.isPresent(node) && this.tables.members.get(node)?.status !== 'leaving'
  }

  hasLeft({ id, boot }: Run): boolean {
    const row = this.tables.members.get(id)
    return row?.boot === boot && row.status === 'left'
  }

  /** What keeps all live nodes from running these slots of a spec: one line for people. */
  shortage(row: SpecRow, slots: ReadonlySet<string>): string {
    return this.#places.shortage(row, slots)
  }

  /**
   * Whether this node decides for a group or chain: as long as whoever made its generation is there, nobody else does;
   * then one who was there when it was made. Otherwise all nodes of one view agree on one.
   */
  isCoordinator(spec: SpecId): boolean {
    const phase = this.tables.phases.get(spec)
    if (phase !== undefined && this.#isDeciding(phase.coordinator))
      return isSameRun(phase.coordinator, this.run)
    // Not one that has come since: the others may not have heard of it yet, nor it of what they have decided.
    const successor = phase && this.#places.successorOf(spec, phase.since)
    return (successor ?? this.#places.coordinatorOf(spec)) === this.run.id
  }

  #isDeciding({ id, boot }: Run): boolean {
    return this.isTaking(id) && this.tables.members.get(id)?.boot === boot
  }

  /** What is not known is looked at when it is. */
  #touchKnown(id: SpecId): void {
    if (this.tables.specs.get(id) !== undefined) this.#changed.add(id)
  }

  #onSpecChanged(row: SpecRow, before: SpecRow | undefined, now: Now): void {
    this.#clock.see(row.version, now.wallMs)
    if (before === undefined) this.tables.adopt(row.id)
    this.#places.followSpec(row, before)
    this.#changed.add(row.id)
    this.tombstones.follow(row, now)
  }

  /** Whoever has declared it anew is to hear that it is otherwise, and where it runs. */
  #onUpheld(row: SpecRow, now: Now): void {
    this.#clock.see(row.version, now.wallMs)
    this.news.addSpec(row)
    this.#tellPlace(row.id)
  }

  /** Who hears of a spec first by a change of it, is to know where it runs already. */
  #tellPlace(id: SpecId): void {
    const claim = this.tables.claims.get(slotId(id))
    const phase = this.tables.phases.get(id)
    if (claim !== undefined) this.news.addClaim(claim)
    if (phase !== undefined) this.news.addPhase(phase)
  }

  /** When the spec was removed, where nothing is known of it any more, and it was not declared after that. */
  #findRemoval(spec: SpecId, declared: Hlc): Hlc | undefined {
    const at = this.tables.specs.get(spec) === undefined ? this.tombstones.findRemoval(spec) : undefined
    return at !== undefined && compareHlc(declared, at) <= 0 ? at : undefined
  }

  #dropRest(id: SpecId, at: Hlc): void {
    this.tombstones.note(id, at, this.tables.lastGenerationOf(id))
    this.tables.dropPlaces(id)
  }
}
