/**
 * A process that has nothing to do, and says what it costs whenever it is asked: `idle-child.js node CLUSTER SEED…` is a
 * node of the built package, `idle-child.js bare` the libp2p that it stands on, alone.
 */

import { channel } from 'node:diagnostics_channel'
import { Socket } from 'node:net'

const [kind, cluster = '', ...seeds] = process.argv.slice(2)
const sockets = new Set<Socket>()
for (const name of ['net.client.socket', 'net.server.socket']) {
  channel(name).subscribe(message => {
    const socket: unknown =
      typeof message === 'object' && message !== null ? Reflect.get(message, 'socket') : 0
    if (socket instanceof Socket) sockets.add(socket)
  })
}
const startMs = performance.now()
const member = kind === 'bare' ? await startBare() : await startNode()
process.on('message', question => void answer(question))
process.send?.({ address: member.address, joinedMs: performance.now() - startMs })

interface Member {
  readonly address: string
  formed(count: number): Promise<void>
}

async function startNode(): Promise<Member> {
  const { createNode } = await import('meshvisor')
  const node = await createNode({
    cluster,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    discovery: { mdns: false, seeds },
    logger: false,
  })
  return { address: node.addresses[0] ?? '', formed: count => node.formed(count) }
}

async function startBare(): Promise<Member> {
  const { createLibp2p } = await import('libp2p')
  const { tcp } = await import('@libp2p/tcp')
  const { noise } = await import('@libp2p/noise')
  const { yamux } = await import('@libp2p/yamux')
  const { identify } = await import('@libp2p/identify')
  const { gossipsub } = await import('@libp2p/gossipsub')
  await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), pubsub: gossipsub() },
  })
  return { address: '', formed: async () => {} }
}

async function answer(question: unknown): Promise<void> {
  const formed: unknown =
    typeof question === 'object' && question !== null ? Reflect.get(question, 'formed') : 0
  if (typeof formed === 'number') await member.formed(formed)
  const { user, system } = process.cpuUsage()
  let sentBytes = 0
  for (const socket of sockets) sentBytes += socket.bytesWritten
  process.send?.({
    atMs: performance.now(),
    cpuMs: (user + system) / 1_000,
    rssBytes: process.memoryUsage.rss(),
    sentBytes,
  })
}
