/** A call that nobody awaits, and that fails: it is on the account of whoever has made it. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'

import { PATIENCE_MS } from '../../patience.ts'

/** Runs the program until its end. @returns what it has said, by what that is about, and how it has ended */
async function run(...how: readonly string[]) {
  const child = fork(new URL('unawaited-child.ts', import.meta.url), how, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: 2 * PATIENCE_MS,
    killSignal: 'SIGKILL',
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

// One program after the other: each starts threads and processes, and some wait for what ends in 5 s.
describe('a call that nobody awaits, and that fails,', () => {
  test('crashes the worker that has made it, and neither the one that was called nor the process', async () => {
    const { code, said, stderr } = await run('workers')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const names = {
      unknown: 'RemoteError',
      unfit: 'ValidationError',
      rejects: 'RemoteError',
      late: 'CallTimeoutError',
      aborted: 'AbortError',
      ends: 'WorkerExitedError',
    }
    const cases = Object.entries(names).flatMap(([way, failure]) =>
      ['here', 'there'].map(where => ({ what: `${way} ${where} by inline of inline`, failure })),
    )
    const apart = [
      'unknown here by inline of thread',
      'unknown here by thread of inline',
      'unknown there by process of inline',
    ]
    for (const { what, failure } of [...cases, ...apart.map(id => ({ what: id, failure: 'RemoteError' }))]) {
      expect(said.get(what)).toEqual({
        what,
        failure,
        slot: `caller-${what.replaceAll(' ', '-')}`,
        total: what.startsWith('ends') ? 1 : 6,
        again: 'here',
      })
    }
    const deeds = {
      trace: ['tracer', 'RemoteError'],
      call: ['call', 'ItemDeadError'],
      run: ['run', 'ItemDeadError'],
      send: ['send', 'AbortError'],
      add: ['add', 'StartError'],
      remove: ['remove', 'NotFoundError'],
      formed: ['formed', 'FormationError'],
    }
    for (const [deed, [by, failure]] of Object.entries(deeds)) {
      for (const at of ['here', 'there']) {
        const what = `${deed} ${at}`
        expect(said.get(what)).toEqual({ what, failure, slot: `${by}-${at}`, again: 'here' })
      }
    }
  })

  test('as its node stops, ends no process: not even one that has no other node', async () => {
    const { code, said, stderr } = await run('stops')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect([...said.keys()]).toEqual(['stopped'])
  })

  test('as its worker and the one that was called end with their node, takes neither handoff nor terminate from it', async () => {
    const { code, said, stderr } = await run('leaves')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const both = [true, true]
    expect(said.get('ends')).toEqual({
      what: 'ends',
      handoffs: ['its state', 'its state', 'its state'],
      terminated: [both, both, both],
      warnings: 0,
    })
  })

  test('as the one that was called is removed while its worker moves, does not take the handoff from it', async () => {
    const { code, said, stderr } = await run('removed')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(said.get('removed')).toEqual({ what: 'removed', handoff: 'its state' })
  })

  test('or an item, as its chain is stopped while its worker moves, does not take the handoff from it either', async () => {
    const { code, said, stderr } = await run('stopped')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(said.get('stopped')).toEqual({ what: 'stopped', handoff: 'its state' })
  })

  test('as its worker ends of its own accord, makes no crash of that, and does not take terminate from it', async () => {
    const { code, said, stderr } = await run('quits')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    said.delete('end')
    expect(said.size).toBe(3)
    for (const [what, told] of said) expect(told).toEqual({ what, exit: 'normal', isTerminated: true })
  })

  test('as its worker waits for its turn to stop, takes the handoff from no member of a group', async () => {
    const { code, said, stderr } = await run('turns')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(said.size).toBe(4)
    for (const [what, told] of said)
      expect(told).toEqual({ what, handoff: 'its state', awaited: 'its state' })
  })

  test('does so for no worker of a node that leaves, as long as that waits for items', async () => {
    const { code, said, stderr } = await run('restless')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(said.get('outcome')).toEqual({ what: 'outcome', outcome: 7 })
    const areThere = Array.from({ length: 6 }, () => true)
    expect(said.get('restless')).toEqual({ what: 'restless', areThere, crashes: [] })
  })

  test.for(['here', 'there'])(
    'is an unhandled rejection of the program, where that has made it, and no worker ends (%s)',
    async at => {
      const { code, said, stderr } = await run('dies', at)
      expect(code).toBe(1)
      expect(stderr).toContain('the server "callee" has no function "nope"')
      expect(said.size).toBe(0)
    },
  )

  test.for(['here', 'there'])(
    'is told to the program where it listens to that, and no worker ends (%s)',
    async at => {
      const { code, said } = await run('listens', at)
      expect(code).toBe(7)
      expect([...said.values()]).toEqual([
        { what: 'unhandled', error: expect.stringContaining('has no function "nope"'), total: 6 },
      ])
    },
  )
})
