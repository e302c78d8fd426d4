/** One random schedule: a mesh, what is done to it, and whether every promise was kept. One seed draws it all, and replays it. */

import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { InvariantError } from './invariant-error.ts'
import { Schedule } from './schedule.ts'

export interface FuzzResult {
  readonly seed: string
  /** Undefined when all went well. */
  readonly failure: string | undefined
  readonly traceHash: string
  readonly virtualMs: number
  /** How often each thing was done. */
  readonly counts: Readonly<Record<string, number>>
}

export interface FuzzOptions {
  readonly onTrace?: (line: string) => void
}

/** Most meshes have 3 to 5 nodes: small ones find as much, for less. Some have up to 9. */
const LARGE_SHARE = 0.05
const LARGE_NODES = 7

/**
 * One schedule from beginning to end. Never throws: a failure is a result. Errors have no stacks meanwhile: workers throw
 * and are refused all the time, and a stack goes over the network, with the paths of this machine.
 */
export async function fuzz(seed: string, options: FuzzOptions = {}): Promise<FuzzResult> {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return await runSchedule(seed, options)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

async function runSchedule(seed: string, options: FuzzOptions): Promise<FuzzResult> {
  const schedule = new Schedule(seed)
  let mesh: SimulatedMesh | undefined
  let failure: string | undefined
  try {
    const { prng } = schedule
    const nodes = 3 + prng.below(prng.chance(LARGE_SHARE) ? LARGE_NODES : 3)
    const { behaviours, acquaintance, world } = schedule
    const { logger } = world
    mesh = await simulate({ seed, nodes, behaviours, logger, ...acquaintance.init(nodes), ...options })
    await schedule.run(mesh)
    if (world.violation !== undefined) throw new InvariantError(world.violation)
  } catch (error) {
    failure = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
  const result = {
    seed,
    failure,
    traceHash: mesh?.traceHash ?? '',
    virtualMs: mesh?.nowMs ?? 0,
    counts: schedule.counts,
  }
  await mesh?.[Symbol.asyncDispose]()
  return result
}
