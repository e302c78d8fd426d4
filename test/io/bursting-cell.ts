/** A thread or process of `cell-messages.test.ts`: says one thing, then two more and ends, while nobody reads that. */

import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'

const say = (text: string): Promise<void> =>
  new Promise(resolve => {
    if (parentPort === null) process.send?.(text, () => resolve())
    else resolve(parentPort.postMessage(text, []))
  })

await say('begun')
await sleep(20)
await Promise.all([say('result'), say('stray')])
process.exit(3)
