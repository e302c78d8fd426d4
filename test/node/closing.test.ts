/** A node of which a part cannot be closed: the rest is, and whoever waits for its end hears of it. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { Outside } from './outside.ts'

/** A network that fails as it is closed. */
class Broken extends Outside {
  override async stop(): Promise<void> {
    throw new Error('the socket is gone')
  }
}

/** One that never is. */
class Stuck extends Outside {
  override stop(): Promise<void> {
    return new Promise(() => {})
  }
}

const NAME = 'a network that %s is told of, and keeps neither the data folder nor those who wait'

test.each<[string, () => Outside]>([
  ['cannot be closed', () => new Broken()],
  ['does not come to an end', () => new Stuck()],
])(NAME, async (_, make) => {
  const outside = make()
  const idle = defineServer('idle', { init: () => 0 })
  const node = await outside.node({ cluster: 'test', behaviours: [idle] })
  await node.addWorker({ id: 'w', run: idle }, { until: 'declared', ack: 'local' })
  const gone = node.removeWorker('w').catch((error: unknown) => error)
  const ended = Promise.allSettled([node.stop(), node.stopped, gone])
  await outside.clock.run(60_000)
  expect(outside.isFolderFree).toBe(true)
  expect(await ended).toMatchObject([
    { status: 'fulfilled' },
    { status: 'fulfilled' },
    { status: 'fulfilled' },
  ])
  expect(outside.warnings.filter(line => line.startsWith('a part of this node'))).toHaveLength(1)
})
