// shell
/**
 * First light: three processes form a mesh and count the words of thousands of files; one of them is killed in the
 * middle, and nothing is lost. At the end the same files are counted without a mesh, and the two counts compared.
 */

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import type { ChainRef } from '../../node/chain/chain-ref.ts'
import { DemoCluster } from './cluster.ts'
import { UsageError } from '../usage-error.ts'
import { type Count, count, read, split } from './behaviours.ts'
import { counted } from './counted.ts'
import { filesOf } from './files.ts'
import { type PlainCount, plainCount } from './plain-count.ts'
import { Progress } from './progress.ts'
import { addCounts, isSameCount, mostFrequent } from './words.ts'

const CHAIN = 'words'
/** The share of files after which a process is killed. */
const KILL_AT = 0.4
const TOP_WORDS = 10
/** How many files may be on their way: enough to keep everybody busy, few enough that none waits long. */
const WINDOW_ITEMS = 64

export const DEMO_USAGE = `meshvisor demo [FOLDER] [--json]

  Counts the words of all text files below FOLDER with three processes, and kills one of them in the middle.
  FOLDER   default: the installed dependencies
  --json   print one more line at the end, as JSON

  Ends with 0 when nothing was lost, 1 when something was, or has failed, 2 when it cannot be called so,
  130 after SIGINT and 143 after SIGTERM: then it has ended what it had begun, and its processes.`

/** What the caller has counted, all in this process. */
interface Tally {
  readonly counts: Map<string, number>
  readonly finished: Set<string>
  texts: number
  binaries: number
  unreadable: number
  duplicates: number
}

/** @returns the exit code: 0 only when nothing was lost and both counts agree */
export async function demo(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  })
  const [given, extra] = positionals
  if (extra !== undefined) throw new UsageError(`demo takes one folder, found "${extra}" as well`)
  const folder = given ?? defaultFolder()
  const files = await filesOf(folder)
  console.log(`${counted(files.length, 'file')} below ${folder}`)
  const cluster = await DemoCluster.start(signal)
  try {
    console.log(`a mesh of three: ${cluster.describe()}`)
    const chain: ChainRef<string, Count[]> = await cluster.node.addChain(
      {
        id: CHAIN,
        windowItems: WINDOW_ITEMS,
        stages: [
          { id: 'read', run: read, workers: 2 },
          { id: 'split', run: split, workers: 4 },
          { id: 'count', run: count, workers: 2 },
        ],
      },
      { signal },
    )
    console.log(`read a file → split it into words → count them\n  ${cluster.layout(CHAIN)}`)
    const { tally, killed, seconds } = await countFiles(cluster, chain, files, signal)
    const { stats } = chain
    console.log(`counting the same files in this process alone, for comparison …`)
    const plain = await plainCount(files, signal)
    const lost = files.length - tally.finished.size
    const isIdentical = isSameCount(tally.counts, plain.counts) && tally.texts === plain.texts
    report(tally, plain, { stats, killed, seconds, lost, isIdentical })
    if (values.json) {
      console.log(
        JSON.stringify({
          files: tally.texts,
          items: stats.accepted,
          lost,
          duplicateResults: tally.duplicates,
          redelivered: stats.redelivered,
          killed,
          identical: isIdentical,
          seconds: Number(seconds.toFixed(3)),
          itemsPerSecond: Math.round(stats.finished / seconds),
        }),
      )
    }
    return isIdentical && lost === 0 ? 0 : 1
  } finally {
    await cluster.stop()
  }
}

async function countFiles(
  cluster: DemoCluster,
  chain: ChainRef<string, Count[]>,
  files: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly tally: Tally; readonly killed: number; readonly seconds: number }> {
  const tally: Tally = {
    counts: new Map(),
    finished: new Set(),
    texts: 0,
    binaries: 0,
    unreadable: 0,
    duplicates: 0,
  }
  const progress = new Progress(files.length)
  const stopListening = cluster.node.on('generation:run', ({ generation }) => {
    if (generation > 1) progress.say(`running again, as generation ${generation}: ${cluster.layout(CHAIN)}`)
  })
  const startMs = performance.now()
  const killAt = Math.max(1, Math.floor(files.length * KILL_AT))
  let killed = 0
  let done = 0
  for await (const outcome of chain.run(files, { signal })) {
    add(tally, files[done] ?? '', outcome)
    done += 1
    progress.update(done, (done * 1_000) / (performance.now() - startMs))
    if (done !== killAt) continue
    const victim = await cluster.kill(CHAIN)
    if (victim === undefined) continue
    killed += 1
    progress.say(`killed ${victim.name} (process ${victim.pid}) with SIGKILL`)
  }
  progress.end()
  stopListening()
  return { tally, killed, seconds: (performance.now() - startMs) / 1_000 }
}

function add(tally: Tally, file: string, outcome: readonly Count[]): void {
  if (tally.finished.has(file)) tally.duplicates += 1
  tally.finished.add(file)
  const skip = outcome.find(part => part.skip !== undefined)?.skip
  if (skip === 'binary') tally.binaries += 1
  else if (skip === 'unreadable') tally.unreadable += 1
  else tally.texts += 1
  for (const { content } of outcome) addCounts(tally.counts, content)
}

function report(
  tally: Tally,
  plain: PlainCount,
  run: {
    readonly stats: ChainRef['stats']
    readonly killed: number
    readonly seconds: number
    readonly lost: number
    readonly isIdentical: boolean
  },
): void {
  const { stats, killed, seconds, lost, isIdentical } = run
  const total = [...tally.counts.values()].reduce((sum, times) => sum + times, 0)
  const words = mostFrequent(tally.counts, TOP_WORDS).map(([word, times]) => `${word} ${times}`)
  console.log(`
${counted(total, 'word')}, ${counted(tally.counts.size, 'different one')}; most frequent: ${words.join(', ')}
${counted(tally.texts, 'text')}; left out: ${counted(tally.binaries, 'binary file')}, ${counted(tally.unreadable, 'unreadable one')}
${seconds.toFixed(1)} s, ${Math.round(tally.finished.size / seconds)} files/s, ${Math.round(total / seconds)} words/s
items sent ${stats.accepted}, finished ${stats.finished}, redelivered ${stats.redelivered}, lost ${lost}; processes killed ${killed}
the slowest item waited ${(stats.slowestMs / 1_000).toFixed(2)} s
counted without a mesh: ${counted(plain.texts, 'text')}, ${counted(plain.counts.size, 'different word')}: ${isIdentical ? 'identical' : 'NOT THE SAME'}`)
}

/** The dependencies of this package: in the repository below it, installed beside it. */
function defaultFolder(): string {
  const below = fileURLToPath(new URL('../../../node_modules', import.meta.url))
  return existsSync(below) ? below : fileURLToPath(new URL('../../../..', import.meta.url))
}
