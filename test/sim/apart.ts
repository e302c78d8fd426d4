/**
 * Before anything else is declared, every node declares the same config where it sees nobody, at once or one after the
 * other: what they have declared is one thing when they meet, and what was begun first goes on, also where others have
 * restarted theirs (I16). It is there for the whole schedule, with all that happens to it and is checked of it.
 */

import { checkConfig } from '../../src/node/config.ts'
import { declareConfig } from '../../src/node/start-config.ts'
import type { Prng } from '../../src/prng.ts'
import { tokenOf } from '../../src/protocol/fencing-token.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { isCalm } from './checkers.ts'
import { InvariantError } from './invariant-error.ts'
import type { World } from './world.ts'

/** So many schedules begin so. */
const APART_SHARE = 0.15
/** By so much one is older than the next, where not all begin at once: more than what lineages are told apart by. */
const PAUSE_MS = 4_500

/** @returns whether this schedule begins so */
export async function declareApart(mesh: SimulatedMesh, world: World, prng: Prng): Promise<boolean> {
  if (!prng.chance(APART_SHARE)) return false
  const intensity = { restarts: 1_000, withinMs: 1_000 }
  const members = ['a', 'b'].map(id => ({ id, run: world.witness }))
  const config = checkConfig({
    workers: ['even', 'same'].map(id => ({ id, run: world.witness, intensity })),
    groups: [{ id: 'pair', strategy: prng.pick(['one_for_all', 'one_for_one']), members, intensity }],
  })
  const rivals: string[] = []
  for (const name of mesh.ids)
    mesh.node(name).on('spec:superseded', ({ id, loser }) => rivals.push(`${id} of ${loser}`))
  mesh.partition(...mesh.ids.map(name => [name]))
  await mesh.until('all are alone', () => mesh.ids.every(name => mesh.node(name).members().length === 1))
  const pauseMs = prng.chance(0.5) ? 0 : PAUSE_MS
  const declaring: Promise<{ readonly declared: readonly string[] }>[] = []
  for (const name of mesh.ids) {
    declaring.push(declareConfig(mesh.node(name), config))
    await mesh.run(pauseMs)
  }
  for (const { declared } of await mesh.settle(Promise.all(declaring)))
    if (declared.length !== 3) throw new InvariantError(`only ${declared.join()} was declared`)
  // Those who have begun last have most generations behind them.
  if (pauseMs > 0) for (const [index, name] of mesh.ids.entries()) await crashOften(mesh, world, name, index)
  const [first = ''] = mesh.ids
  const begun = lineagesAt(mesh, first)
  mesh.heal()
  await mesh.until('they meet', () =>
    mesh.ids.every(name => mesh.node(name).members().length === mesh.ids.length),
  )
  if (rivals.length > 0)
    throw new InvariantError(`what all have declared alike was superseded: ${rivals.join()}`)
  await mesh.until('all know the same', () => isCalm(mesh))
  if (pauseMs > 0 && lineagesAt(mesh, first) !== begun)
    throw new InvariantError(`I16: begun first was ${begun}, what goes on is ${lineagesAt(mesh, first)}`)
  return true
}

/** A member of its group crashes so many times, and is back. */
async function crashOften(mesh: SimulatedMesh, world: World, name: string, times: number): Promise<void> {
  const node = mesh.node(name)
  for (let count = 0; count < times; count++) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const stopListening = node.on('generation:run', () => resolve())
    world.victim = 'pair/a'
    node.getGroup('pair').member('a').send('crash')
    await mesh.settle(promise)
    stopListening()
  }
}

/** Which lineages of them count. */
function lineagesAt(mesh: SimulatedMesh, name: string): string {
  const { claims, phases } = mesh.node(name).inspect().core.ledger.tables
  const numbers = [
    ...claims.rows().map(({ slot, generation }) => [slot, generation] as const),
    ...phases.rows().map(({ spec, generation }) => [spec, generation.number] as const),
  ]
  return numbers.map(([id, number]) => `${id} ${tokenOf({ number, tag: 0 }, 0).lineage}`).join(', ')
}
