import { expect, test } from 'vitest'

import { inheritedFlags } from '../../src/io/system/process-cell.ts'

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
