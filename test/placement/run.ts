/**
 * `npm run placement -- --checks 10000000 [--from 1]`: random histories; after each batch of changes the incremental
 * engine must say what the executable specification says. An error names the seed.
 */

import { parseArgs } from 'node:util'

import { LARGE, MIDDLE, SMALL, compare } from './history.ts'

const { values } = parseArgs({
  options: {
    checks: { type: 'string', default: '1000000' },
    from: { type: 'string', default: '1' },
  },
})
const checks = Number(values.checks)
const from = Number(values.from)
if (!Number.isInteger(checks) || checks < 1 || !Number.isInteger(from)) {
  console.error('usage: npm run placement -- --checks 1000000 [--from 1]')
  process.exit(2)
}

const startedMs = performance.now()
const done = [SMALL, MIDDLE, LARGE].map(size => ({ size, ...compare(size, Math.ceil(checks / 3), from) }))
for (const { size, checks: units, histories } of done) {
  const changes = (histories * size.steps * (1 + size.batchMax)) / 2
  console.log(
    `up to ${size.nodesMax} nodes, ${size.unitsMax} units: ${units} unit checks in ${histories} histories, ` +
      `about ${Math.round(changes)} changes`,
  )
}
const total = done.reduce((sum, { checks: units }) => sum + units, 0)
console.log(`${total} unit checks in ${((performance.now() - startedMs) / 1000).toFixed(1)} s, no difference`)
