/** A module of behaviours that says whose code has imported it. */

import { defineServer } from '../../../src/node/workers/behaviours.ts'
import { currentWorker } from '../../../src/node/workers/scope.ts'

const importedBy = currentWorker()?.worker ?? 'nobody'

export const imported = defineServer('imported', {
  init: () => ({}),
  call: { importedBy: () => importedBy },
})
