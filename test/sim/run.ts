/**
 * `npm run sim -- --seeds 100 [--from 1] [--jobs 2]`: random schedules, on all cores. A failure prints the seed that
 * replays it: `npm run sim -- --seed 17 --trace`.
 */

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'

import { fuzz } from './fuzz.ts'
import { SeedPool } from './seed-pool.ts'
import { Tally } from './tally.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
})

const first = Number(values.from)
const count = Number(values.seeds)
const jobs = Number(values.jobs)
if (![first, count, jobs].every(Number.isInteger) || count < 1 || jobs < 1) {
  console.error(
    'usage: npm run sim -- --seeds 100 [--from 1] [--jobs 2], or: npm run sim -- --seed 17 [--trace]',
  )
  process.exit(2)
}

const tally = new Tally()
if (values.seed === undefined) {
  const pool = new SeedPool({ first, count, jobs, onResult: result => tally.add(result) })
  await pool.run()
} else {
  tally.add(await fuzz(values.seed, values.trace ? { onTrace: line => console.log(line) } : {}))
}
console.log(tally.report())
process.exit(tally.failed.length + tally.missing.length === 0 ? 0 : 1)
