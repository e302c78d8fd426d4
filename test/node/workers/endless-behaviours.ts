/** A module whose import never ends in threads and processes. */

import { isMainThread } from 'node:worker_threads'

import { defineServer } from '../../../src/node/workers/behaviours.ts'

const isCell = !isMainThread || process.argv[1]?.includes('cell-main') === true
if (isCell) {
  setInterval(() => {}, 1_000)
  await new Promise(() => {})
}

export const endless = defineServer('endless', { init: () => ({}) })
