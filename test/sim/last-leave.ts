/**
 * The end of some schedules: a node that lacks the links to some of the others, which all know, leaves or is emptied.
 * What its workers leave behind comes to their successors all the same, as others reach both (I46).
 */

import { DrainError } from '../../src/errors.ts'
import type { Prng } from '../../src/prng.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { keeper } from './behaviours.ts'
import { isCalm } from './checkers.ts'
import { InvariantError } from './invariant-error.ts'

/** So many schedules end so. */
const SHARE = 0.3
/** By then, all know which links are missing. */
const KNOWN_MS = 10_000
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'] as const

const members = NAMES.map(id => ({ id, run: keeper, args: [0] as const }))

/** @returns whether this schedule ends so */
export async function leaveLast(mesh: SimulatedMesh, prng: Prng): Promise<boolean> {
  const open = prng.shuffle(mesh.up.filter(id => mesh.node(id).members().every(takesWork(id))))
  const [leaver, helper, apart, ...others] = open
  if (leaver === undefined || helper === undefined || apart === undefined || !prng.chance(SHARE)) return false
  const node = mesh.node(helper)
  await mesh.settle(
    Promise.all(NAMES.map(id => node.addWorker({ id: `last-${id}`, run: keeper, args: [0] }))),
  )
  await mesh.settle(node.addGroup({ id: 'last', strategy: prng.pick(GROUP_STRATEGIES), members }))
  const workers = NAMES.flatMap(id => [
    node.getWorker(`last-${id}`, keeper),
    node.getGroup<typeof members>('last').member(id),
  ])
  for (const [index, worker] of workers.entries()) await mesh.settle(worker.call.add(100 + index))
  for (const id of [apart, ...others.filter(() => prng.chance(0.5))]) mesh.cut(leaver, id)
  await mesh.run(KNOWN_MS)
  const isLeaving = prng.chance(0.5)
  if (isLeaving) await mesh.stop(leaver)
  else await empty(mesh, leaver)
  mesh.heal()
  await mesh.until('they are together again', () => isCalm(mesh))
  for (const [index, worker] of workers.entries()) {
    const total = await mesh.settle(worker.with({ timeoutMs: KNOWN_MS }).call.get())
    if (total !== 100 + index) {
      const how = `${leaver}, without a link to ${apart}, ${isLeaving ? 'left' : 'was emptied'}`
      throw new InvariantError(`I46: ${how}: worker ${index} is at ${total}, not at ${100 + index}`)
    }
  }
  return true
}

/** Empties a node. What others have not taken by the end of its time, stays with something that none of them takes. */
export async function empty(mesh: SimulatedMesh, name: string): Promise<void> {
  try {
    await mesh.settle(mesh.node(name).drain())
  } catch (error) {
    if (!(error instanceof DrainError)) throw error
    for (const slot of error.workers)
      if (!isHeldBack(mesh, name, slot)) throw new InvariantError(`I46: ${slot} has stayed: ${error.message}`)
  }
}

/** Whether the worker shares its fate with one that all others decline, or they take nothing, as their own rows say. */
function isHeldBack(mesh: SimulatedMesh, name: string, slot: string): boolean {
  const { specs } = mesh.node(name).snapshot()
  const spec = specs.find(({ workers }) => workers.some(worker => worker.slot === slot))
  if (spec === undefined || spec.kind === 'worker' || spec.strategy === 'one_for_one') return false
  const others = mesh.up.filter(id => id !== name).map(id => mesh.node(id).inspect().core.self)
  return spec.workers.some(worker =>
    others.every(({ isDraining = false, declines = [] }) => isDraining || declines.includes(worker.slot)),
  )
}

/** Whether it is the node of that name, and emptied: of the others, that says nothing. */
function takesWork(id: string) {
  return (member: { readonly id: string; readonly isDraining: boolean }): boolean =>
    member.id !== id || !member.isDraining
}
