/** A process of `seed-pool.ts`: runs the seeds that it is sent, and ends when nobody is there to send any. */

import { fuzz } from './fuzz.ts'
import type { Portion } from './seed-pool.ts'

process.on('message', (seeds: Portion) => {
  void run(seeds)
})

async function run(seeds: Portion): Promise<void> {
  for (const seed of seeds) process.send?.(await fuzz(seed))
}
