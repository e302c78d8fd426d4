// pure
/** What the loop of a node is made of: the world outside, and what its options say. */

import type { Run } from '../ids.ts'
import type { Clock, Directory, Logger, Machine, Transport } from '../ports.ts'
import type { MemberRow } from '../protocol/member-row.ts'
import type { Timings } from '../protocol/timings.ts'
import type { NodeEvent } from './events.ts'
import type { Registry } from './workers/registry.ts'

export interface Ports {
  readonly clock: Clock
  readonly transport: Transport
  readonly logger: Logger
  /** Where to look for the mesh. Without one, the node waits to be found. */
  readonly directory?: Directory
  /** Without one, as in a simulation, workers that are to run in a thread or process run inline. */
  readonly machine?: Machine
  /** The number of this run: larger than that of every earlier one with the same key. @default the wall clock */
  readonly boot?: number
}

export interface KernelInit {
  readonly ports: Ports
  readonly registry: Registry
  readonly seed: string
  readonly timings: Timings
  /** See `PUSHED_MAX`. */
  readonly pushedMax: number
  /** The node's own row as the options describe it, without what only the kernel knows. */
  readonly describe: (run: Run, addresses: readonly string[]) => MemberRow
  readonly onEvent: (event: NodeEvent) => void
  /** This run is over: the node has left, or another run of it has taken its place. */
  readonly onOver: (why: 'left' | 'replaced') => void
}
