/** Handles in the hands of code that knows nothing of workers: loggers, serializers, comparers. */

import { inspect } from 'node:util'
import { expect, test } from 'vitest'

import { defineServer } from '../../src/index.ts'
import { slotId, specId } from '../../src/ids.ts'
import { WorkerRef } from '../../src/node/messaging/refs.ts'
import type { Gateway } from '../../src/node/workers/gateway.ts'
import { decodePayload, encodePayload } from '../../src/payload.ts'
import { localNode } from '../local-node.ts'

const counter = defineServer('counter', {
  init: () => ({ total: 0 }),
  call: { add: (state, by: number) => (state.total += by), echo: (_state, value: unknown) => value },
  cast: { add: (state, by: number) => void (state.total += by) },
})

/** A handle, and what is asked for by it. */
function handle() {
  const asked: string[] = []
  const gateway: Gateway = {
    call: async ({ name }) => void asked.push(name),
    cast: (_slot, name) => void asked.push(name),
    send: () => void asked.push('a message'),
    broadcast: () => undefined,
    sendRandom: slot => slotId(slot),
    membersOf: () => undefined,
  }
  return { asked, ref: new WorkerRef<typeof counter>(gateway, slotId(specId('w'))) }
}

const USES: readonly [string, (value: object) => unknown][] = [
  ['JSON.stringify', value => JSON.stringify({ value, list: [value] })],
  ['a template', value => `${String(value)} ${[value].join()}`],
  ['a sum', value => Number(value)],
  ['inspect', value => inspect(value, { showProxy: true, showHidden: true, getters: true }) + inspect(value)],
  ['await', async value => value],
  ['Promise.resolve', value => Promise.resolve(value)],
  ['structuredClone', value => structuredClone({ ...value })],
  ['a payload', value => decodePayload(encodePayload(value))],
  ['a comparison', value => expect(value).not.toEqual({ a: 1 })],
  ['a match', value => expect(() => expect(value).toStrictEqual({ a: 1 })).toThrow()],
  ['hasOwnProperty', value => Object.prototype.hasOwnProperty.call(value, 'a') || 'a' in value],
  ['its constructor', value => value.constructor === Object],
  ['its keys', value => [...Object.keys(value), ...Object.entries(value)]],
]

test.each(USES)('nothing is sent by %s of a handle, its calls and its casts', async (_what, use) => {
  const { asked, ref } = handle()
  for (const value of [ref, ref.call, ref.cast]) {
    try {
      await use(value)
    } catch {
      // What cannot be copied, say: it is not sent either.
    }
  }
  expect(asked).toEqual([])
  await ref.call.add(1)
  ref.cast.add(1)
  expect(asked).toEqual(['add', 'add'])
})

test('a handle is written as its id, a group and a chain alike', async () => {
  await using node = await localNode({ behaviours: [{ counter }] })
  const exits: string[] = []
  node.on('worker:exit', ({ slot }) => exits.push(slot))
  const worker = await node.addWorker({ id: 'w', run: counter })
  const group = await node.addGroup({ id: 'g', members: [{ id: 'm', run: counter }] })
  await worker.call.add(5)
  expect(JSON.stringify({ worker, group, member: group.member('m') })).toBe(
    '{"worker":{"id":"w"},"group":{"id":"g"},"member":{"id":"g/m"}}',
  )
  expect(`${String(worker.call)} ${String(worker.cast)}`).toBe('[object Object] [object Object]')
  expect(await worker.call.add(1)).toBe(6)
  expect(exits).toEqual([])
})
