// pure
/** What a node knows of the mesh at one moment, as plain data. */

import type { NodeId, SlotId, SpecId } from '../ids.ts'
import type { MemberStatus } from '../protocol/member-row.ts'
import type { Roots } from '../protocol/messages.ts'
import type { SpecKind } from '../protocol/spec-row.ts'
import type { IngressStats } from './chain/ingress.ts'
import type { Border, BorderStats } from './border.ts'
import type { Core } from './core.ts'
import type { DataPlane } from './data-plane.ts'
import type { HostStats } from './workers/host.ts'
import type { SpecStatus } from './supervision/spec-status.ts'

export interface Member {
  readonly id: NodeId
  readonly name: string
  readonly boot: number
  readonly status: MemberStatus
  readonly addresses: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** An operator empties it: it takes no work. */
  readonly isDraining: boolean
  /** This node itself. */
  readonly isSelf: boolean
  /** There is a session with it now. */
  readonly isConnected: boolean
  /** Nodes that reach it while this one has not for ten probe periods, one to three; empty where that is not so. */
  readonly reachedBy: readonly NodeId[]
}

export interface SpecSnapshot {
  readonly id: SpecId
  readonly kind: SpecKind
  readonly status: SpecStatus
  /** Which worker runs where, in the order of starting. Empty while nothing runs. */
  readonly workers: readonly { readonly slot: SlotId; readonly node: NodeId; readonly generation: number }[]
  /** What has gone through this node's entrance, where it is a chain. */
  readonly items?: IngressStats
}

export interface Snapshot {
  readonly node: NodeId
  readonly members: readonly Member[]
  readonly specs: readonly SpecSnapshot[]
  /** Equal on nodes that place everything alike. */
  readonly viewHash: string
  /** Equal on nodes that know the same rows. */
  readonly roots: Roots
  /** What this node has refused of all that came from outside. */
  readonly border: BorderStats
  /** The workers that run on this node. */
  readonly workers: HostStats
  /** Casts and messages that no worker has read, as far as this node knows: no room, no worker, or one that ended. */
  readonly lostMessages: number
}

/** Everybody that was ever heard of, in the order of their ids: also who has left or died. */
export function membersOf(core: Core): Member[] {
  const { membership } = core.ledger
  const members = [...core.ledger.tables.members.rows()].map(row => ({
    id: row.id,
    name: row.name,
    boot: row.boot,
    status: row.status,
    addresses: row.addresses,
    labels: row.labels,
    isDraining: row.isDraining === true,
    isSelf: row.id === core.self.id,
    isConnected: membership.isConnected(row.id),
    reachedBy: membership.reachedBy(row.id),
  }))
  return members.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

export function snapshotOf(core: Core, plane: DataPlane, border: Border, workers: HostStats): Snapshot {
  return {
    node: core.self.id,
    members: membersOf(core),
    specs: specsOf(plane),
    viewHash: core.ledger.viewHash(),
    roots: core.ledger.tables.roots(),
    lostMessages: plane.lostCount,
    border: border.stats(),
    workers,
  }
}

/** The specs of one kind, or all of them, in the order in which they became known. */
export function specsOf(plane: DataPlane, kind?: SpecKind): SpecSnapshot[] {
  const { router } = plane
  const specs = [...router.specs()].filter(([, body]) => kind === undefined || body.kind === kind)
  return specs.map(([id, body]): SpecSnapshot => {
    const workers = router.slotsOf(id).flatMap(slot => {
      const route = router.find(slot)
      return route === undefined ? [] : [{ slot, node: route.owner.id, generation: route.generation.number }]
    })
    const status = router.statusOf(id) ?? { kind: 'starting' }
    const items = body.kind === 'chain' ? { items: { ...plane.chain(id).ingress.stats } } : {}
    return { id, kind: body.kind, status, workers, ...items }
  })
}
