/** The signal of a node aborts before there is one. */

import { once } from 'node:events'
import { type Server, createServer } from 'node:net'

import { afterEach, expect, test } from 'vitest'

import { localNode } from '../local-node.ts'

let server: Server | undefined

afterEach(() => server?.close())

/** Whoever is dialled takes the connection and says nothing: the node waits for it. */
async function mute(): Promise<{ readonly seed: string; readonly dialled: Promise<unknown> }> {
  server = createServer(socket => socket.on('error', () => {}))
  const dialled = once(server, 'connection')
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { seed: `/ip4/127.0.0.1/tcp/${port}`, dialled }
}

test('while it joins: there is none, the reason is told, and its name is free again', async () => {
  const { seed, dialled } = await mute()
  const abort = new AbortController()
  const reason = new Error('not any more')
  const init = { cluster: 'aborted-start', name: 'one' }
  const discovery = { mdns: false, seeds: [seed] }
  const starting = localNode({ ...init, discovery, signal: abort.signal })
  await dialled
  abort.abort(reason)
  await expect(starting).rejects.toBe(reason)
  const next = await localNode(init)
  await next.stop()
})

test('while its modules are loaded: the same', async () => {
  const abort = new AbortController()
  const starting = localNode({ signal: abort.signal })
  abort.abort('enough')
  await expect(starting).rejects.toBe('enough')
})
