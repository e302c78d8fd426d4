// shell
/**
 * What user code is given: alike in this thread and in others, wherever there is a gateway. All of it is made when it
 * is asked for: most workers ask for little of it, and there may be tens of thousands.
 */

import { NotInGroupError } from '../../errors.ts'
import { type NodeId, type SlotId, type SpecId, isSlotId, isSpecId } from '../../ids.ts'
import type { Clock, Logger } from '../../ports.ts'
import type { Prng } from '../../prng.ts'
import type { FencingToken } from '../../protocol/fencing-token.ts'
import { WorkerRef, memberSlot } from '../messaging/refs.ts'
import { missing } from '../missing.ts'
import { checkDelay, checkReason } from './context-values.ts'
import type { GroupContext, ServerContext, StopReason, WorkerContext } from './context.ts'
import { FencedGateway } from './fenced-gateway.ts'
import type { Gateway } from './gateway.ts'
import { type CodeOwner, findScope, traceOfNow } from './scope.ts'
import { sleepUnless } from './sleep.ts'

/** The worker whose context it is. Asked for what its code makes use of, when it does. */
export interface ContextOwner extends CodeOwner {
  readonly token: FencingToken
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly logger: Logger
  readonly prng: Prng
  readonly gateway: Gateway
  readonly handoff: unknown
  /** Nothing of it is waited for any more. One that is fenced, and is not, still puts away what is its own. */
  readonly isOver: boolean
  /** Its code wants it to end. */
  wish(reason: StopReason): void
}

/** One with a mailbox. */
export interface MailboxOwner extends ContextOwner {
  /** Whether its signal has aborted. */
  readonly isAborted: boolean
  /** A message of the worker to itself. */
  note(message: unknown): void
}

/** Its functions may be taken out: each is bound. */
export class BoundContext implements WorkerContext {
  readonly #owner: ContextOwner
  #fenced: FencedGateway<number | undefined> | undefined
  #group: GroupContext | undefined

  constructor(owner: ContextOwner) {
    this.#owner = owner
  }

  get worker(): SlotId {
    return this.#owner.worker
  }

  get spec(): SpecId {
    return this.#owner.spec
  }

  get node(): NodeId {
    return this.#owner.node
  }

  get token(): FencingToken {
    return this.#owner.token
  }

  get signal(): AbortSignal {
    return this.#owner.signal
  }

  get log(): Logger {
    return this.#owner.logger
  }

  get random(): Prng {
    return this.#owner.prng
  }

  get handoff(): unknown {
    return this.#owner.handoff
  }

  get group(): GroupContext | undefined {
    if (isMember(this.worker)) this.#group ??= makeGroup(this.#gateway, this.spec)
    return this.#group
  }

  get remainingMs(): number | undefined {
    const scope = findScope()
    const deadlineMs = scope === undefined || scope.isOver ? undefined : scope.deadlineMs
    return deadlineMs === undefined ? undefined : Math.max(0, deadlineMs - this.#owner.clock.nowMs())
  }

  get sleep(): WorkerContext['sleep'] {
    return delayMs => {
      const { signal, clock, isOver } = this.#owner
      // A loop that sleeps, and does not look at the signal, ends here.
      const fence = isOver ? this.#owner.findFence() : undefined
      if (fence !== undefined) return Promise.reject(fence)
      try {
        return sleepUnless(signal, clock, checkDelay('context.sleep', delayMs))
      } catch (error) {
        return Promise.reject(error)
      }
    }
  }

  get stop(): WorkerContext['stop'] {
    return (reason = 'normal') => this.#owner.wish(checkReason(reason))
  }

  get getGroup(): WorkerContext['getGroup'] {
    return id => {
      if (id !== undefined) return makeGroup(this.#gateway, toSpec(id))
      const { group } = this
      if (group === undefined) throw new NotInGroupError(this.worker)
      return group
    }
  }

  get getWorker(): WorkerContext['getWorker'] {
    return id => new WorkerRef(this.#gateway, toSlot(id))
  }

  get #gateway(): Gateway {
    this.#fenced ??= new FencedGateway(this.#owner.gateway, () => this.#owner.findFence())
    return this.#fenced
  }
}

/** The same for a worker with a mailbox. */
export class MailboxContext extends BoundContext implements ServerContext {
  readonly #owner: MailboxOwner

  constructor(owner: MailboxOwner) {
    super(owner)
    this.#owner = owner
  }

  /** It sends nothing to a worker that is to stop. */
  get sendAfter(): ServerContext['sendAfter'] {
    const owner = this.#owner
    return (delayMs, message) =>
      owner.clock.after(checkDelay('context.sendAfter', delayMs), () => {
        if (!owner.isAborted) owner.note(message)
      })
  }
}

function makeGroup(gateway: Gateway, id: SpecId): GroupContext {
  return {
    id,
    members: () => gateway.membersOf(id) ?? [],
    broadcast: message => gateway.broadcast(id, message, traceOfNow()),
    send: (member, message) => gateway.send(memberSlot(id, member), message, traceOfNow()),
    sendRandom: message => {
      gateway.sendRandom(id, message, traceOfNow())
    },
    getMember: member => new WorkerRef(gateway, memberSlot(id, member)),
  }
}

/** Whether the worker is the member of a group, and not by itself or in a chain: its id says so. */
function isMember(worker: SlotId): boolean {
  return worker.split('/').length === 2
}

function toSlot(id: string): SlotId {
  if (!isSlotId(id)) throw missing(id, 'worker')
  return id
}

function toSpec(id: string): SpecId {
  if (!isSpecId(id)) throw missing(id, 'group')
  return id
}
