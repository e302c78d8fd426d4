/** A module that nodes can import, and threads and processes cannot. */

import { isMainThread } from 'node:worker_threads'

import { defineServer } from '../../../src/node/workers/behaviours.ts'

const isCell = !isMainThread || process.argv[1]?.includes('cell-main') === true
if (isCell) throw new Error('not in a cell')

export const unfit = defineServer('unfit', { init: () => ({}) })
