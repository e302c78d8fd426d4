/** What the scenarios of groups run, and what they do again and again. */

import type { GroupHandle } from '../../src/node/group-handle.ts'
import { defineServer } from '../../src/node/workers/behaviours.ts'
import type { RestartType } from '../../src/protocol/spec-row.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { behaviours as others, cell, obedient } from './standalone-workers.ts'

/** Counts how often it was started, for all of one name: only the process of the test remembers. */
export const starts = new Map<string, number>()

/** In which order workers started and stopped. */
export const log: string[] = []

export const noted = defineServer('noted', {
  init: (context, name: string) => {
    log.push(`start ${name}`)
    starts.set(context.worker, (starts.get(context.worker) ?? 0) + 1)
    return { name }
  },
  call: {
    crash: (): void => {
      throw new RangeError('told to crash')
    },
  },
  terminate: state => {
    log.push(`stop ${state.name}`)
  },
})

/** How often each member that is `fussy` fails to start from now on, by its name. */
export const failures = new Map<string, number>()

/** Says in the log when it begins to start, and when it has. */
export const fussy = defineServer('fussy', {
  init: async (context, name: string, delayMs: number) => {
    log.push(`init ${name}`)
    if (delayMs > 0) await context.sleep(delayMs)
    const left = failures.get(name) ?? 0
    failures.set(name, left - 1)
    if (left > 0) throw new RangeError(`${name} does not start`)
    log.push(`up ${name}`)
    return { name }
  },
  call: {
    crash: (): void => {
      throw new RangeError('told to crash')
    },
  },
  terminate: state => {
    log.push(`stop ${state.name}`)
  },
})

/** What each worker was given, in order, by its slot: also those that are gone. Tests clear it before they begin. */
export const heard = new Map<string, unknown[]>()

/** Remembers outside of itself what it was given, and how often it was started. */
export const listener = defineServer('listener', {
  init: context => {
    starts.set(context.worker, (starts.get(context.worker) ?? 0) + 1)
    return { slot: context.worker }
  },
  call: { ask: ({ slot }, text: string) => hear(slot, text) },
  cast: { tell: ({ slot }, text: string) => hear(slot, text) },
  info: ({ slot }, message) => hear(slot, message),
})

function hear(slot: string, message: unknown): void {
  heard.set(slot, [...(heard.get(slot) ?? []), message])
}

export function listeners(count: number): { readonly id: string; readonly run: typeof listener }[] {
  return names(count).map(id => ({ id, run: listener }))
}

/** Takes two seconds to start. */
export const slowStarter = defineServer('slow-starter', {
  init: async context => {
    await context.sleep(2_000)
    return {}
  },
  call: {
    ping: () => 'pong',
    crash: (): void => {
      throw new RangeError('told to crash')
    },
  },
})

export const behaviours = [...others, noted, fussy, listener, slowStarter]

export async function one(): Promise<SimulatedMesh> {
  return simulate({ nodes: 1, behaviours })
}

export function names(count: number, prefix = 'm'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`)
}

export function cells(count: number): { readonly id: string; readonly run: typeof cell }[] {
  return names(count).map(id => ({ id, run: cell }))
}

export async function addCells(
  mesh: SimulatedMesh,
  id: string,
  count: number,
  strategy: 'one_for_one' | 'one_for_all' | 'rest_for_one' = 'one_for_all',
): Promise<GroupHandle<readonly { readonly id: string; readonly run: typeof cell }[]>> {
  const intensity = { restarts: 1_000, withinMs: 1_000 }
  return mesh.settle(mesh.node('n1').addGroup({ id, strategy, intensity, members: cells(count) }))
}

/** Gives each of the members a value of its own. */
export async function fill(mesh: SimulatedMesh, group: string, ids: readonly string[]): Promise<void> {
  const ref = mesh.node('n1').getGroup<CellMembers>(group)
  await mesh.settle(Promise.all(ids.map(id => ref.member(id).call.set(id))))
}

/** What the members have for a value, in the order of `ids`; undefined for one that has started anew. */
export async function values(mesh: SimulatedMesh, group: string, ids: readonly string[]): Promise<unknown[]> {
  const ref = mesh.node('n1').getGroup<CellMembers>(group)
  return mesh.settle(Promise.all(ids.map(id => ref.member(id).call.get())))
}

export type CellMembers = readonly { readonly id: string; readonly run: typeof cell }[]

/** Crashes a member, and waits until the group runs again. */
export async function crash(mesh: SimulatedMesh, group: string, id: string): Promise<void> {
  const ref = mesh.node('n1').getGroup<CellMembers>(group)
  const call = ref.member(id).call.crash()
  await mesh.settle(call.catch(() => {}))
  await mesh.until('the group runs again', () => ref.status.kind === 'running')
}

/** A member that ends without an error when it is sent `end`. */
export function ending(id: string, more: { restart?: RestartType; significant?: boolean } = {}) {
  return { id, run: obedient, args: [] as const, restart: 'transient' as const, ...more }
}
