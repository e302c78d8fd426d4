/**
 * A process of the built package that says what it sees and costs whenever it is asked: `built-child.js node CLUSTER
 * SEED…` is a node, `held CLUSTER` one that starts when it is told its seed, `bare` the libp2p that it stands on, alone,
 * without what a node does without. `lean-node` and `lean-bare` keep the young generation small while modules load.
 */

import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'

const [kind = '', cluster = '', ...seeds] = process.argv.slice(2)
const sockets = new Set<Socket>()
for (const name of ['net.client.socket', 'net.server.socket']) {
  channel(name).subscribe(message => {
    const socket: unknown =
      typeof message === 'object' && message !== null ? Reflect.get(message, 'socket') : 0
    if (socket instanceof Socket) sockets.add(socket)
  })
}
const startMs = performance.now()
const isLean = kind.startsWith('lean-')
if (isLean) setFlagsFromString('--semi-space-growth-factor=1')
const member = kind.endsWith('bare') ? await startBare() : await startNode()
// As it is by default: under load it may grow.
if (isLean) setFlagsFromString('--semi-space-growth-factor=2')
process.on('message', question => void answer(question))
process.send?.({ address: member.address, joinedMs: performance.now() - startMs })

interface Member {
  readonly address: string
  /** @returns when that many were seen first, by the wall clock */
  formed(count: number): Promise<number>
}

async function startNode(): Promise<Member> {
  const { createNode } = await import('meshvisor')
  if (kind === 'held') seeds.push(...(await held()))
  const node = await createNode({
    cluster,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    discovery: { mdns: false, seeds },
    logger: false,
  })
  /** By the number of members. */
  const seenAtMs: number[] = []
  const note = (): void => {
    seenAtMs[node.members().length] ??= Date.now()
  }
  node.on('member:join', note)
  note()
  return {
    address: node.addresses[0] ?? '',
    formed: async count => {
      await node.formed(count)
      return Math.min(...seenAtMs.slice(count).filter(ms => ms > 0))
    },
  }
}

/** Loads all that a node loads, says so, and waits to be told. @returns the seeds */
async function held(): Promise<readonly string[]> {
  await import(new URL('dist/io/libp2p/libp2p-transport.js', import.meta.url).href)
  process.send?.({ isLoaded: true })
  const [told]: unknown[] = await once(process, 'message')
  const seed: unknown = typeof told === 'object' && told !== null ? Reflect.get(told, 'seed') : undefined
  return typeof seed === 'string' ? [seed] : []
}

async function startBare(): Promise<Member> {
  const { createLibp2p } = await import('libp2p')
  const { tcp } = await import('@libp2p/tcp')
  const { noise } = await import('@libp2p/noise')
  const { yamux } = await import('@libp2p/yamux')
  const { serviceCapabilities } = await import('@libp2p/interface')
  const { gossipsub } = await import('@libp2p/gossipsub')
  await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // Gossipsub asks for identify, which a node does not have either.
    services: {
      introduction: () => ({ [serviceCapabilities]: ['@libp2p/identify'] }),
      pubsub: gossipsub(),
    },
  })
  return { address: '', formed: async () => Number.NaN }
}

async function answer(question: unknown): Promise<void> {
  const formed: unknown =
    typeof question === 'object' && question !== null ? Reflect.get(question, 'formed') : 0
  const formedAtMs = typeof formed === 'number' ? await member.formed(formed) : Number.NaN
  const { user, system } = process.cpuUsage()
  let sentBytes = 0
  for (const socket of sockets) sentBytes += socket.bytesWritten
  process.send?.({
    formedAtMs,
    atMs: performance.now(),
    cpuMs: (user + system) / 1_000,
    rssBytes: process.memoryUsage.rss(),
    sentBytes,
  })
}
