// pure
/** What goes into the core of a node, and what comes out of it. Everything is found by searching one name. */

import type { NodeId, Run, SlotId, SpecId } from '../ids.ts'
import type { Notice } from '../protocol/channel.ts'
import type { Claim } from '../protocol/claim.ts'
import type { Failure } from '../protocol/failure.ts'
import type { MemberRow } from '../protocol/member-row.ts'
import type { MembershipEffect } from '../protocol/membership-effect.ts'
import type { Message, Rows } from '../protocol/messages.ts'
import type { Phase } from '../protocol/phase.ts'
import type { SpecBody, SpecWrite } from '../protocol/spec-row.ts'
import type { DialFailure } from '../ports.ts'
import type { DeadLetter } from './chain/dead-letters.ts'
import type { Exit } from './supervision/exit.ts'
import type { SpecStatus } from './supervision/spec-status.ts'
import type { Incarnation, SupervisorEffect } from './supervision/supervisor.ts'

/** What has happened. */
export type CoreEvent =
  | { readonly kind: 'seed-awaited'; readonly name: string }
  | { readonly kind: 'seed-added'; readonly address: string; readonly name?: string | undefined }
  | { readonly kind: 'seed-removed'; readonly address: string }
  /** Another process has the key of this node: the number of its run. */
  | { readonly kind: 'twin-met'; readonly boot: number }
  /** Such a process waits on this machine for this node to stop. */
  | { readonly kind: 'place-taken'; readonly boot: number }
  | { readonly kind: 'peer-found'; readonly peer: NodeId; readonly addresses: readonly string[] }
  | { readonly kind: 'peer-dialled'; readonly key: string; readonly peer: NodeId }
  | { readonly kind: 'peer-up'; readonly peer: NodeId }
  | { readonly kind: 'peer-down'; readonly peer: NodeId }
  | {
      readonly kind: 'dial-failed'
      readonly key: string
      readonly failure: DialFailure
      readonly reason: string
    }
  | { readonly kind: 'message-received'; readonly from: NodeId; readonly message: Message }
  /** Rows that came by gossip: nobody knows over how many hops. */
  | { readonly kind: 'hint-received'; readonly rows: Rows }
  /** Users of this node have declared, changed or removed specs: all that they did in one turn. */
  | { readonly kind: 'specs-written'; readonly changes: readonly SpecWrite[] }
  | { readonly kind: 'worker-started'; readonly slot: SlotId; readonly incarnation: Incarnation }
  /** Its code has ended so, and what that runs in is about to: `worker-exited` follows when it is gone. */
  | {
      readonly kind: 'worker-ending'
      readonly slot: SlotId
      readonly incarnation: Incarnation
      readonly exit: Exit
    }
  | {
      readonly kind: 'worker-exited'
      readonly slot: SlotId
      readonly incarnation: Incarnation
      readonly exit: Exit
      /** Casts and messages that it leaves unread. @default 0 */
      readonly lost?: number
      /** How many of them it was to start with, and has not: they may be kept for its next start. @default 0 */
      readonly inherited?: number
    }
  | { readonly kind: 'time-passed' }
  /** This node listens elsewhere, or at more or fewer addresses. */
  | { readonly kind: 'addresses-changed'; readonly addresses: readonly string[] }
  /** `byMs`: when this node goes, whatever has become of that. */
  | { readonly kind: 'leave-asked'; readonly byMs: number }
  /** What was put into chains here is out, or is not waited for any longer. */
  | { readonly kind: 'chains-drained' }
  /** An operator empties this node, or is done with that. */
  | { readonly kind: 'drain-asked'; readonly isDraining: boolean }

/** What is to be done. */
export type Effect =
  | Exclude<MembershipEffect, { readonly kind: 'member-changed' | 'degraded' }>
  | SupervisorEffect
  | {
      readonly kind: 'hang-up'
      readonly peer: NodeId
      readonly offence: 'violation' | 'mute'
      readonly reason: string
    }
  /** Tell everybody by gossip, with luck. */
  | { readonly kind: 'publish-hint'; readonly rows: Rows }
  /** The rows say something new of where things run: the data plane follows. */
  | { readonly kind: 'follow-spec'; readonly id: SpecId; readonly body: SpecBody | undefined }
  | { readonly kind: 'forget-spec'; readonly id: SpecId }
  | { readonly kind: 'follow-claim'; readonly claim: Claim }
  | { readonly kind: 'follow-phase'; readonly phase: Phase }
  | { readonly kind: 'set-status'; readonly id: SpecId; readonly status: SpecStatus }
  | { readonly kind: 'notify'; readonly event: NodeEvent }
  /** A member listens elsewhere. */
  | { readonly kind: 'member-moved'; readonly member: MemberRow }
  /** What a worker has left behind, or had to, is lost: see `OnStateLost`. */
  | {
      readonly kind: 'state-lost'
      readonly slot: SlotId
      readonly heir: NodeId | undefined
      readonly from: NodeId | undefined
    }
  /** What a worker was to start with is lost, and no exit tells what is in it. */
  | { readonly kind: 'legacy-lost'; readonly legacy: Uint8Array }
  /** The wall clock of the node has been seen to be far ahead of the one here. */
  | { readonly kind: 'clock-ahead'; readonly node: NodeId; readonly aheadMs: number }
  /** Nobody but stages is left on a node that leaves: what its workers have put into chains is to come out. */
  | { readonly kind: 'drain-chains' }
  /** All workers have stopped, and the others have been told. */
  | { readonly kind: 'left' }

