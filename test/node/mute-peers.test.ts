/** Peers that know the secret and say nothing: a session with them is none, and nobody says why. */

import { beforeEach, expect, test } from 'vitest'

import type { NodeId } from '../../src/ids.ts'
import { nodeId } from '../../src/ids.ts'
import { FAILED_DIALS_MIN } from '../../src/node/border.ts'
import { HELLO_MS, NO_HELLO } from '../../src/node/greetings.ts'
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
  outside.world.onPeerDown(peer, 'broken')
}

function greetAndGo(): void {
  outside.greet(peer)
  outside.world.onPeerDown(peer, 'broken')
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

test('whoever waits for a mesh is told of them too: by address where they were dialled, and not of those that have spoken', async () => {
  const others = ['dialled', 'spoken'].map(name => nodeId(name))
  for (const each of [peer, ...others]) {
    for (let times = 0; times < FAILED_DIALS_MIN; times++) {
      outside.world.onPeerUp(each)
      outside.world.onDialled(each === peer ? each : `/sim/${each}`, each)
      outside.world.onPeerDown(each, 'broken')
    }
  }
  outside.join('spoken')
  outside.tell('spoken', node)
  expect(await linesOfFormed()).toEqual([
    expect.stringMatching(/^node peer: found 4 sessions in a row .* look into its log/),
    expect.stringMatching(/^\/sim\/dialled: found 4 sessions in a row .* look into its log/),
  ])
  for (const each of ['peer', 'dialled']) {
    outside.greet(each)
    outside.world.onPeerDown(nodeId(each), 'broken')
  }
  expect(await linesOfFormed()).toEqual([expect.stringMatching(/^nobody else is known/)])
})

test('whoever connects and never says hello is hung up on, and told of, but not shut out', async () => {
  outside.world.onPeerUp(peer)
  outside.world.onDialled('/sim/peer', peer)
  await outside.clock.run(HELLO_MS - 1_000)
  expect(outside.hungUp).toEqual([])
  await outside.clock.run(2_000)
  expect(outside.hungUp).toEqual([{ peer, reason: NO_HELLO, shutOutMs: 0 }])
  expect(told()).toEqual([expect.stringMatching(/"to":"peer".*not said hello for 20 s/)])
  expect(await linesOfFormed()).toEqual([
    expect.stringMatching(/^\/sim\/peer: it has connected, and not said/),
  ])
  expect(node.snapshot().border.violations).toBe(0)
  outside.greet(peer)
  await outside.clock.run(10 * HELLO_MS)
  expect(outside.hungUp).toHaveLength(1)
})

test('a hello that comes by and by is waited for, though not for ever', async () => {
  outside.world.onPeerUp(peer)
  const hello = framed(new Uint8Array(1_000))
  for (let at = 0; at < 5; at++) {
    outside.world.onBytes(peer, 'control', hello.subarray(at, at + 1))
    await outside.clock.run(HELLO_MS - 1_000)
    expect(outside.hungUp).toEqual([])
  }
  outside.world.onBytes(peer, 'control', hello.subarray(5, 6))
  await outside.clock.run(HELLO_MS - 1_000)
  expect(outside.hungUp).toHaveLength(1)
})

test('whoever waits for a mesh is told of each address once, with all that is wrong with it', async () => {
  const address = '/ip4/127.0.0.1/tcp/7000'
  outside = new Outside()
  node = await outside.node({ discovery: { mdns: false, seeds: [address] } })
  outside.world.onDiscovered(peer, [address, '/ip4/127.0.0.1/tcp/7001'])
  outside.world.onDiscovered(nodeId('other'), [address])
  outside.world.onDialFailed(address, 'unreachable', 'nobody listens')
  outside.world.onDialFailed(peer, 'unreachable', 'nobody listens')
  outside.world.onDialFailed('other', 'handshake', 'not on the list')
  expect(await linesOfFormed()).toEqual([`${address}: nobody listens; not on the list`])
})

test.each([false, true])('who knows nobody is told so, and what to do: multicast is on: %s', async mdns => {
  const nobody = /^nobody else is known .*discovery.seeds/
  const multicast = mdns ? /multicast finds only/ : /discovery.mdns. on, which is off/
  outside = new Outside()
  node = await outside.node({ discovery: { mdns } })
  const [only, ...more] = await linesOfFormed()
  expect(more).toEqual([])
  expect(only).toMatch(nobody)
  expect(only).toMatch(multicast)
  outside.join('other')
  outside.tell('other', node)
  expect(await linesOfFormed()).toEqual([expect.stringMatching(nobody)])
})

test('who knows of somebody is not told that there is nobody: as long as it waits to dial, or for a hello', async () => {
  outside = new Outside()
  node = await outside.node()
  outside.world.onPeerUp(peer)
  expect(await linesOfFormed()).toEqual([])
  outside.world.onPeerDown(peer, 'broken')
  outside.world.onDiscovered(peer, ['/ip4/127.0.0.1/tcp/7001'])
  expect(await linesOfFormed(1)).not.toEqual([expect.stringMatching(/nobody/)])
})

async function linesOfFormed(timeoutMs = 100): Promise<string[]> {
  const waiting = node.formed(9, { timeoutMs }).catch((error: unknown) => error)
  await outside.clock.run(1_000)
  const [first = '', ...lines] = String(await waiting).split('\n  ')
  expect(first).toMatch(/^FormationError: \d of 9 nodes after \d+ ms$/)
  return lines
}
