import { expect, test } from 'vitest'

import { nodeId, specId } from '../../src/ids.ts'
import { CLOCKS_TOLD } from '../../src/node/border.ts'
import { NO_ROWS } from '../../src/protocol/messages.ts'
import type { SpecRow } from '../../src/protocol/spec-row.ts'
import { Outside } from './outside.ts'

// Whose moment it is, says whoever sends it: an insider makes up as many as it likes.
test('of clocks that are ahead, ten are told of at once, and how many more there were with the next', async () => {
  const outside = new Outside()
  const node = await outside.node()
  const peer = outside.greet('insider')
  const told = (): string[] => outside.warnings.filter(text => text.startsWith('the clock of a node'))
  const say = (from: number, count: number): void => {
    const specs = Array.from({ length: count }, (_, n): SpecRow => {
      const version = { ms: 2 ** 50, count: 0, node: nodeId(`made-up-${from + n}`) }
      return { id: specId(`s${from + n}`), version, desired: 'stopped', body: undefined }
    })
    outside.say(peer, { kind: 'rows', rows: { ...NO_ROWS, specs } })
  }
  say(0, 500)
  expect([told().length, node.snapshot().border.clocks]).toEqual([CLOCKS_TOLD.burst, 500])
  await outside.clock.run(6_000)
  say(500, 2)
  expect(told()).toHaveLength(CLOCKS_TOLD.burst + 1)
  expect(told().at(-1)).toMatch(/"clockOf":"made-up-500".*"ofOthersSince":490/)
})
