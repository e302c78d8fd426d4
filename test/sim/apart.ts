/**
 * Before anything else is declared, every node declares the same config where it sees nobody: what they have declared
 * is one thing when they meet. It is there for the whole schedule, with all that happens to it and is checked of it.
 */

import { checkConfig } from '../../src/node/config.ts'
import { declareConfig } from '../../src/node/start-config.ts'
import type { Prng } from '../../src/prng.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { InvariantError } from './invariant-error.ts'
import type { World } from './world.ts'

/** So many schedules begin so. */
const APART_SHARE = 0.15

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
  const declaring = Promise.all(mesh.ids.map(name => declareConfig(mesh.node(name), config)))
  for (const { declared } of await mesh.settle(declaring))
    if (declared.length !== 3) throw new InvariantError(`only ${declared.join()} was declared`)
  mesh.heal()
  await mesh.until('they meet', () =>
    mesh.ids.every(name => mesh.node(name).members().length === mesh.ids.length),
  )
  if (rivals.length > 0)
    throw new InvariantError(`what all have declared alike was superseded: ${rivals.join()}`)
  return true
}
