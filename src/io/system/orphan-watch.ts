// shell
/**
 * Ends this process when the one that has started it is gone, even if the code here never lets go of its thread: a
 * thread of its own looks who the parent is. That costs some 18 MB, and is why nothing is left of a node that dies.
 */

import { Worker } from 'node:worker_threads'

const LOOK_MS = 500

/** Runs as it is, without a file of its own. An orphan gets another parent. */
const CODE = `
const { workerData } = require('node:worker_threads')
setInterval(() => {
  if (process.ppid !== workerData.parent) process.kill(process.pid, 'SIGKILL')
}, workerData.lookMs)
`

/** @param parent the process id of whoever has started this process */
export function watchParent(parent: number): void {
  const watch = new Worker(CODE, {
    eval: true,
    workerData: { parent, lookMs: LOOK_MS },
    name: 'orphan-watch',
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
  })
  watch.unref()
}
