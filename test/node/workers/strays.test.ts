/** Errors that nobody catches, in inline code; and a loop that is held up. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'

import { defineServer } from '../../../src/index.ts'
import * as behaviours from './cell-behaviours.ts'
import { localNode } from '../../local-node.ts'

/** Runs the program until its end. */
async function run(
  how: 'throw' | 'reject' | 'exit' | 'stop' | 'again' | 'other',
  program = 'strays-child.ts',
) {
  const child = fork(new URL(program, import.meta.url), [how], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  })
  const said = new Map<unknown, object>()
  let stderr = ''
  child.on('message', message => {
    if (typeof message === 'object' && message !== null && 'what' in message) said.set(message.what, message)
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const [code]: unknown[] = await once(child, 'close')
  return { code, said, stderr }
}

describe.concurrent('an error that nobody catches, or `process.exit`,', () => {
  test('ends the inline worker that it belongs to, and nothing else', async ({ expect }) => {
    const { said, code, stderr } = await run('stop')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    for (const [how, name, message] of [
      ['stray', 'Misfortune', 'stray'],
      ['stray-rejection', 'Misfortune', 'stray rejection'],
      ['stray-object', 'Error', '{ code: 42 }'],
      ['exit', 'ProcessExit', 'its code has called process.exit(7)'],
      ['exit-caught', 'ProcessExit', 'its code has called process.exit(7)'],
    ]) {
      const crashed = { kind: 'crashed', failure: { name, message, generation: 1 } }
      expect(said.get(`server ${how}`)).toMatchObject({
        exit: crashed,
        error: { message: expect.stringMatching(/ended while it was at this call|has called process/) },
        again: 1,
        bystander: 2,
      })
      expect(said.get(`task ${how}`)).toMatchObject({ exit: crashed })
      expect(said.get(`stage ${how}`)).toMatchObject({
        exit: { kind: 'crashed', failure: { name, message, item: { n: 1 } } },
      })
    }
    expect(said.get('signal')).toMatchObject({ bystander: 2 })
    // What its own signal has broken off is no reason to end it before it has said good-bye.
    expect(said.get('floating')).toMatchObject({
      terminated: ['stopped'],
      failed: ['listening'],
      brokenOff: ['floating', 'floating', 'abrupt', 'abrupt'],
    })
    expect(said.get('hooks')).toMatchObject({
      listeners: 1,
      listenersWithOne: 1,
      listenersLeft: 0,
      isExitItself: true,
    })
  })

  test.for(['other', 'again'] as const)(
    'and comes when the node of its worker has stopped, ends nothing while another node (%s) of the process runs',
    async (how, { expect }) => {
      const { code, said, stderr } = await run(how, 'late-strays-child.ts')
      expect(stderr).toBe('')
      expect(code).toBe(0)
      const isSameNode = how === 'again'
      expect(said.get('late')).toEqual({ what: 'late', isSameNode, count: 2, told: [4, 0] })
    },
  )

  test('`process.exit` of the program itself ends the program', async ({ expect }) => {
    expect(await run('exit')).toMatchObject({ code: 3, stderr: '' })
  })

  test.for(['throw', 'reject'] as const)(
    'and belongs to no worker (%s), ends the program as it always does',
    async (how, { expect }) => {
      const { code, stderr } = await run(how)
      expect(code).toBe(1)
      expect(stderr).toContain('a bug of the program itself')
    },
  )
})

describe('a node whose loop is held up', () => {
  test('says for how long, and by which worker', async () => {
    await using node = await localNode({ behaviours: [behaviours] })
    const worker = await node.addWorker({ id: 'busy', run: behaviours.server, args: [0] })
    const idle = await node.addWorker({ id: 'idle', run: behaviours.server, args: [0] })
    // A busy machine holds up the loop as well, whoever runs then.
    const stalled = new Promise(resolve => {
      node.on('node:stalled', event => (event.worker === 'busy' ? resolve(event) : undefined))
    })
    await Promise.all([idle.call.get(), worker.call.compute(400), idle.call.get()])
    const event = await stalled
    expect(event).toMatchObject({ kind: 'node:stalled', worker: 'busy', durationMs: expect.any(Number) })
    expect(event).toHaveProperty(
      'durationMs',
      expect.toSatisfy((ms: number) => ms >= 390),
    )
  })

  test('names the worker that has held it up before it waits, not the one that comes after it', async () => {
    const slow = defineServer('slow', {
      init: () => ({}),
      call: {
        compute: async (_state, ms: number) => {
          const untilMs = performance.now() + ms
          while (performance.now() < untilMs);
          await Promise.resolve()
        },
      },
      cast: { nothing: () => {} },
    })
    await using node = await localNode({ behaviours: [slow] })
    const busy = await node.addWorker({ id: 'busy', run: slow })
    const next = await node.addWorker({ id: 'next', run: slow })
    const stalled = new Promise(resolve => {
      node.on('node:stalled', ({ worker }) => (worker === undefined ? undefined : resolve(worker)))
    })
    const done = busy.call.compute(400)
    next.cast.nothing()
    await done
    expect(await stalled).toBe('busy')
  })
})
