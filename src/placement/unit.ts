// pure
/** What is to be placed, within which bounds, and what comes out. */

/** Something that runs on one node: a standalone worker, a group's member, a worker of a stage. */
export interface Unit {
  readonly id: string
  /** Units of one affinity have the same favourite nodes. @default the id */
  readonly affinity?: string
  /**
   * Units of one spread are shared out evenly, however full nodes are: none has two of them while another one that runs
   * them has none. Beyond its bound, a light node takes no more than it weighs.
   */
  readonly spread?: string
  readonly zone?: ZonePreference
  /** Only nodes that carry all these labels. */
  readonly selector?: Readonly<Record<string, string>>
  /** Only nodes that can run all of these: `name@version`. */
  readonly needs: readonly string[]
  /** Units of a lower tier choose first. @default 0 */
  readonly tier?: number
}

/**
 * Which zones a unit likes best. `near`: all units of one key in one zone, as far as it has room; `rotate`: the n-th
 * of a key in the n-th zone of the key's order. A zone counts as much as any other, whatever its nodes weigh: with
 * weighted zones a node that joins would make its zone the favourite of whole chains, and move them.
 */
export interface ZonePreference {
  readonly mode: 'near' | 'rotate'
  readonly key: string
  /** The place of the unit among those of its key: 0, 1, 2 … */
  readonly ordinal: number
}

/** A node will not take a unit for now: it cannot start it, or has no room. Bounds are computed as if it would. */
export interface Decline {
  readonly unit: string
  readonly node: string
}

export interface PlacementOptions {
  /** No node gets more than this times its fair share, rounded up. ≥ 1 @default 1.25 */
  readonly loadFactor: number
  /** Mixed into every hash; equal on all nodes of a mesh. @default '' */
  readonly salt: string
}

export const PLACEMENT_DEFAULTS: PlacementOptions = { loadFactor: 1.25, salt: '' }

export interface Assignment {
  readonly node: string
  /** It did not fit within the bounds: it is one more than its node should hold, or, if need be, of its spread too. */
  readonly overflow: boolean
}

/** A unit that lives elsewhere than when everything had settled the last time. */
export interface Move {
  readonly unit: string
  /** Undefined: it is new, or had no place. */
  readonly from: string | undefined
  /** Undefined: no node can run it. */
  readonly to: string | undefined
}

/** Restricted units choose before free ones, which have more places to go. Smaller chooses first. */
export function tierOf(unit: Unit): number {
  return (unit.tier ?? 0) * 2 + (unit.selector === undefined ? 1 : 0)
}
