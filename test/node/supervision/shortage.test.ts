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
/** Others are called by their ids. */
const NAMES = new Map([
  ['x1', 'right'],
  ['x2', 'left'],
  ['x3', 'left'],
])
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
    'no live node takes it that has all of a@1: 1 is emptied or about to leave (n2), 1 could not start it, and declines it for now (n1)',
  ],
  [
    'many nodes that are emptied',
    [unit('w', ['a@1'])],
    Array.from({ length: 12 }, (_, n) => node(`id${n}`, { draining: true })),
    'no live node takes it that has all of a@1: 12 are emptied or about to leave (id0, id1, id10, id11, id2, id3, id4, id5, id6, id7, and 2 more)',
  ],
  [
    'several that decline, of one name',
    [unit('w', ['a@1'])],
    ['x1', 'x2', 'x3'].map(id => node(id, { declines: ['w'] })),
    'no live node takes it that has all of a@1: 3 could not start it, and decline it for now (left, right)',
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
      'no live node takes it that has all of b@1: 1 is emptied or about to leave (n1)',
  ],
  [
    'very many',
    Array.from({ length: 13 }, (_, n) => unit(`w${n}`, [`c${n}@1`])),
    [],
    `no live node has ${Array.from({ length: 10 }, (_, n) => `the behaviour "c${n}@1"`).join(', ')}, and 3 more`,
  ],
])('where it is for the want of %s', (_what, units, nodes, wanted) => {
  expect(shortageOf(units, new Supply(nodes, NAMES))).toBe(wanted)
})
