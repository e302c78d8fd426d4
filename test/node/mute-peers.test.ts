/** Peers that know the secret and say nothing: a session with them is none, and nobody says why. */

import { beforeEach, expect, test } from 'vitest'

import type { NodeId } from '../../src/ids.ts'
import { nodeId } from '../../src/ids.ts'
import { FAILED_DIALS_MIN } from '../../src/node/border.ts'
import type { Node } from '../../src/node/node.ts'
import { encodePayload } from '../../src/payload.ts'
import { Outside, framed } from './outside.ts'

let outside: Outside
let node: Node
const peer: NodeId = nodeId('peer')

beforeEach(async () => {
  outside = new Outside()
  node = await outside.node()
})

function comeAndGo(): void {
  outside.world.onPeerUp(peer)
  outside.world.onPeerDown(peer)
}

function greetAndGo(): void {
  outside.greet(peer)
  outside.world.onPeerDown(peer)
}

const told = (): string[] => outside.warnings.filter(text => text.startsWith('no session'))

test('a peer that ends each session without a word is told of when that goes on: what was found, wanted, and what to do', () => {
  for (let times = 1; times < FAILED_DIALS_MIN; times++) comeAndGo()
  expect(told()).toEqual([])
  for (let times = 0; times < 10; times++) comeAndGo()
  expect(told()).toEqual([
    expect.stringMatching(
      /"to":"peer".*found 4 sessions in a row that ended before the peer has said hello, wanted .* versions 1 to 1: look into its log.*update the older/,
    ),
  ])
  expect(node.snapshot().border.violations).toBe(0)
})

test('a peer that speaks in between has only been restarted', () => {
  for (let times = 0; times < 10; times++) {
    for (let mute = 1; mute < FAILED_DIALS_MIN; mute++) comeAndGo()
    greetAndGo()
  }
  expect(told()).toEqual([])
})

test('of a peer that was refused, only that is told', () => {
  for (let times = 0; times < 10; times++) {
    outside.world.onPeerUp(peer)
    const hello = { kind: 'hello', protocol: { min: 7, max: 9 } }
    outside.world.onBytes(peer, 'control', framed(encodePayload(hello)))
  }
  expect(outside.warnings).toEqual([
    expect.stringMatching(/^session ended: the peer speaks another protocol/),
  ])
})
