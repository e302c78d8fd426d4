/** Workers that ignore their signal: in threads and processes they are ended, inline they are fenced and counted. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Node } from '../../../src/index.ts'
import { localNode } from '../../local-node.ts'
import { LogBook } from '../../log-book.ts'
import { nextExit } from '../../node-events.ts'
import { PATIENCE, PATIENCE_MS } from '../../patience.ts'
import { type Deafness, deafServer, deafStage, deafTask, witness } from './deaf-behaviours.ts'

const MODULE = new URL('deaf-behaviours.ts', import.meta.url).href
const KINDS = ['server', 'task', 'stage'] as const
/** Code that never lets go of the thread of its node cannot be ended at all: `test/e2e/stall.test.ts`. */
const HOW: Readonly<Record<'inline' | 'thread' | 'process', readonly Deafness[]>> = {
  inline: ['waits', 'goes-on'],
  thread: ['waits', 'goes-on', 'loops'],
  process: ['waits', 'goes-on', 'loops'],
}
const ISOLATIONS = ['inline', 'thread', 'process'] as const
const ROWS = ISOLATIONS.flatMap(isolation =>
  KINDS.flatMap(kind => HOW[isolation].map(how => [kind, isolation, how] as const)),
)

let node: Node
const log = new LogBook()

beforeAll(async () => {
  node = await localNode({ behaviours: [MODULE], logger: log })
  await node.addWorker({ id: 'witness', run: witness })
})

afterAll(() => node.stop())

interface Deaf {
  readonly slot: string
  /** What whoever waits for it is told; undefined where nobody does. */
  readonly told: Promise<unknown> | undefined
  remove(): Promise<void>
}

async function makeDeaf(
  kind: (typeof KINDS)[number],
  isolation: (typeof ISOLATIONS)[number],
  how: Deafness,
): Promise<Deaf> {
  const id = `${kind}-${isolation}-${how}`
  const child = { isolation, stopTimeoutMs: 50 }
  const toldBy = (answer: Promise<unknown>): Promise<unknown> => answer.catch((error: unknown) => error)
  if (kind === 'stage') {
    const chain = await node.addChain({ id, stages: [{ id: 's', run: deafStage, ...child }] })
    const told = toldBy(chain.call(how))
    return { slot: `${id}/s/0`, told, remove: () => node.removeChain(id) }
  }
  const remove = (): Promise<void> => node.removeWorker(id)
  if (kind === 'task') {
    await node.addWorker({ id, run: deafTask, args: [how], ...child })
    return { slot: id, told: undefined, remove }
  }
  const server = await node.addWorker({ id, run: deafServer, ...child })
  return { slot: id, told: toldBy(server.with({ timeoutMs: PATIENCE_MS }).call.be(how)), remove }
}

describe.concurrent('whoever does not hear that it is to stop ends all the same', () => {
  test.for(ROWS)('a %s, %s, that %s', async ([kind, isolation, how], { expect }) => {
    const { slot, told, remove } = await makeDeaf(kind, isolation, how)
    await log.heard(`${slot} is deaf`)
    const exit = nextExit(node, slot)
    await remove()
    expect((await exit).exit).toEqual({ kind: 'abandoned' })
    if (kind === 'server') {
      expect(await told).toMatchObject({ name: 'WorkerExitedError', maybeExecuted: true })
    } else if (kind === 'stage') expect(await told).toMatchObject({ name: 'NotFoundError' })
    // Of what goes on inline, nothing gets out; anywhere else, nothing goes on.
    if (isolation === 'inline' && how === 'goes-on') await log.heard(`${slot} is refused: FencedError`)
  })
})

test('then nothing of them is left but what cannot be ended: that is counted', async () => {
  await expect
    .poll(() => node.snapshot().workers, PATIENCE)
    .toEqual({ inline: 1, threads: 0, processes: 0, ending: 0, abandoned: 6, unexpected: 0 })
  const worked = ISOLATIONS.flatMap(isolation =>
    KINDS.map(kind => `${kind}-${isolation}-goes-on${kind === 'stage' ? '/s/0' : ''}`),
  )
  // Each has worked, and might still say a thing or two in the time that it was given to stop.
  const heardOf = await node.getWorker('witness', witness).call.heard()
  expect(heardOf).toEqual(expect.arrayContaining(worked.map(slot => `${slot} works`)))
  const refused = new Set(
    log.lines.flatMap(({ message }) => (message.includes('is refused') ? [message] : [])),
  )
  expect([...refused].toSorted()).toEqual(
    KINDS.map(
      kind => `${kind}-inline-goes-on${kind === 'stage' ? '/s/0' : ''} is refused: FencedError`,
    ).toSorted(),
  )
})
