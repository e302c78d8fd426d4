/**
 * `npm run bench [-- NAME…] [--json] [--rounds N]`: figures, each beside its baseline where it has one. Ends with 1 where
 * one of them misses its goal and is not known to, or is worse than is known, or could not be taken.
 */

import { parseArgs } from 'node:util'

import { type Bench, type Figure, type Measurement, type Result, resultOf } from './bench.ts'
import { threadCalls } from './cells.ts'
import { chain3 } from './chain.ts'
import { chainLatency, localChain } from './local-chain.ts'
import {
  burn,
  detectKill,
  detectKill10,
  detectKill3,
  detectKill30,
  failoverBlackHole,
  failoverFreeze,
  healPartition,
} from './faults.ts'
import { form10, form30, form3 } from './form.ts'
import { idle10, idle50, idleLong, idleNode } from './idle.ts'
import { localCalls, localCasts } from './local.ts'
import { placementFull, placementJoin, placementLookup, placementUnit } from './placement.ts'
import { restarts } from './restart.ts'
import { simSpeed } from './simulation.ts'
import { remoteCalls, remoteCasts } from './remote.ts'
import { idleWorker, workers10k } from './workers.ts'

const BENCHES: readonly Bench[] = [
  remoteCalls,
  remoteCasts,
  localCalls,
  localCasts,
  chain3,
  chainLatency,
  localChain,
  form3,
  form10,
  form30,
  detectKill,
  detectKill3,
  detectKill10,
  detectKill30,
  failoverFreeze,
  failoverBlackHole,
  healPartition,
  burn,
  idleNode,
  idle10,
  idle50,
  idleLong,
  workers10k,
  idleWorker,
  placementLookup,
  placementFull,
  placementJoin,
  placementUnit,
  threadCalls,
  restarts,
  simSpeed,
]
const ROUNDS = 5

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string' } },
})

const names = new Set(BENCHES.flatMap(bench => bench.figures.map(figure => figure.name)))
const unknown = positionals.filter(name => !names.has(name))
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}; there are: ${[...names].join(', ')}`)
  process.exit(2)
}

let hasFailed = false
for (const bench of BENCHES) {
  const isWanted = positionals.length === 0 || bench.figures.some(figure => positionals.includes(figure.name))
  if (isWanted) await measure(bench)
}
process.exit(hasFailed ? 1 : 0)

async function measure(bench: Bench): Promise<void> {
  const rounds: (readonly Measurement[])[] = []
  const rig = await bench.start()
  const count = values.rounds === undefined ? (bench.rounds ?? ROUNDS) : Number(values.rounds)
  for (let round = 0; round < count; round++) rounds.push(await rig.round())
  await rig.stop()
  for (const [index, figure] of bench.figures.entries()) {
    const measurements = rounds.flatMap(round => round[index] ?? [])
    const result = resultOf(figure, measurements)
    if (result.fails) hasFailed = true
    console.log(values.json ? JSON.stringify(result) : lineOf(figure, result, measurements))
  }
}

function lineOf(figure: Figure, result: Result, measurements: readonly Measurement[]): string {
  const name = figure.name.padEnd(16)
  if (result.value === null) return `${name} NOT MEASURED: ${figure.unit}`
  const all = measurements.map(measurement => measurement.value)
  const spread = `${short(Math.min(...all))} to ${short(Math.max(...all))}`
  const beside =
    result.ratio === null
      ? ''
      : `; ${result.ratio.toFixed(2)} × ${figure.beside ?? 'the baseline'} (${short(result.baseline ?? 0)})` +
        (figure.goalRatio === undefined ? '' : `, wanted ${figure.goalRatio}`)
  const sign = figure.better === 'more' ? '≥' : '≤'
  const goal = `${figure.judgedBy === 'worst' ? 'goal of every round' : 'goal'} ${sign} ${short(figure.goal)}`
  return `${name} ${short(result.value)} ${figure.unit} (${spread}), ${goal}${beside}: ${verdictOf(figure, result)}`
}

function verdictOf({ knownMiss }: Figure, { met, fails }: Result): string {
  if (met) return 'met'
  if (knownMiss === undefined) return 'NOT MET'
  return fails ? 'NOT MET, and worse than is known' : `NOT MET, as is known: ${knownMiss.why}`
}

function short(number: number): string {
  return number >= 10_000 ? `${(number / 1_000).toFixed(0)} k` : String(Number(number.toPrecision(3)))
}
