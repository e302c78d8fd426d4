// pure
/** What a node knows of the mesh at one moment, as plain data. */

import { unreachable } from '../assert.ts'
import type { NodeId, SlotId, SpecId } from '../ids.ts'
import { countOf } from '../protocol/fencing-token.ts'
import type { MemberRole, MemberStatus } from '../protocol/member-row.ts'
import type { Roots } from '../protocol/messages.ts'
import type {
  ChainBody,
  ChainStrategy,
  GroupBody,
  GroupStrategy,
  RestartType,
  Route,
  WorkerBody,
} from '../protocol/spec-row.ts'
import type { IngressStats } from './chain/ingress.ts'
import type { Border, BorderStats } from './border.ts'
import type { Core } from './core.ts'
import type { DataPlane } from './data-plane.ts'
import type { CellStats } from './workers/cell-stats.ts'
import type { Host, HostStats } from './workers/host.ts'
import type { SpecStatus } from './supervision/spec-status.ts'

export interface Member {
  readonly id: NodeId
  readonly name: string
  readonly boot: number
  readonly status: MemberStatus
  /** A `client` uses the mesh and is never given work. */
  readonly role: MemberRole
  readonly addresses: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** An operator empties it: it takes no work. */
  readonly isDraining: boolean
  /** This node itself. */
  readonly isSelf: boolean
  /** There is a session with it now. */
  readonly isConnected: boolean
  /**
   * Nodes that reach it while this one has not for ten probe periods, or for thirty where it has never met its present
   * run: one to three; empty where that is not so.
   */
  readonly reachedBy: readonly NodeId[]
}

/** What is declared, and how it stands: by its kind, with what its users have said of it. */
export type SpecSnapshot = WorkerSnapshot | GroupSnapshot | ChainSnapshot

interface CommonSnapshot {
  readonly id: SpecId
  readonly status: SpecStatus
  /** Which worker runs where, in the order of starting. Empty while nothing runs. */
  readonly workers: readonly { readonly slot: SlotId; readonly node: NodeId; readonly generation: number }[]
}

export interface WorkerSnapshot extends CommonSnapshot {
  readonly kind: 'worker'
  /** `name@version` of what it runs. */
  readonly behaviour: string
  readonly restart: RestartType
}

export interface GroupSnapshot extends CommonSnapshot {
  readonly kind: 'group'
  readonly strategy: GroupStrategy
  /** All that are declared, whether they run or not, in the order in which they start. May be empty. */
  readonly members: readonly { readonly id: string; readonly behaviour: string }[]
}

export interface ChainSnapshot extends CommonSnapshot {
  readonly kind: 'chain'
  readonly strategy: ChainStrategy
  /** First stage first. */
  readonly stages: readonly StageSnapshot[]
  /** What has gone through this node's entrance. */
  readonly items: IngressStats
}

/** A stage as it is declared. */
export interface StageSnapshot {
  readonly id: string
  /** `name@version` of what it runs. */
  readonly behaviour: string
  /** How many workers share its items. */
  readonly workers: number
  /** Which of them an item goes to. */
  readonly route: Route
  /** How many items may wait for one of them. */
  readonly queueItems: number
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
  /** The threads and processes of this node's workers, in the order of the workers' names. */
  readonly cells: readonly CellStats[]
  /** Casts and messages that no worker has read, as far as this node knows: no room, no worker, or one that ended. */
  readonly lostMessages: number
  /**
   * Calls, casts and messages that this node had no room for since it has started: calls were refused with an
   * `OverloadedError`, the others are among the `lostMessages`.
   */
  readonly overloads: number
}

/** What it is taken of: a kernel has it all. */
interface Sources {
  readonly core: Core
  readonly plane: DataPlane
  readonly border: Border
  readonly host: Host
}

/** Everybody that was ever heard of, in the order of their ids: also who has left or died. */
export function membersOf(core: Core): Member[] {
  const { membership } = core.ledger
  const members = [...core.ledger.tables.members.rows()].map(row => ({
    id: row.id,
    name: row.name,
    boot: row.boot,
    status: row.status,
    role: row.role,
    addresses: row.addresses,
    labels: row.labels,
    isDraining: row.isDraining === true,
    isSelf: row.id === core.self.id,
    isConnected: membership.isConnected(row.id),
    reachedBy: membership.reachedBy(row.id),
  }))
  return members.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

export function snapshotOf({ core, plane, border, host }: Sources): Snapshot {
  return {
    node: core.self.id,
    members: membersOf(core),
    specs: specsOf(plane),
    viewHash: core.ledger.viewHash(),
    roots: core.ledger.tables.roots(),
    lostMessages: plane.lostCount,
    overloads: host.overloads.count,
    border: border.stats(),
    workers: host.stats(),
    cells: host.cells(),
  }
}

/** All specs, in the order in which they became known. None, when the node has stopped: it does not know how they stand. */
export function specsOf(plane: DataPlane): SpecSnapshot[] {
  if (plane.router.isOver) return []
  return [...plane.router.specs()].map(([id, body]): SpecSnapshot => {
    switch (body.kind) {
      case 'worker':
        return workerOf(plane, id, body)
      case 'group':
        return groupOf(plane, id, body)
      case 'chain':
        return chainOf(plane, id, body)
      default:
        return unreachable(body)
    }
  })
}

/** The standalone workers, in the order in which they became known. */
export function workersOf(plane: DataPlane): WorkerSnapshot[] {
  return [...plane.router.specs()].flatMap(([id, body]) =>
    body.kind === 'worker' ? [workerOf(plane, id, body)] : [],
  )
}

/** The groups, in the order in which they became known. */
export function groupsOf(plane: DataPlane): GroupSnapshot[] {
  return [...plane.router.specs()].flatMap(([id, body]) =>
    body.kind === 'group' ? [groupOf(plane, id, body)] : [],
  )
}

/** The chains, in the order in which they became known. */
export function chainsOf(plane: DataPlane): ChainSnapshot[] {
  return [...plane.router.specs()].flatMap(([id, body]) =>
    body.kind === 'chain' ? [chainOf(plane, id, body)] : [],
  )
}

function workerOf(plane: DataPlane, id: SpecId, { child }: WorkerBody): WorkerSnapshot {
  const { behaviour, restart } = child
  return { kind: 'worker', ...commonOf(plane, id), behaviour, restart }
}

function groupOf(plane: DataPlane, id: SpecId, { strategy, members }: GroupBody): GroupSnapshot {
  const parts = members.map(member => ({ id: member.id, behaviour: member.child.behaviour }))
  return { kind: 'group', ...commonOf(plane, id), strategy, members: parts }
}

function chainOf(plane: DataPlane, id: SpecId, { strategy, stages }: ChainBody): ChainSnapshot {
  const parts = stages.map(({ id: stage, child, workers, route, queueItems }) => ({
    id: stage,
    behaviour: child.behaviour,
    workers,
    route,
    queueItems,
  }))
  const items = { ...plane.chain(id).ingress.stats }
  return { kind: 'chain', ...commonOf(plane, id), strategy, stages: parts, items }
}

function commonOf({ router }: DataPlane, id: SpecId): CommonSnapshot {
  const workers = router.slotsOf(id).flatMap(slot => {
    const route = router.find(slot)
    return route === undefined
      ? []
      : [{ slot, node: route.owner.id, generation: countOf(route.generation.number) }]
  })
  return { id, status: router.statusOf(id) ?? { kind: 'starting' }, workers }
}
