/** Code of workers whose node says that another one has them, in whatever they run: see `sim/overruled.test.ts`. */

import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { slotId, specId } from '../../../src/ids.ts'
import { localNode } from '../../local-node.ts'
import { LogBook } from '../../log-book.ts'
import { nextExit } from '../../node-events.ts'
import { PATIENCE_MS } from '../../patience.ts'
import { ear, overruled } from './overruled-behaviours.ts'

const MODULE = new URL('overruled-behaviours.ts', import.meta.url).href
const PATIENT = { timeoutMs: PATIENCE_MS }
const SLOT = slotId(specId('w'))

test.each(['inline', 'thread', 'process'] as const)(
  'is refused, %s, may put away what is its own, and has not crashed',
  async isolation => {
    const logger = new LogBook()
    const node = await localNode({ behaviours: [MODULE], logger })
    const listener = await node.addWorker({ id: 'ear', run: ear })
    const worker = await node.addWorker({ id: 'w', run: overruled, isolation })
    const incarnation = await worker.call.incarnation()
    const working = worker
      .with(PATIENT)
      .call.work()
      .catch((error: unknown) => error)
    await logger.heard('at work')
    const exit = nextExit(node, 'w')
    node.inspect().host.fence(SLOT, incarnation)
    await node.removeWorker('w')
    expect((await exit).exit).toEqual({ kind: 'stopped' })
    expect(await working).toMatchObject({ name: 'RemoteError', cause: { name: 'FencedError' } })
    const said = logger.lines.map(({ message }) => message)
    expect(said.filter(line => / (done|FencedError)$/.test(line))).toEqual([
      'cast: FencedError',
      'send: FencedError',
      'call: FencedError',
      'sleep: done',
      'terminate stopped: done',
    ])
    expect(said).toContain('what nobody waits for was broken off, as its worker stops')
    expect(await listener.call.heard()).toEqual([])
    await node.stop()
  },
)

test.each(['thread', 'process'] as const)(
  'is refused, %s, before its code has heard of it',
  async isolation => {
    const folder = await mkdtemp(join(tmpdir(), 'overruled-'))
    const path = join(folder, 'go')
    const logger = new LogBook()
    const node = await localNode({ behaviours: [MODULE], logger })
    const listener = await node.addWorker({ id: 'ear', run: ear })
    const worker = await node.addWorker({ id: 'w', run: overruled, isolation })
    const incarnation = await worker.call.incarnation()
    const looping = worker
      .with(PATIENT)
      .call.loop(path)
      .catch((error: unknown) => error)
    await logger.heard('in a loop')
    node.inspect().host.fence(SLOT, incarnation)
    writeFileSync(path, '')
    await logger.heard('what a worker has sent could not be sent')
    // Nobody goes on with its state: it has done nothing that lasts.
    expect(await looping).toMatchObject({ name: 'WorkerExitedError', maybeExecuted: true })
    expect(await listener.call.heard()).toEqual([])
    await node.stop()
    await rm(folder, { recursive: true })
  },
)
