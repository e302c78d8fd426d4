import { expect, test, vi } from 'vitest'

import { ProcessCell, inheritedFlags } from '../../src/io/system/process-cell.ts'
import type { CellEnd } from '../../src/ports.ts'

test('a process inherits flags, but not those that say what to run or where to listen', () => {
  expect(
    inheritedFlags([
      '--conditions=meshvisor-source',
      '--inspect=127.0.0.1:9229',
      '--inspect-brk',
      '-e',
      'console.log(1)',
      '--watch',
      '--test',
      '--input-type=module',
      '--no-warnings',
    ]),
  ).toEqual(['--conditions=meshvisor-source', '--no-warnings'])
  expect(inheritedFlags(['--eval', '--no-warnings'])).toEqual([])
})

test('a process that has ended leaves no timer behind, which would keep this one alive', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const entry = new URL('no-cell.ts', import.meta.url).href
    const ended = Promise.withResolvers<CellEnd>()
    const cell = new ProcessCell(
      { kind: 'process', entry, name: 'none', heapMb: undefined },
      { onMessage: () => {}, onEnd: ended.resolve },
    )
    expect(await ended.promise).toEqual({ kind: 'exit', code: 3 })
    expect(vi.getTimerCount()).toBe(0)
    // Nobody is there any more, which is no fault.
    cell.post({ kind: 'late' }, [])
  } finally {
    vi.useRealTimers()
  }
})
