/** A peer that sends a long message over a thin link: it says nothing else for as long. */

import { expect, test } from 'vitest'

import { encodeMessage } from '../../src/protocol/codec.ts'
import { NO_ROWS } from '../../src/protocol/messages.ts'
import { Outside, framed } from './outside.ts'

const SLICE_MS = 100

test.each([
  ['is not called silent while it does', true, ['alive']],
  ['is when nothing comes', false, []],
])('a peer that sends a long message %s', async (_what, isSending, status) => {
  const outside = new Outside()
  const node = await outside.node()
  const peer = outside.join('b')
  const heard: string[] = []
  node.on('member:suspect', () => heard.push('suspect'))
  node.on('member:dead', () => heard.push('dead'))
  const message = framed(encodeMessage({ kind: 'rows', rows: NO_ROWS }), 1)
  const bytes = Buffer.concat([message.subarray(0, 4), Buffer.alloc(100)])
  bytes.writeUInt32LE(200_000)
  outside.world.onBytes(peer, 'control', bytes)
  for (let passedMs = 0; passedMs < 10_000; passedMs += SLICE_MS) {
    await outside.clock.run(SLICE_MS)
    if (isSending) outside.world.onBytes(peer, 'control', Buffer.alloc(100))
  }
  expect(node.members().flatMap(({ id, status: is }) => (id === peer ? [is] : []))).toEqual(status)
  if (isSending) expect(heard).toEqual([])
})
