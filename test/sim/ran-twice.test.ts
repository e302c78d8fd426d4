/** I17, as it is checked: what runs twice for longer than it may is seen, and who has been overruled does not run. */

import { afterEach, beforeEach, expect, test } from 'vitest'

import { Prng } from '../../src/prng.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { AlwaysChecker } from './checkers.ts'
import { Rebels } from './rebels.ts'
import { World } from './world.ts'

/** All that is said has been heard, and who does not hear its signal has not been given up yet. */
const BETWEEN_LOOKS_MS = 1_500
/** Since when the network is sound: always. */
const SOUND_SINCE_MS = -Infinity

let world: World
let rebels: Rebels
let mesh: SimulatedMesh
let always: AlwaysChecker

beforeEach(async () => {
  world = new World()
  rebels = new Rebels(world, new Prng('rebels'))
  mesh = await simulate({ seed: 1, nodes: 3, behaviours: [...world.behaviours, rebels.rebel] })
  always = new AlwaysChecker(mesh, world, rebels)
  await mesh.settle(rebels.declare(mesh))
  await mesh.until('all run', () => world.living.size === 5)
})

afterEach(() => mesh[Symbol.asyncDispose]())

test('who is overruled between two looks has not run twice, however far apart these are', async () => {
  mesh.partition(['n1', 'n2'], ['n3'])
  await mesh.until('both sides run all', () => world.living.size === 10)
  mesh.heal()
  await mesh.until('two who run the same can tell each other', () => {
    always.check(SOUND_SINCE_MS)
    return always.twiceCount > 0
  })
  await mesh.run(BETWEEN_LOOKS_MS)
  always.check(SOUND_SINCE_MS)
  expect(rebels.overruledCount).toBeGreaterThan(0)
  expect(world.living.size).toBe(5)
})

test('what runs twice from one look to the next is seen, however far apart these are', async () => {
  for (const node of ['n1', 'n2']) world.living.set(`${node} twin`, { worker: 'twin', node, generation: 1 })
  always.check(SOUND_SINCE_MS)
  await mesh.run(BETWEEN_LOOKS_MS)
  expect(() => always.check(SOUND_SINCE_MS)).toThrow('I17: twin has run twice for 1500 ms')
})
