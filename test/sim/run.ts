/**
 * `npm run sim -- --seeds 100 [--from 1]`: random schedules, one after the other. A failure prints the seed that
 * replays it: `npm run sim -- --seed 17 --trace`.
 */

import { parseArgs } from 'node:util'

import { fuzz } from './fuzz.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
})

const first = Number(values.from)
const count = Number(values.seeds)
if (!Number.isInteger(first) || !Number.isInteger(count) || count < 1) {
  console.error('usage: npm run sim -- --seeds 100 [--from 1], or: npm run sim -- --seed 17 [--trace]')
  process.exit(2)
}
const seeds =
  values.seed === undefined
    ? Array.from({ length: count }, (_, index) => String(first + index))
    : [values.seed]

const startedMs = performance.now()
let virtualMs = 0
const failed: string[] = []
const totals: Record<string, number> = {}
for (const seed of seeds) {
  const result = await fuzz(seed, values.trace ? { onTrace: line => console.log(line) } : {})
  virtualMs += result.virtualMs
  for (const [kind, times] of Object.entries(result.counts)) totals[kind] = (totals[kind] ?? 0) + times
  if (result.failure === undefined) continue
  failed.push(seed)
  console.error(`seed ${seed}: ${result.failure}\n  replay: npm run sim -- --seed ${seed}`)
}
const realMs = performance.now() - startedMs
console.log(
  `${seeds.length} seeds, ${failed.length} failed; ${Math.round(virtualMs / 1000)} virtual s in ${(realMs / 1000).toFixed(1)} s ` +
    `(${Math.round(virtualMs / realMs)} : 1); ${JSON.stringify(totals)}`,
)
process.exit(failed.length === 0 ? 0 : 1)