/** What the users of a node can listen to. */
export type NodeEvent =
  /**
   * The event loop of this node was held up for more than 200 ms: nobody was answered meanwhile. `worker`: the inline
   * worker whose code was begun last, left out where it was through with it. Right where a server was at a message
   * that it had just been given, otherwise a hint: code that goes on after an `await` or in a timer, or of the program itself, cannot be
   * told from it.
   */
  | { readonly kind: 'node:stalled'; readonly durationMs: number; readonly worker?: SlotId }
  | { readonly kind: 'member:join'; readonly member: MemberRow }
  /** There is a session with the member, and what it knew of workers, groups and chains as that began is known here. */
  | { readonly kind: 'member:met'; readonly member: MemberRow }
  | { readonly kind: 'member:suspect'; readonly member: MemberRow }
  | { readonly kind: 'member:dead'; readonly member: MemberRow }
  | { readonly kind: 'member:leave'; readonly member: MemberRow }
  /**
   * Others reach the member, and this node has had no session with it for ten probe periods (`lan`: 5 s), or for thirty
   * (15 s) where it has never had one with its present run: calls to its workers are refused with an `UnreachableError`,
   * and what else goes from one of the two to the other waits, or is lost. `reachedBy`: nodes that reach it, one to three.
   */
  | { readonly kind: 'member:unreachable'; readonly member: MemberRow; readonly reachedBy: readonly NodeId[] }
  /** There is a session again with a member that was unreachable. */
  | { readonly kind: 'member:reachable'; readonly member: MemberRow }
  /** An operator empties a node: what it has goes to others, and it takes nothing, until it takes work again. */
  | { readonly kind: 'member:drain'; readonly member: MemberRow }
  | { readonly kind: 'member:resume'; readonly member: MemberRow }
  /** This node is so late itself (its event loop, its network) that it does not judge others for a while. 6 … 8 */
  | { readonly kind: 'node:degraded'; readonly health: number }
  | { readonly kind: 'worker:start'; readonly slot: SlotId }
  | {
      readonly kind: 'worker:exit'
      readonly slot: SlotId
      readonly exit: Exit
      /** Casts and messages that were in its mailbox, and that nobody will read. Who waited for a call, is told. */
      readonly lost: number
    }
  /**
   * There was no room for what came for a worker: its mailbox is full, or what waits on this node for its next start is
   * too much. Told by the node where that is, in the turn in which it begins and then every ten seconds at most, with what
   * has come since. `lost`: casts and messages, of which nobody else is told. `refused`: calls, whose callers have got an
   * `OverloadedError`.
   */
  | {
      readonly kind: 'worker:overload'
      readonly slot: SlotId
      readonly lost: number
      readonly refused: number
    }
  /** This node could not start a worker that others may be able to: for so long, it does not take it. */
  | { readonly kind: 'worker:decline'; readonly slot: SlotId; readonly forMs: number }
  /**
   * The input that this node reads for a worker has thrown, and is over; or one of its items cannot be sent, and is
   * left out.
   */
  | { readonly kind: 'worker:input-failed'; readonly id: SpecId; readonly error: Error }
  /** A group or chain runs, all of it, as a new generation. */
  | { readonly kind: 'generation:run'; readonly id: SpecId; readonly generation: number }
  | {
      readonly kind: 'generation:fail'
      readonly id: SpecId
      readonly generation: number
      readonly failure: Failure | undefined
    }
  /** More is known than before of the workers of a group or chain: who runs, who has ended, who is gone. */
  | { readonly kind: 'generation:change'; readonly id: SpecId; readonly generation: number }
  | { readonly kind: 'spec:status'; readonly id: SpecId; readonly status: SpecStatus }
  /** An item that this node has put into a chain was tried in vain: nothing will come of it, or of a part of it. */
  | ({ readonly kind: 'item:dead' } & DeadLetter)
  /** The callback at the end of a chain threw at something that came of an item of this node. It harms nothing. */
  | ({ readonly kind: 'chain:callback-failed'; readonly chain: SpecId } & Omit<Notice, 'kind'>)
  /** A newer run with the key of this node is in the mesh, or waits on this machine: this one stops. */
  | { readonly kind: 'node:replaced'; readonly by: Run }
  /** One more node has taken in what was declared here, or one less is waited for, or there are more or fewer nodes. */
  | { readonly kind: 'spec:spread'; readonly id: SpecId }
  /** Two nodes have declared the id at once: the later declaration counts, and one of the two was made here. */
  | {
      readonly kind: 'spec:superseded'
      readonly id: SpecId
      readonly winner: NodeId
      readonly loser: NodeId
      /** What the two say differently: `members[1].args`. Empty where that is not known here, or nothing is. */
      readonly fields: readonly string[]
    }

/** So that a new event does not compile before it is known here. */
const KINDS: Readonly<Record<NodeEvent['kind'], true>> = {
  'node:stalled': true,
  'member:join': true,
  'member:met': true,
  'member:suspect': true,
  'member:dead': true,
  'member:leave': true,
  'member:unreachable': true,
  'member:reachable': true,
  'member:drain': true,
  'member:resume': true,
  'node:degraded': true,
  'worker:start': true,
  'worker:exit': true,
  'worker:overload': true,
  'worker:decline': true,
  'worker:input-failed': true,
  'generation:run': true,
  'generation:fail': true,
  'generation:change': true,
  'spec:status': true,
  'item:dead': true,
  'chain:callback-failed': true,
  'node:replaced': true,
  'spec:spread': true,
  'spec:superseded': true,
}

/** What can be listened to, in the order of the type. */
export const NODE_EVENT_KINDS: readonly string[] = Object.keys(KINDS)
