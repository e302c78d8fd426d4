/** What the scenarios of standalone workers run, and what they do again and again. */

import { defineServer, defineStage, defineTask } from '../../src/node/workers/behaviours.ts'
import type { TaskContext } from '../../src/node/workers/context.ts'
import type { WorkerRef } from '../../src/node/messaging/refs.ts'
import type { RestartType } from '../../src/protocol/spec-row.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

/** A state of one value. */
export const cell = defineServer('cell', {
  init: (): { value: unknown; count: number } => ({ value: undefined, count: 0 }),
  call: {
    counted: state => state.count,
    ping: () => 'pong',
    get: state => state.value,
    set: (state, value: unknown) => {
      state.value = value
    },
    crash: (): void => {
      throw new RangeError('told to crash')
    },
  },
  cast: {
    put: (state, value: unknown) => {
      state.value = value
    },
  },
  info: (state, message, context) => {
    if (typeof message === 'object' && message !== null && 'ping' in message)
      context.getWorker(String(message.ping)).send({ pong: context.worker })
    if (typeof message === 'object' && message !== null && 'pong' in message) state.value = message
    if (message === 'shutdown') context.stop('shutdown')
    if (message === 'count') state.count += 1
    if (message === 'crash') throw new RangeError('told to crash')
  },
})

/** Ends as it is told to. */
export const obedient = defineTask('obedient', async (context: TaskContext<'end' | 'crash'>) => {
  for await (const message of context.messages) {
    if (message === 'end') return
    throw new Error('told to crash')
  }
})

export const broken = defineServer('broken', {
  init: (): object => {
    throw new Error('no such file')
  },
})

/** Starts once, and never again. */
export const onceOnly = { isUsed: false }
export const fragile = defineServer('fragile', {
  init: () => {
    if (onceOnly.isUsed) throw new Error('used up')
    onceOnly.isUsed = true
    return {}
  },
  call: {
    crash: (): void => {
      throw new Error('told to crash')
    },
  },
})

export const never = defineServer('never', { init: () => new Promise<object>(() => {}) })

export const stage = defineStage('stage', (n: number) => n)

export const behaviours = [cell, obedient, broken, fragile, never, stage]

export const one = (): Promise<SimulatedMesh> => simulate({ nodes: 1, behaviours })
export const statusOf = (mesh: SimulatedMesh, id: string) =>
  mesh
    .node('n1')
    .listWorkers()
    .find(worker => worker.id === id)?.status
export const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `w${index}`)

/** Adds many workers at once. */
export async function addCells(
  mesh: SimulatedMesh,
  ids: readonly string[],
  restart: RestartType = 'permanent',
) {
  const node = mesh.node('n1')
  return mesh.settle(Promise.all(ids.map(id => node.addWorker({ id, run: cell, restart }))))
}

/** Crashes workers, all at once, and waits until they have ended. */
export async function crash(mesh: SimulatedMesh, workers: readonly WorkerRef<typeof cell>[]) {
  let exits = 0
  const stopListening = mesh.node('n1').on('worker:exit', () => (exits += 1))
  for (const worker of workers) worker.send('crash')
  await mesh.until('they have crashed', () => exits === workers.length)
  stopListening()
}

export async function addCell(mesh: SimulatedMesh, id: string) {
  return mesh.settle(mesh.node('n1').addWorker({ id, run: cell }))
}

export async function pings(mesh: SimulatedMesh, ids: readonly string[]): Promise<unknown[]> {
  const node = mesh.node('n1')
  return mesh.settle(Promise.all(ids.map(id => node.getWorker(id, cell).call.ping())))
}
