/** Signals that reach the processes of workers: those of a terminal, and those of whoever finds them in a list. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

import { describe, expect, test } from 'vitest'

import { localNode } from '../../local-node.ts'
import { nextExit } from '../../node-events.ts'
import { PATIENCE } from '../../patience.ts'
import { deafToSignals } from './signal-behaviours.ts'

/** In a group of processes of its own, as a shell starts it. */
function startProgram(how: 'listens' | 'does not listen') {
  const program = fork(new URL('signal-child.ts', import.meta.url), [how], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  let said = ''
  program.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  return { program, said: () => said.split('\n').filter(line => line !== '') }
}

/** What the program says next. */
async function saidBy(program: ChildProcess): Promise<object> {
  const [message]: unknown[] = await once(program, 'message')
  return typeof message === 'object' && message !== null ? message : {}
}

/** Where its workers run. */
async function pidsOf(program: ChildProcess): Promise<number[]> {
  const said = await saidBy(program)
  return 'pids' in said && Array.isArray(said.pids) ? said.pids.map(Number) : []
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** As a terminal does it: to the program, and to all processes that it has started. */
function pressControlC({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGINT')
}

describe.concurrent('Ctrl-C', () => {
  test('of a program that listens to it leaves its workers alone, and they end in order with their node', async ({
    expect,
  }) => {
    const { program, said } = startProgram('listens')
    const pids = await pidsOf(program)
    const answered = saidBy(program)
    const closed = once(program, 'close')
    pressControlC(program)
    expect(await answered).toEqual({ again: pids, exits: 0 })
    expect(await closed).toEqual([0, null])
    expect(said().toSorted()).toEqual([
      'deaf ignores SIGINT',
      'deaf terminates: stopped',
      'other terminates: stopped',
    ])
    expect(pids.filter(isAlive)).toEqual([])
  })

  test('of a program that does not ends all of it at once, and no process is left', async ({ expect }) => {
    const { program } = startProgram('does not listen')
    const pids = await pidsOf(program)
    const closed = once(program, 'close')
    pressControlC(program)
    expect(await closed).toEqual([null, 'SIGINT'])
    await expect.poll(() => pids.filter(isAlive), PATIENCE).toEqual([])
  })
})

test('a process that ignores SIGTERM, and does not hear its signal, ends in the time that it has to stop', async () => {
  await using node = await localNode({
    behaviours: [new URL('signal-behaviours.ts', import.meta.url).href],
  })
  const spec = { id: 'deaf', run: deafToSignals, isolation: 'process', stopTimeoutMs: 100 } as const
  const deaf = await node.addWorker(spec)
  const pid = await deaf.call.where()
  const ended = deaf.call.never().catch((error: unknown) => error)
  process.kill(pid, 'SIGTERM')
  process.kill(pid, 'SIGINT')
  const exit = nextExit(node, 'deaf')
  await node.removeWorker('deaf')
  expect((await exit).exit).toEqual({ kind: 'abandoned' })
  expect(await ended).toMatchObject({ name: 'WorkerExitedError', maybeExecuted: true })
  await expect.poll(() => isAlive(pid), PATIENCE).toBe(false)
})
