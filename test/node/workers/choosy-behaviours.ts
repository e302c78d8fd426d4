/** A module that no thread or process can import under a name that ends so. */

import { isMainThread } from 'node:worker_threads'

import { defineServer } from '../../../src/node/workers/behaviours.ts'

const isCell = !isMainThread || process.argv[1]?.includes('cell-main') === true
if (isCell && import.meta.url.endsWith('?not-in-a-cell')) throw new Error('not in a cell')

export const choosy = defineServer('choosy', {
  init: context => context.node,
  call: { node: state => state },
})
