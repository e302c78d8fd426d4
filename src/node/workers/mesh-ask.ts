// pure
/** What the code in a cell asks of the mesh, as plain data: the other half of `CellGateway`. */

import { isSlotId, isSpecId, type SlotId, type SpecId } from '../../ids.ts'
import type { Caller, Origin } from '../../protocol/request.ts'

/** An `Origin` for another thread or process, whose clock is not ours. */
export interface OriginData {
  readonly remainingMs: number | undefined
  readonly traceId: string | undefined
  readonly caller: Caller | undefined
}

export type MeshAsk =
  | {
      readonly kind: 'call'
      readonly slot: SlotId
      readonly name: string
      readonly args: readonly unknown[]
      readonly timeoutMs: number | undefined
      readonly origin: OriginData
    }
  | {
      readonly kind: 'cast'
      readonly slot: SlotId
      readonly name: string
      readonly args: readonly unknown[]
      readonly origin: OriginData
    }
  | { readonly kind: 'send'; readonly slot: SlotId; readonly message: unknown; readonly origin: OriginData }
  | {
      readonly kind: 'broadcast' | 'send-random'
      readonly group: SpecId
      readonly message: unknown
      readonly origin: OriginData
    }

export function toData(origin: Origin, nowMs: number): OriginData {
  const { deadlineMs, traceId, caller } = origin
  return {
    remainingMs: deadlineMs === undefined ? undefined : Math.max(0, deadlineMs - nowMs),
    traceId,
    caller: plain(caller),
  }
}

export function fromData(data: OriginData, nowMs: number): Origin {
  const { remainingMs, traceId, caller } = data
  return { deadlineMs: remainingMs === undefined ? undefined : nowMs + remainingMs, traceId, caller }
}

/** The code in a cell can post what it likes. */
export function isMeshAsk(value: unknown): value is MeshAsk {
  if (!isFields(value) || !isFields(value.origin)) return false
  switch (value.kind) {
    case 'call':
    case 'cast':
      return isSlotId(value.slot) && typeof value.name === 'string' && Array.isArray(value.args)
    case 'send':
      return isSlotId(value.slot)
    case 'broadcast':
    case 'send-random':
      return isSpecId(value.group)
    default:
      return false
  }
}

/** Without the class, which a clone would lose, and with it what the class computes. */
function plain(caller: Caller | undefined): Caller | undefined {
  if (caller === undefined) return undefined
  const { worker, generation, n } = caller
  return { worker, generation, n, caller: plain(caller.caller) }
}

interface Fields {
  readonly kind?: unknown
  readonly slot?: unknown
  readonly group?: unknown
  readonly name?: unknown
  readonly args?: unknown
  readonly origin?: unknown
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}
