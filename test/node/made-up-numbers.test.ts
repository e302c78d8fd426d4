/** What a peer has made up, or passes on: see `plausible.ts`. */

import { expect, test } from 'vitest'

import { encodeMessage } from '../../src/protocol/codec.ts'
import { NO_ROWS } from '../../src/protocol/messages.ts'
import { Outside } from './outside.ts'

test('rows with numbers that are made up are left out, counted and told of, and nobody is hung up on', async () => {
  const outside = new Outside()
  const node = await outside.node()
  const peer = outside.greet('peer')
  const member = outside.join('other')
  const known = (): readonly [string, number][] => node.members().map(({ id, boot }) => [id, boot])
  const before = known()
  const row = { ...node.inspect().core.self, id: member, boot: Number.MAX_SAFE_INTEGER }
  for (let n = 0; n < 2; n++) outside.say(peer, { kind: 'rows', rows: { ...NO_ROWS, members: [row] } })
  outside.world.onHint('rows', encodeMessage({ kind: 'rows', rows: { ...NO_ROWS, members: [row] } }))
  expect(known()).toEqual(before)
  expect(outside.hungUp).toEqual([])
  const last = { who: 'gossip', reason: 'member other: boot 9007199254740991' }
  expect(node.snapshot().border).toMatchObject({ implausible: 3, violations: 0, last })
  expect(outside.warnings.filter(text => text.startsWith('rows were left out'))).toEqual([
    expect.stringContaining('"from":"peer"'),
    expect.stringContaining('"from":"gossip"'),
  ])
})
