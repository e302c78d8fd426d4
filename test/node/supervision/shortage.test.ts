/** What is said of workers that no live node runs. */

import { expect, test } from 'vitest'

import { shortageOf } from '../../../src/node/supervision/shortage.ts'
import { Supply } from '../../../src/node/supervision/supply.ts'
import type { Unit } from '../../../src/placement/unit.ts'
import type { Candidate } from '../../../src/placement/view.ts'

const node = (id: string, more: Partial<Candidate> = {}): Candidate => ({
  id,
  weight: 1,
  zone: '',
  labels: {},
  behaviours: ['a@1', 'a@1 isolated', 'b@1'],
  draining: false,
  ...more,
})
const unit = (id: string, needs: readonly string[], selector?: Readonly<Record<string, string>>): Unit => ({
  id,
  needs,
  ...(selector === undefined ? {} : { selector }),
})
const gpu = { gpu: 'yes' }

test.each([
  [
    'a behaviour that there is not',
    [unit('w', ['c@1'])],
    [node('n1')],
    'no live node has the behaviour "c@1"',
  ],
  ['no node at all', [unit('w', ['c@1'])], [], 'no live node has the behaviour "c@1"'],
  [
    'another version of it',
    [unit('w', ['a@2'])],
    [node('n1'), node('n2', { behaviours: ['a@3', 'ab@2'] })],
    'no live node has the behaviour "a@2" (but a@1, a@3)',
  ],
  [
    'a behaviour that nobody can run in a thread',
    [unit('w', ['b@1 isolated'])],
    [node('n1')],
    'no live node has the behaviour "b@1" by the URL of its module, as a thread or process wants it',
  ],
  [
    'a behaviour for a thread that there is not',
    [unit('w', ['c@1 isolated'])],
    [node('n1')],
    'no live node has the behaviour "c@1"',
  ],
  ['a label', [unit('w', ['a@1'], gpu)], [node('n1')], 'no live node has the label gpu=yes'],
  [
    'a label of another value, and a behaviour',
    [unit('w', ['c@1'], gpu)],
    [node('n1', { labels: { gpu: 'no' } })],
    'no live node has the behaviour "c@1", the label gpu=yes',
  ],
  [
    'both, on two nodes',
    [unit('w', ['a@1'], gpu)],
    [node('n1'), node('n2', { behaviours: [], labels: gpu })],
    'no live node has all of: a@1, gpu=yes',
  ],
  [
    'a node that is emptied, and one that declines',
    [unit('w', ['a@1']), unit('v', ['a@1'])],
    [node('n2', { draining: true }), node('n1', { declines: ['v'] }), node('n3', { declines: ['x'] })],
    'no live node takes it (emptied, or about to leave: n2; could not start it, and decline it for now: n1) that has all of: a@1',
  ],
  [
    'several things, each once',
    [
      unit('u', ['c@1']),
      unit('v', ['c@1']),
      unit('w', ['a@1'], gpu),
      unit('x', ['b@1'], { ...gpu, far: 'no' }),
      unit('y', ['b@1']),
    ],
    [node('n1', { draining: true }), node('n2', { behaviours: [], labels: gpu })],
    'no live node has the behaviour "c@1", the label far=no; no live node has all of: a@1, gpu=yes; ' +
      'no live node takes it (emptied, or about to leave: n1) that has all of: b@1',
  ],
  [
    'very many',
    Array.from({ length: 13 }, (_, n) => unit(`w${n}`, [`c${n}@1`])),
    [],
    `no live node has ${Array.from({ length: 10 }, (_, n) => `the behaviour "c${n}@1"`).join(', ')}, and 3 more`,
  ],
])('where it is for the want of %s', (_what, units, nodes, wanted) => {
  expect(shortageOf(units, new Supply(nodes))).toBe(wanted)
})
