// shell
/** Builds what user code is given: alike in this thread and in others, wherever there is a gateway. */

import { type FencedError, NotFoundError, NotInGroupError } from '../../errors.ts'
import { type SlotId, type SpecId, isSlotId, isSpecId, slotId } from '../../ids.ts'
import type { Cancel, Clock, Logger } from '../../ports.ts'
import type { Prng } from '../../prng.ts'
import type { FencingToken } from '../../protocol/claim.ts'
import { WorkerRef } from '../messaging/refs.ts'
import type { GroupContext, StopReason, WorkerContext } from './context.ts'
import { FencedGateway } from './fenced-gateway.ts'
import type { Gateway } from './gateway.ts'
import { type WorkerIdentity, findScope, traceOfNow } from './scope.ts'
import { sleepUnless } from './sleep.ts'

export interface ContextInit {
  readonly identity: WorkerIdentity
  readonly token: FencingToken
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly logger: Logger
  readonly prng: Prng
  readonly gateway: Gateway
  readonly handoff: unknown
  /** Why nothing that its code does counts any more; undefined while it does. */
  readonly findFence: () => FencedError | undefined
  /** The worker wants to end. */
  readonly stop: (reason: StopReason) => void
}

export function makeContext(init: ContextInit): WorkerContext {
  const { identity, clock, signal } = init
  const gateway = new FencedGateway(init.gateway, init.findFence)
  const { worker, spec, node } = identity
  const group = isMember(worker) ? makeGroup(gateway, spec) : undefined
  return {
    worker,
    spec,
    node,
    token: init.token,
    signal,
    log: init.logger,
    random: init.prng,
    handoff: init.handoff,
    group,
    get remainingMs() {
      const deadlineMs = findScope()?.deadlineMs
      return deadlineMs === undefined ? undefined : Math.max(0, deadlineMs - clock.nowMs())
    },
    sleep: delayMs => {
      // A loop that sleeps, and does not look at the signal, ends here.
      const fence = init.findFence()
      return fence === undefined ? sleepUnless(signal, clock, delayMs) : Promise.reject(fence)
    },
    stop: (reason = 'normal') => init.stop(reason),
    getGroup: id => {
      if (id !== undefined) return makeGroup(gateway, toSpec(id))
      if (group === undefined) throw new NotInGroupError(worker)
      return group
    },
    getWorker: id => new WorkerRef(gateway, toSlot(id)),
  }
}

/** Makes `sendAfter` of a worker with a mailbox: it sends nothing to one that is to stop. */
export function later(
  clock: Clock,
  signal: AbortSignal,
  send: (message: unknown) => void,
): (delayMs: number, message: unknown) => Cancel {
  return (delayMs, message) =>
    clock.after(delayMs, () => {
      if (!signal.aborted) send(message)
    })
}

function makeGroup(gateway: Gateway, id: SpecId): GroupContext {
  return {
    id,
    members: () => gateway.membersOf(id) ?? [],
    broadcast: message => {
      gateway.broadcast(id, message, traceOfNow())
    },
    send: (member, message) => gateway.send(slotId(id, member), message, traceOfNow()),
    sendRandom: message => {
      gateway.sendRandom(id, message, traceOfNow())
    },
    getMember: member => new WorkerRef(gateway, slotId(id, member)),
  }
}

/** Whether the worker is the member of a group, and not by itself or in a chain: its id says so. */
function isMember(worker: SlotId): boolean {
  return worker.split('/').length === 2
}

function toSlot(id: string): SlotId {
  if (!isSlotId(id)) throw new NotFoundError(id, 'worker')
  return id
}

function toSpec(id: string): SpecId {
  if (!isSpecId(id)) throw new NotFoundError(id, 'group')
  return id
}
