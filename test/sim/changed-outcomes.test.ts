/**
 * A stage is removed while items are on their way. An item is answered with all that has come of it by the chain that it
 * has gone through as a whole: never with a part of that.
 */

import { expect, test } from 'vitest'

import { defineStage } from '../../src/node/workers/behaviours.ts'
import { CHAIN_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { simulate } from '../../src/testing.ts'

/** What a test lets go on when it is time. None of them looks at its signal. */
let gates = { twice: Promise.withResolvers<void>(), held: Promise.withResolvers<void>() }

const twice = defineStage('twice', async function* (text: string) {
  yield `${text}1`
  yield `${text}2`
  await gates.twice.promise
})
const held = defineStage('held', async (text: string) => {
  await gates.held.promise
  return text
})
const behaviours = [twice, held]

test.each(CHAIN_STRATEGIES)(
  'what comes out while the stage that has given it stops is not all that is answered: %s',
  async strategy => {
    gates = { twice: Promise.withResolvers(), held: Promise.withResolvers() }
    await using mesh = await simulate({ nodes: 1, behaviours })
    const chain = await mesh.settle(
      mesh.node('n1').addChain({ id: 'c', strategy, stages: [{ run: twice }, { run: held }] }),
    )
    const outcome = chain.call('a')
    await mesh.run(100)
    const removed = chain.removeStage('twice')
    await mesh.run(100)
    gates.held.resolve()
    await mesh.run(100)
    gates.twice.resolve()
    await mesh.settle(removed)
    // It goes through once more, as the chain is now. Where a stage might yield as it was put in, there is a list.
    expect(await mesh.settle(outcome)).toEqual(['a'])
    expect(await mesh.settle<unknown>(chain.call('b'))).toBe('b')
  },
)
