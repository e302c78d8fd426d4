/** What code gives to its context, and is none of what that takes: refused at once, wherever the code runs. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { Node } from '../../../src/index.ts'
import { localNode } from '../../local-node.ts'
import { nextExit } from '../../node-events.ts'
import { PATIENCE_MS } from '../../patience.ts'
import {
  DELAY_NAMES,
  REASONS,
  REASON_NAMES,
  wisher,
  wishingStage,
  wishingTask,
} from './context-values-behaviours.ts'

const MODULE = new URL('context-values-behaviours.ts', import.meta.url).href

let node: Node

beforeAll(async () => {
  node = await localNode({ behaviours: [MODULE] })
})
afterAll(() => node.stop())
afterEach(async () => {
  for (const { id } of node.listWorkers()) await node.removeWorker(id)
  for (const { id } of node.listChains()) await node.removeChain(id)
})

const refused = (shown: string): string =>
  `context.stop has a bad field:\n  reason: found ${shown}, wanted "normal", "shutdown" or an Error (a crash): leave it out for "normal"`

describe.each(['inline', 'thread', 'process'] as const)('in %s', isolation => {
  test('what is no reason to stop crashes the server that gives it, and its caller hears of it', async () => {
    for (const name of REASON_NAMES) {
      const worker = await node.addWorker({ id: 'w', run: wisher, isolation, restart: 'temporary' })
      const exited = nextExit(node, 'w')
      const failure = { name: 'OptionsError', message: refused(REASONS[name][1]) }
      const answer = worker.with({ timeoutMs: PATIENCE_MS }).call.stop(name)
      await expect(answer, name).rejects.toMatchObject({ name: 'RemoteError', cause: failure })
      expect(await exited, name).toMatchObject({ exit: { kind: 'crashed', failure } })
      await node.removeWorker('w')
    }
  })

  test('the same of a task and of a stage', async () => {
    const task = await node.addWorker({ id: 't', run: wishingTask, isolation, restart: 'temporary' })
    const chain = await node.addChain({
      id: 'c',
      stages: [{ id: 's', run: wishingStage, isolation, onItemError: 'deadLetter' }],
    })
    const failure = { name: 'OptionsError', message: refused('"weird"') }
    const exited = nextExit(node, 't')
    task.send('another text')
    expect(await exited).toMatchObject({ exit: { kind: 'crashed', failure } })
    await expect(chain.call('another text', { timeoutMs: PATIENCE_MS })).rejects.toMatchObject({
      name: 'ItemDeadError',
      cause: failure,
    })
  })

  test('a second reason to stop changes nothing', async () => {
    const worker = await node.addWorker({ id: 'w', run: wisher, isolation })
    const chain = await node.addChain({ id: 'c', stages: [{ id: 's', run: wishingStage, isolation }] })
    const exits = [nextExit(node, 'w'), nextExit(node, 'c/s/0')]
    expect(await worker.with({ timeoutMs: PATIENCE_MS }).call.stopTwice()).toBe('stopped')
    expect(await chain.call('twice', { timeoutMs: PATIENCE_MS })).toBe('twice')
    expect((await Promise.all(exits)).map(({ exit }) => exit)).toEqual([
      { kind: 'shutdown' },
      { kind: 'shutdown' },
    ])
  })

  test('what is no time is neither slept nor waited for', async () => {
    const worker = await node.addWorker({ id: 'w', run: wisher, isolation })
    const asked = worker.with({ timeoutMs: PATIENCE_MS })
    for (const name of DELAY_NAMES) {
      const said = `OptionsError: context.%s has a bad field:\n  delayMs: found`
      expect(await asked.call.sleep(name), name).toContain(said.replace('%s', 'sleep'))
      expect(await asked.call.sendAfter(name), name).toContain(said.replace('%s', 'sendAfter'))
    }
    expect(await asked.call.heard()).toBe(0)
  })
})
