import { test } from 'vitest'

import { ProcessCell } from '../../src/io/system/process-cell.ts'
import { ThreadCell } from '../../src/io/system/thread-cell.ts'
import type { CellHandlers } from '../../src/ports.ts'

/** Longer than the cell takes, as a rule. */
const HELD_UP_MS = 500

function holdUp(): void {
  const endMs = performance.now() + HELD_UP_MS
  while (performance.now() < endMs);
}

/** How many promises wait for each other, where one message is taken in. */
const HOPS = 10

test.for(['thread', 'process'] as const)(
  'what has come from a %s while nobody read is told one after the other, each when what waited for the last one has gone on',
  async (kind, { expect }) => {
    const told: string[] = []
    const ended = Promise.withResolvers<void>()
    const follow = async (what: string): Promise<void> => {
      told.push(what)
      for (let hop = 0; hop < HOPS; hop++) await Promise.resolve()
      told.push(`${what} is through`)
    }
    const handlers: CellHandlers = {
      onMessage: message => {
        void follow(String(message))
        if (message === 'begun') setImmediate(holdUp)
      },
      onEnd: () => void follow('end').then(ended.resolve),
    }
    const entry = new URL('bursting-cell.ts', import.meta.url).href
    const init = { kind, entry, name: 'bursting', heapMb: undefined }
    const cell = kind === 'thread' ? new ThreadCell(init, handlers) : new ProcessCell(init, handlers)
    await ended.promise
    // Gone already: it only lets go.
    cell.abandon()
    expect(told).toEqual(['begun', 'result', 'stray', 'end'].flatMap(what => [what, `${what} is through`]))
  },
)
