// shell
/** One side of a session of the simulated network: what it has sent, and what it still keeps. */

import type { Lane } from '../../ports.ts'
import type { SimulatedHost } from './simulated-host.ts'
import type { Uplink } from './uplink.ts'

/** One direction of one lane. */
export interface Pipe {
  readonly lane: Lane
  /** Of what has left: nothing overtakes what was sent before. */
  lastArrivalMs: number
  bytesOnWay: number
  isCongested: boolean
  /** On the wire, or not read yet. */
  bytesInWindow: number
  /** What waits for room in the window, oldest first. */
  readonly unsent: Uint8Array[]
}

/** One side of a session, with what it sends. */
export interface SessionEnd {
  readonly host: SimulatedHost
  readonly pipes: Readonly<Record<Lane, Pipe>>
  /** What waits for the cut to be mended, as TCP would send it again. */
  readonly held: (() => void)[]
  /** It has no socket any more: it sends nothing, and whoever sends to it is told that there is none. */
  isClosed: boolean
  /** Its process has ended the session, and still sends what it keeps; what comes meanwhile is read, and dropped. */
  isLingering: boolean
  /** Told when its process keeps nothing any more, or it is too late for that. */
  readonly onSent: (() => void)[]
  /** What it had sent does not arrive. */
  isReset: boolean
  /** Since when something that it has sent is not acknowledged, because one direction or both are cut. */
  stuckSinceMs: number | undefined
  /** Both lanes share it. */
  readonly uplink: Uplink
}

export function newEnd(host: SimulatedHost, uplink: Uplink): SessionEnd {
  const pipes = { control: newPipe('control'), data: newPipe('data') }
  const open = { isClosed: false, isLingering: false, isReset: false, stuckSinceMs: undefined }
  return { ...open, host, pipes, held: [], onSent: [], uplink }
}

function newPipe(lane: Lane): Pipe {
  return { lane, lastArrivalMs: 0, bytesOnWay: 0, isCongested: false, bytesInWindow: 0, unsent: [] }
}

/** Whether its process has something left to send that the kernel has not got. */
export function keepsAny({ pipes }: SessionEnd): boolean {
  return pipes.control.unsent.length > 0 || pipes.data.unsent.length > 0
}

export function keepNothing({ pipes }: SessionEnd): void {
  for (const pipe of Object.values(pipes)) pipe.unsent.length = 0
}
