// pure
/** Where placement puts every slot: follows the rows of members and specs as they change. */

import { type SlotId, type SpecId, isSlotId, specOfSlot } from '../ids.ts'
import { PlacementEngine } from '../placement/engine.ts'
import { type Candidate, View } from '../placement/view.ts'
import { type MemberRow, givesAway, isPresent } from '../protocol/member-row.ts'
import type { SpecRow } from '../protocol/spec-row.ts'
import { shortageOf } from './supervision/shortage.ts'
import { Supply } from './supervision/supply.ts'
import { slotsOfSpec, unitsOfSpec } from './supervision/units.ts'

/** The label of a node that names its zone. */
const ZONE_LABEL = 'zone'

export class Places {
  readonly #view = new View()
  readonly #engine = new PlacementEngine()
  readonly #moved = new Set<SpecId>()
  readonly #coordinators = new Map<SpecId, string | undefined>()
  /** What the nodes of the view have, once somebody has asked for it. */
  #supply: Supply | undefined
  /** Of the nodes of the view, by their ids. */
  readonly #names = new Map<string, string>()
  /** What each node declines, of those that decline anything. */
  readonly #declines = new Map<string, readonly SlotId[]>()

  /** A member is as `row` says. @returns whether anything may be placed in another way for it */
  followMember(row: MemberRow): 'anew' | 'as before' {
    const isCandidate = row.role === 'member' && isPresent(row)
    if (isCandidate) this.#names.set(row.id, row.name)
    else this.#names.delete(row.id)
    const candidate = candidateOf(row)
    const isChanged = isCandidate ? this.#view.set(candidate) : this.#view.delete(row.id)
    if (!isChanged) return 'as before'
    this.#coordinators.clear()
    this.#supply = undefined
    if (isCandidate) this.#engine.setNode(candidate)
    else this.#engine.deleteNode(row.id)
    this.#followDeclines(row.id, isCandidate ? (row.declines ?? []) : [])
    return 'anew'
  }

  /** A spec is as `row` says, and was as `before` says. */
  followSpec(row: SpecRow, before: SpecRow | undefined): void {
    if (row.body === undefined) this.#coordinators.delete(row.id)
    const units = unitsOfSpec(row)
    const ids = new Set(units.map(unit => unit.id))
    for (const { slot } of slotsOfSpec(row.id, before?.body))
      if (!ids.has(slot)) this.#engine.deleteUnit(slot)
    for (const unit of units) this.#engine.setUnit(unit)
  }

  /** The nodes that can own something. */
  view(): readonly Candidate[] {
    return this.#view.candidates()
  }

  /** `name@version` of all that these can run: sorted, each once. */
  behaviours(): string[] {
    return this.#supplyOfView().behaviours()
  }

  /** Equal on nodes with the same view. */
  viewHash(): string {
    return this.#view.hash()
  }

  /** The node that the slot belongs to; undefined when none can run it. */
  ownerOf(slot: SlotId): string | undefined {
    this.#settle()
    return this.#engine.ownerOf(slot)
  }

  /** Whether placement would put the slot on some other node if this one declined it. */
  hasOther(slot: SlotId, node: string): boolean {
    return this.#engine.hasOther(slot, node)
  }

  /** Whether any node declines the slot for now. */
  isDeclined(slot: SlotId): boolean {
    for (const slots of this.#declines.values()) if (slots.includes(slot)) return true
    return false
  }

  /** What keeps all nodes of the view from running the slots of the spec named here. */
  shortage(row: SpecRow, slots: ReadonlySet<string>): string {
    return shortageOf(
      unitsOfSpec(row).filter(({ id }) => slots.has(id)),
      this.#supplyOfView(),
    )
  }

  /** Takes the specs of which something is to live elsewhere than before: one spec more may move others. */
  takeMoved(): SpecId[] {
    this.#settle()
    const moved = [...this.#moved]
    this.#moved.clear()
    return moved
  }

  /** The node that decides for a group or chain where nobody does: all nodes of one view agree. One that leaves decides nothing any more. */
  coordinatorOf(spec: SpecId): string | undefined {
    const known = this.#coordinators.get(spec)
    if (known !== undefined) return known
    const coordinator = this.#view.firstChoice(`${spec}#c`)
    this.#coordinators.set(spec, coordinator)
    return coordinator
  }

  /** The same of some nodes: undefined where none of them is there. */
  successorOf(spec: SpecId, nodes: readonly string[]): string | undefined {
    return this.#view.firstChoice(`${spec}#c`, new Set(nodes))
  }

  #supplyOfView(): Supply {
    this.#supply ??= new Supply(this.view(), this.#names)
    return this.#supply
  }

  #followDeclines(node: string, declines: readonly SlotId[]): void {
    const before = this.#declines.get(node) ?? []
    for (const slot of before) if (!declines.includes(slot)) this.#engine.revokeDecline(slot, node)
    for (const slot of declines) this.#engine.decline(slot, node)
    if (declines.length > 0) this.#declines.set(node, declines)
    else this.#declines.delete(node)
  }

  #settle(): void {
    for (const { unit } of this.#engine.settle()) if (isSlotId(unit)) this.#moved.add(specOfSlot(unit))
  }
}

function candidateOf(row: MemberRow): Candidate {
  const { id, weight, labels, behaviours, placementVersion = 1, declines = [] } = row
  const zone = labels[ZONE_LABEL] ?? ''
  return { id, weight, zone, labels, behaviours, draining: givesAway(row), placementVersion, declines }
}
