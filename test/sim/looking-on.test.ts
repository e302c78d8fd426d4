/** Whatever is waited for, the checks look on: what runs twice no longer than that is seen, too (I17). */

import { expect, test } from 'vitest'

import { defineTask } from '../../src/node/workers/behaviours.ts'
import { specId } from '../../src/ids.ts'
import { Prng } from '../../src/prng.ts'
import { simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { AlwaysChecker } from './checkers.ts'
import { lookOn } from './looking-on.ts'
import { Rebels } from './rebels.ts'
import { WorkerFaults } from './worker-faults.ts'
import { World } from './world.ts'

/** Does not hear its signal: the node that has it takes all of its stop time, five seconds, to leave. */
const deaf = defineTask('deaf', () => new Promise(() => {}))

test('what runs twice while a node leaves is seen before that has left', async () => {
  const world = new World()
  const prng = new Prng('looking on')
  const workers = new WorkerFaults(world, prng.fork('workers'))
  await using mesh = await simulate({ seed: 1, nodes: 3, behaviours: [...world.behaviours, deaf] })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: 'w', run: deaf }))
  const owner = mesh.ids.find(id => mesh.node(id).inspect().host.slotsOf(specId('w')).length > 0) ?? ''
  const twins = mesh.ids.filter(id => id !== owner).map(node => ({ worker: 'twin', node, generation: 1 }))
  const always = new AlwaysChecker(mesh, world, new Rebels(world, prng.fork('rebels')))
  workers.leave(mesh, owner)
  let lookCount = 0
  lookOn(mesh, () => {
    lookCount += 1
    if (lookCount === 10) for (const twin of twins) world.living.set(`${twin.node} twin`, twin)
    always.check(-Infinity)
  })
  await expect(workers.restore(mesh)).rejects.toThrow(/^I17: twin has run twice for 1\d{3}(\.\d+)? ms/)
  expect(mesh.leaving).toEqual([owner])
})
