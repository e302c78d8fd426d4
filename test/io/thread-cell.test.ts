/** A thread whose heap is full ends alone. In a process of its own, as it might not. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'

const ROUNDS = [1, 2, 3]

describe.each(['parse', 'objects'])('a thread that fills its heap (%s)', how => {
  test.each(ROUNDS)('leaves its process alive (%i)', async () => {
    const child = fork(new URL('full-heap-child.ts', import.meta.url), [how])
    const ended = once(child, 'exit')
    expect(await Promise.race([once(child, 'message'), ended])).toHaveProperty('0.kind', 'out-of-memory')
    child.disconnect()
    expect(await ended).toEqual([0, null])
  })
})
