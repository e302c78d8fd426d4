/** What cannot be handed over by code in a thread or process costs as little as inline: see `sim/failed-handoffs.test.ts`. */

import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'

import type { Node } from '../../../src/index.ts'
import { localNode } from '../../local-node.ts'
import { LogBook } from '../../log-book.ts'
import { nextExit } from '../../node-events.ts'
import { PATIENCE_MS } from '../../patience.ts'
import { type Fault, fragile } from './failed-handoff-behaviours.ts'

const isolations = ['thread', 'process'] as const
const rows = isolations.flatMap(isolation =>
  (['throws', 'function', 'large', 'terminate', 'exits'] as const).map(fault => [isolation, fault] as const),
)

const errors: Readonly<Record<Exclude<Fault, 'hangs'>, RegExp>> = {
  throws: /cannot hand over/,
  function: /could not be cloned|cannot be sent/,
  large: /the limit is 1048576/,
  terminate: /cannot let go/,
  exits: /ended with code 3/,
}

async function pair(logger: LogBook): Promise<readonly [Node, Node]> {
  const cluster = `failed handoff ${randomUUID()}`
  const start = (seeds: readonly string[]): Promise<Node> =>
    localNode({
      cluster,
      logger,
      behaviours: [new URL('failed-handoff-behaviours.ts', import.meta.url).href],
      discovery: { mdns: false, seeds },
    })
  const a = await start([])
  const b = await start(a.addresses)
  await Promise.all([a.formed(2), b.formed(2)])
  return [a, b]
}

test.each(rows)(
  'a worker, %s, that moves and fails at it, by %s, leaves its casts',
  async (isolation, fault) => {
    const logger = new LogBook()
    const [a, b] = await pair(logger)
    const worker = await a.addWorker({ id: 'w', run: fragile, args: [fault], isolation })
    worker.cast.add(40)
    const [owner, other] = (await worker.call.node()) === a.id ? [a, b] : [b, a]
    const ref = other.getWorker('w', fragile).with({ timeoutMs: PATIENCE_MS })
    const exit = nextExit(owner, 'w')
    const resting = ref.call.rest()
    await logger.heard('at rest')
    // From its own node: they are in its mailbox.
    for (const by of [1, 2]) owner.getWorker('w', fragile).cast.add(by)
    await owner.drain({ timeoutMs: PATIENCE_MS })
    await resting
    const isAtLast = fault === 'terminate' || fault === 'exits'
    expect(await ref.call.count()).toBe(isAtLast ? 43 : 3)
    expect(await ref.call.node()).toBe(other.id)
    const has = { facts: { worker: 'w', error: { message: expect.stringMatching(errors[fault]) } } }
    const what = isAtLast ? 'terminate has failed' : 'handoff has failed'
    const failed = logger.lines.filter(({ message }) => message.includes('has failed'))
    expect(failed).toMatchObject([{ ...has, message: expect.stringMatching(`^${what}`) }])
    expect(await exit).toMatchObject({ exit: { kind: 'released' }, lost: 0 })
    expect(logger.lines.map(({ message }) => message)).toContain('terminated: stopped')
    await Promise.all([a.stop(), b.stop()])
  },
)

test.each(isolations)(
  'a worker, %s, that hangs as it moves, says how many casts it has lost',
  async isolation => {
    const logger = new LogBook()
    const [a, b] = await pair(logger)
    const worker = await a.addWorker({
      id: 'w',
      run: fragile,
      args: ['hangs'],
      isolation,
      stopTimeoutMs: 1_000,
    })
    const owner = (await worker.call.node()) === a.id ? a : b
    const exit = nextExit(owner, 'w')
    const resting = worker.call.rest()
    await logger.heard('at rest')
    for (const by of [1, 2]) owner.getWorker('w', fragile).cast.add(by)
    await owner.drain({ timeoutMs: PATIENCE_MS })
    await resting
    expect(await exit).toMatchObject({ exit: { kind: 'abandoned' }, lost: 2 })
    expect(owner.snapshot().lostMessages).toBe(2)
    await Promise.all([a.stop(), b.stop()])
  },
)

test.each(isolations)(
  'a worker, %s, that crashes keeps its reason when its terminate ends it',
  async isolation => {
    const logger = new LogBook()
    const behaviours = [new URL('failed-handoff-behaviours.ts', import.meta.url).href]
    await using node = await localNode({ logger, behaviours })
    const worker = await node.addWorker({ id: 'w', run: fragile, args: ['exits'], isolation })
    const exit = nextExit(node, 'w')
    await expect(worker.call.die()).rejects.toMatchObject({ name: 'RemoteError' })
    expect(await exit).toMatchObject({ exit: { kind: 'crashed', failure: { message: 'on purpose' } } })
    const failed = logger.lines.filter(({ message }) => message === 'terminate has failed')
    expect(failed).toMatchObject([{ facts: { worker: 'w', error: { name: 'CellExit' } } }])
  },
)
