/** Work that the signal of a worker ends as it moves, in a thread or process: see `sim/broken-off.test.ts`. */

import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'

import type { Node } from '../../../src/index.ts'
import { localNode } from '../../local-node.ts'
import { LogBook } from '../../log-book.ts'
import { nextExit } from '../../node-events.ts'
import { PATIENCE, PATIENCE_MS } from '../../patience.ts'
import { server, task } from './broken-off-behaviours.ts'

const isolations = ['thread', 'process'] as const
const rows = isolations.flatMap(isolation =>
  (['timer', 'reason', 'floating', 'fault'] as const).map(how => [isolation, how] as const),
)

async function pair(logger: LogBook): Promise<readonly [Node, Node]> {
  const cluster = `broken off ${randomUUID()}`
  const start = (seeds: readonly string[]): Promise<Node> =>
    localNode({
      cluster,
      logger,
      behaviours: [new URL('broken-off-behaviours.ts', import.meta.url).href],
      discovery: { mdns: false, seeds },
    })
  const a = await start([])
  const b = await start(a.addresses)
  await Promise.all([a.formed(2), b.formed(2)])
  return [a, b]
}

function failuresIn({ lines }: LogBook): object[] {
  return lines.filter(({ message }) => message.includes('has failed'))
}

function strayCountIn({ lines }: LogBook): number {
  return lines.filter(({ message }) => message.startsWith('what nobody waits for')).length
}

const told = { facts: { worker: 'w', error: { name: 'RangeError' } } }

test.each(rows)('a server, %s, that moves and whose work ends so: %s', async (isolation, how) => {
  const logger = new LogBook()
  const [a, b] = await pair(logger)
  const worker = await a.addWorker({ id: 'w', run: server, isolation })
  worker.cast.add(40)
  const [owner, other] = (await worker.call.node()) === a.id ? [a, b] : [b, a]
  const ref = other.getWorker('w', server).with({ timeoutMs: PATIENCE_MS })
  const exit = nextExit(owner, 'w')
  const working = ref.call.work(how).catch((error: unknown) => error)
  await logger.heard('at work')
  // From its own node: they are in its mailbox.
  for (const by of [1, 2]) owner.getWorker('w', server).cast.add(by)
  await owner.drain({ timeoutMs: PATIENCE_MS })
  const isFault = how === 'fault'
  const cause = { name: isFault ? 'RangeError' : 'AbortError' }
  if (how === 'floating') expect(await working).toBeUndefined()
  else expect(await working).toMatchObject({ name: 'RemoteError', maybeExecuted: true, cause })
  expect(await ref.call.count()).toBe(isFault ? 0 : 43)
  expect(await exit).toMatchObject(
    isFault ? { exit: { kind: 'stopped' }, lost: 2 } : { exit: { kind: 'released' }, lost: 0 },
  )
  expect(failuresIn(logger)).toMatchObject(isFault ? [told] : [])
  expect(strayCountIn(logger)).toBe(how === 'floating' ? 2 : 0)
  await Promise.all([a.stop(), b.stop()])
})

test.each(rows)('a task, %s, that moves and whose work ends so: %s', async (isolation, how) => {
  const logger = new LogBook()
  const [owner, other] = await pair(logger)
  const exit = nextExit(owner, 'w')
  await other.drain()
  await owner.addWorker({ id: 'w', run: task, args: [owner.id, how], isolation })
  other.resume()
  // Otherwise the owner may find nobody to give it to, and keep it for a while.
  await expect.poll(() => owner.members().some(({ isDraining }) => isDraining), PATIENCE).toBe(false)
  await logger.heard('at work')
  owner.getWorker('w', task).send('first')
  await owner.drain({ timeoutMs: PATIENCE_MS })
  other.getWorker('w', task).send('second')
  await logger.heard('read second')
  const isFault = how === 'fault'
  expect(logger.lines.some(({ message }) => message === 'read first')).toBe(!isFault)
  expect(await exit).toMatchObject(
    isFault ? { exit: { kind: 'stopped' }, lost: 1 } : { exit: { kind: 'released' }, lost: 0 },
  )
  expect(failuresIn(logger)).toMatchObject(isFault ? [told] : [])
  expect(strayCountIn(logger)).toBe(how === 'floating' ? 2 : 0)
  await Promise.all([owner.stop(), other.stop()])
})
