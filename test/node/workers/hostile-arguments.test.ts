/** What throws when one looks at it, as an argument: refused alike, wherever the worker runs. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PayloadError } from '../../../src/errors.ts'
import type { Node } from '../../../src/index.ts'
import { localNode } from '../../local-node.ts'
import * as behaviours from './cell-behaviours.ts'

const refuse = (): never => {
  throw new TypeError('not to be looked at')
}

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

const handler = { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse }
const HOSTILE: Readonly<Record<string, unknown>> = {
  'an object whose every trap throws': new Proxy({}, handler),
  'a list whose every trap throws': new Proxy([], handler),
  'an object whose fields throw': new Proxy({ a: 1 }, { get: refuse }),
  'a getter that throws': {
    get a() {
      return refuse()
    },
  },
  'a getter that throws what throws itself': {
    get a() {
      throw revoked({})
    },
  },
  'a revoked object': revoked({}),
  'a revoked list, within': [revoked([])],
}

let node: Node

beforeAll(async () => {
  node = await localNode({ behaviours: [new URL('cell-behaviours.ts', import.meta.url).href] })
})

afterAll(() => node.stop())

describe.each(['inline', 'thread', 'process'] as const)('a worker that runs in: %s', isolation => {
  test('is given nothing that throws when one looks at it: the caller is told, and it goes on', async () => {
    const server = { run: behaviours.server, isolation }
    const worker = await node.addWorker({ ...server, id: isolation, args: [1] })
    const [first = ''] = Object.keys(behaviours.server.cast)
    for (const [what, value] of Object.entries(HOSTILE)) {
      expect(await thrownBy(() => worker.call.take(value)), what).toBeInstanceOf(PayloadError)
      expect(await thrownBy(() => Reflect.get(worker.cast, first)(value)), what).toBeInstanceOf(PayloadError)
      expect(await thrownBy(() => worker.send(value)), what).toBeInstanceOf(PayloadError)
      const added = Reflect.apply(node.addWorker, node, [{ ...server, id: 'w', args: [value] }])
      await expect(added, what).rejects.toMatchObject({ name: 'OptionsError' })
    }
    expect(await worker.call.add(1)).toBe(2)
  })
})

async function thrownBy(act: () => unknown): Promise<unknown> {
  try {
    await act()
    return undefined
  } catch (error) {
    return error
  }
}
