/** What a node says to another one: nothing that the other one would hang up for. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { ControlLane } from '../../src/node/control-lane.ts'
import { type Message, PROTOCOL } from '../../src/protocol/messages.ts'

function lane(): { readonly control: ControlLane; readonly told: string[] } {
  const told: string[] = []
  const control: ControlLane = new ControlLane({
    protocol: PROTOCOL,
    nowMs: () => 0,
    send: (peer, bytes) => control.onBytes(peer, bytes),
    onMessage: (_peer, message) => told.push(`heard ${message.kind}`),
    onOversize: (_peer, message) => told.push(`kept ${message.kind}`),
    onOffence: (_peer, offence, reason) => told.push(`${offence}: ${reason}`),
    onEnded: () => {},
  })
  return { control, told }
}

// Fields of newer nodes are passed on, and rows are joined: what comes of two may be more than anybody takes in.
test.each([
  ['heard', 1_000],
  ['kept', 2_200_000],
])('a message is %s that has %i objects in it', async (what, count) => {
  const { control, told } = lane()
  const peer = nodeId('b')
  control.onPeerUp(peer)
  const message: Message & { readonly more: unknown } = {
    kind: 'merged',
    ask: 1,
    more: Array.from({ length: count }, () => ({})),
  }
  control.send(peer, message)
  await Promise.resolve()
  expect(told).toEqual([`${what} merged`])
})
