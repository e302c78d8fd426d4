/** A worker that can get stuck in a native call, which no thread can be ended in. */

import { execFileSync } from 'node:child_process'
import { threadId } from 'node:worker_threads'

import { defineServer } from '../../../src/node/workers/behaviours.ts'

/** Until there is the file, and for a minute at most, so that nothing stays behind where a test has failed. */
const UNTIL_THERE = 'n=0; until [ -e "$0" ] || [ $n -ge 600 ]; do sleep 0.1; n=$((n + 1)); done'

export const stuck = defineServer('stuck', {
  init: context => ({ context }),
  call: {
    thread: (): number => threadId,
    hang: ({ context }, file: string): void => {
      context.log.info({}, `${context.worker} hangs`)
      execFileSync('sh', ['-c', UNTIL_THERE, file])
    },
  },
})
