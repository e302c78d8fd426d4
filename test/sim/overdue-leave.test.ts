/** A node that stops and has no time left for it: what still runs there is told, and left to itself. */

import { expect, test } from 'vitest'

import { defineServer, defineTask } from '../../src/index.ts'
import { simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

test('workers whose turn to stop has not come when the node has to go are told all the same', async () => {
  const noted: string[] = []
  let idleCount = 0
  const server = defineServer('server', {
    init: ({ worker, signal }) => {
      signal.addEventListener('abort', () => noted.push(`${worker}: abort`))
      return { worker }
    },
    cast: { work: () => new Promise<void>(() => {}) },
    idle: { timeoutMs: 1_000, handle: () => void (idleCount += 1) },
    terminate: ({ worker }) => {
      noted.push(`${worker}: terminate`)
      return worker === 'g/slow' ? new Promise<void>(() => {}) : undefined
    },
  })
  const task = defineTask('task', async ({ worker, messages }) => {
    for await (const message of messages) noted.push(`${worker}: ${String(message)}`)
    noted.push(`${worker}: over`)
  })
  const labels = { far: 'yes' }
  await using mesh = await simulate({ nodes: 2, behaviours: [server, task], labelsOf: { n2: labels } })
  await allSeeAll(mesh)
  const child = { placement: { labels }, stopTimeoutMs: 120_000 }
  const one = { run: server, ...child }
  // The last one stops first, and the others wait for that.
  const members = [
    { id: 'calm', ...one },
    { id: 'busy', ...one },
    { id: 'task', run: task, ...child },
    { id: 'slow', ...one },
  ] as const
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'g', members }))
  const busy = group.member('busy')
  for (let n = 0; n < 3; n++) busy.cast.work()
  await mesh.run(10)
  const node = mesh.node('n2')
  const exits: string[] = []
  node.on('worker:exit', ({ slot, exit, lost }) => exits.push(`${slot} ${exit.kind} ${lost}`))
  await mesh.stop('n2')
  expect(noted.toSorted()).toEqual([
    'g/busy: abort',
    'g/calm: abort',
    'g/calm: terminate',
    'g/slow: abort',
    'g/slow: terminate',
    'g/task: over',
  ])
  expect(exits.toSorted()).toEqual([
    'g/busy abandoned 2',
    'g/calm stopped 0',
    'g/slow abandoned 0',
    'g/task stopped 0',
  ])
  expect(node.snapshot().workers).toMatchObject({ inline: 0, abandoned: 2 })
  const before = idleCount
  await mesh.run(10_000)
  expect(idleCount).toBe(before)
})
