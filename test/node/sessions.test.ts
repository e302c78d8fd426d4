/** What is written in sessions leaves at the end of a turn, or before the node goes. */

import { expect, test } from 'vitest'

import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { nodeId } from '../../src/ids.ts'
import { Session } from '../../src/node/messaging/session.ts'
import { Sessions } from '../../src/node/messaging/sessions.ts'
import { FRAME } from '../../src/protocol/channel.ts'

/** More than a quiet session sends at a time. */
const MANY = 10

// What a node that left had sent on in its last turn was thrown away, where the session was busy.
test('what was written in a busy session, and is to leave in the next turn, leaves before there is none', async () => {
  const sent: number[] = []
  const session = new Session({
    peer: nodeId('n2'),
    owner: { accept: () => undefined, onReply: () => undefined, onBroadcast: () => undefined },
    clock: new VirtualClock().fork(),
    send: bytes => sent.push(bytes.length) > 0,
  })
  const sessions = new Sessions()
  sessions.add(session)
  const write = (): void => void session.writer.begin(FRAME.close, 4).u32(1)
  for (let n = 0; n < MANY; n++) write()
  await Promise.resolve()
  expect(sent).toHaveLength(1)
  write()
  await Promise.resolve()
  expect(sent).toHaveLength(1)
  sessions.letOut()
  expect(sent).toHaveLength(2)
  sessions.end(nodeId('n2'))
  write()
  sessions.letOut()
  expect(sent).toHaveLength(2)
})
