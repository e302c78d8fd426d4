/** How many behaviours a node may have: its row names each, and is to be read by all others. */

import { expect, test } from 'vitest'

import { defineServer } from '../../../src/node/workers/behaviours.ts'
import { Registry } from '../../../src/node/workers/registry.ts'
import { BEHAVIOURS_MAX } from '../../../src/protocol/member-row.ts'

/** It has one behaviour. */
const MODULE = new URL('choosy-behaviours.ts', import.meta.url)

const servers = (count: number) =>
  Array.from({ length: count }, (_, index) => defineServer(`server-${index}`, { init: () => ({}) }))

test.each([
  ['behaviours', servers(BEHAVIOURS_MAX), BEHAVIOURS_MAX],
  ['behaviours, of which one comes by URL', [...servers(BEHAVIOURS_MAX - 2), MODULE], BEHAVIOURS_MAX],
])('a row has room for as many %s', async (_, sources, count) => {
  expect((await Registry.of(sources)).abilities('real')).toHaveLength(count)
})

// Nobody could read the row of such a node: it was shut out by all others, for what looked like garbage.
test.each([
  ['behaviours', servers(BEHAVIOURS_MAX + 1)],
  ['behaviours, of which one comes by URL', [...servers(BEHAVIOURS_MAX - 1), MODULE]],
])('a node with more %s than others can read of is refused', async (_, sources) => {
  const refused = await Registry.of(sources).catch((error: unknown) => error)
  expect(refused).toMatchObject({
    name: 'OptionsError',
    problems: [{ path: 'behaviours', found: expect.stringContaining(`${BEHAVIOURS_MAX + 1}`) }],
  })
})
