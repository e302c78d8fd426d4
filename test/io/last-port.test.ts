/** Nodes that listen at any port, and have a data folder: they come back where they were. */

import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type Server, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import type { Node } from '../../src/index.ts'
import { LOOPBACK, localNode } from '../local-node.ts'

let folder: string
let cluster: string
let nodes: Node[]
let server: Server | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshvisor-port-'))
  cluster = randomUUID()
  nodes = []
})
afterEach(async () => {
  await stopAll()
  server?.close()
  await rm(folder, { recursive: true, force: true })
})

async function start(name: string, seeds: readonly string[] = [], listen = LOOPBACK): Promise<Node> {
  const node = await localNode({
    cluster,
    listen,
    dataFolder: join(folder, name),
    discovery: { mdns: false, seeds },
  })
  nodes.push(node)
  return node
}

async function stopAll(): Promise<void> {
  await Promise.all(nodes.splice(0).map(node => node.stop()))
}

test('a mesh that was stopped as a whole comes back by its folders alone', async () => {
  const first = await start('a')
  await start('b', first.addresses)
  await start('c', first.addresses)
  await Promise.all(nodes.map(node => node.formed(3)))
  await stopAll()
  await Promise.all(['a', 'b', 'c'].map(name => start(name)))
  await Promise.all(nodes.map(node => node.formed(3)))
  expect(nodes.map(node => node.members().length)).toEqual([3, 3, 3])
})

const portOf = (node: Node | undefined): number => Number(/\/tcp\/(\d+)/.exec(node?.addresses[0] ?? '')?.[1])

test('a port that another one uses is left to it', async () => {
  const port = portOf(await start('a'))
  await stopAll()
  server = createServer()
  await once(server.listen(port, '127.0.0.1'), 'listening')
  const other = portOf(await start('a'))
  expect(other).toBeGreaterThan(0)
  expect(other).not.toBe(port)
  await stopAll()
  expect(portOf(await start('a'))).toBe(other)
})

test('what is no port is none, and an address that is said counts', async () => {
  const port = portOf(await start('a'))
  await stopAll()
  server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const taken = typeof address === 'object' && address !== null ? address.port : 0
  await expect(start('a', [], [`/ip4/127.0.0.1/tcp/${taken}`])).rejects.toMatchObject({ name: 'ListenError' })
  expect(portOf(await start('a'))).toBe(port)
  await stopAll()
  for (const text of ['', 'x', '-1', '65536', '4.5', '1e3', '0x50', '0']) {
    await writeFile(join(folder, 'a', 'port'), text)
    expect(portOf(await start('a'))).toBeGreaterThan(0)
    await stopAll()
  }
})

test.skipIf(process.platform === 'win32')('a pipe in its place holds up nobody, and makes way', async () => {
  await mkdir(join(folder, 'a'))
  execFileSync('mkfifo', [join(folder, 'a', 'port')])
  const port = portOf(await start('a'))
  await stopAll()
  expect(portOf(await start('a'))).toBe(port)
})
