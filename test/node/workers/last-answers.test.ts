/** What a worker in a thread or process has said before it crashed counts, also where both are read at once. */

import { randomUUID } from 'node:crypto'
import { describe, test } from 'vitest'

import { nextExit } from '../../node-events.ts'
import { localNode } from '../../local-node.ts'
import { PATIENCE_MS } from '../../patience.ts'
import { server } from './last-answers-behaviours.ts'

const behaviours = [new URL('last-answers-behaviours.ts', import.meta.url)]

/** It is left to chance what is read at once: one time in four, at least. */
const TIMES = 4

describe.each(['thread', 'process'] as const)(
  'a worker in a %s that fails as soon as it has answered',
  isolation => {
    test('has answered, and crashes', async ({ expect }) => {
      const node = await localNode({ behaviours })
      for (let time = 0; time < TIMES; time++) {
        const id = `w${time}`
        const worker = await node.addWorker({ id, run: server, isolation, restart: 'temporary' })
        const exit = nextExit(node, id)
        expect(await worker.with({ timeoutMs: PATIENCE_MS }).call.answer()).toBe('the answer')
        expect(await exit).toMatchObject({
          exit: { kind: 'crashed', failure: { message: 'after its answer' } },
        })
      }
      await node.stop()
    })

    test('has handed over its state, where it moves', async ({ expect }) => {
      const cluster = randomUUID()
      const leaver = await localNode({ cluster, behaviours })
      const ids = Array.from({ length: TIMES }, (_, time) => `w${time}`)
      for (const id of ids) {
        const worker = await leaver.addWorker({ id, run: server, isolation, rebalance: 'passive' })
        await worker.with({ timeoutMs: PATIENCE_MS }).call.keep(`kept by ${id}`)
      }
      const seeds = [...leaver.addresses]
      const last = await localNode({ cluster, behaviours, discovery: { mdns: false, seeds } })
      await Promise.all([leaver.formed(2), last.formed(2)])
      await leaver.stop()
      for (const id of ids) {
        const worker = last.getWorker(id, server).with({ timeoutMs: PATIENCE_MS })
        expect(await worker.call.get()).toBe(`kept by ${id}`)
      }
      await last.stop()
    })
  },
)
