/**
 * Golden vectors: what every release that follows rules of one version, and every other implementation of them, must
 * compute. `node test/placement/golden.ts --write` draws them anew: only together with another `PLACEMENT_VERSION`, as
 * nodes of two rules under one version would each be sure of the same slot.
 */

import { readFileSync, writeFileSync } from 'node:fs'

import { hash64, toHex } from '../../src/hash.ts'
import { firstChoice, place } from '../../src/placement/placement.ts'
import { negativeLog } from '../../src/placement/score.ts'
import {
  type Decline,
  PLACEMENT_DEFAULTS,
  type PlacementOptions,
  type Unit,
} from '../../src/placement/unit.ts'
import { type Candidate, PLACEMENT_VERSION, viewHash } from '../../src/placement/view.ts'
import { History } from './history.ts'

/** One line of the file. */
export type Vector =
  | { readonly kind: 'hash'; readonly text: string; readonly hash: string }
  /** `value` is -ln((hash + 0.5) / 2^32), as the shortest text that is that double. */
  | { readonly kind: 'log'; readonly hash: number; readonly value: number }
  | {
      readonly kind: 'first'
      readonly key: string
      readonly nodes: readonly string[]
      readonly choice: string
    }
  | {
      readonly kind: 'place'
      readonly nodes: readonly Candidate[]
      readonly units: readonly Unit[]
      readonly declines: readonly Decline[]
      readonly options: PlacementOptions
      readonly viewHash: string
      /** By unit: the node, with a `!` before it where the unit did not fit. Sorted by unit. */
      readonly owners: Readonly<Record<string, string>>
    }

const FILE = new URL(`golden-${PLACEMENT_VERSION}.jsonl`, import.meta.url)

export function readGolden(): Vector[] {
  const vectors: Vector[] = JSON.parse(`[${readFileSync(FILE, 'utf8').trimEnd().replaceAll('\n', ',')}]`)
  return vectors
}

/** The owners as the file has them. */
export function ownersText(
  owners: ReadonlyMap<string, { readonly node: string; readonly overflow: boolean }>,
): Record<string, string> {
  const entries = [...owners].map(([id, { node, overflow }]) => [id, overflow ? `!${node}` : node] as const)
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function draw(): Vector[] {
  const texts = ['', 'a', 'line/log', 'words/tokenize/0', 'größe', '日本', '\u{1f41d}', 'x'.repeat(100)]
  const hashes = [0, 1, 2, 3, 0xffff, 0x7fffffff, 0x80000000, 0xb504f333, 0xfffffffe, 0xffffffff]
  const names = ['n0', 'n1', 'n2', 'n3', 'n4']
  return [
    ...texts.map((text): Vector => ({ kind: 'hash', text, hash: toHex(hash64(text)) })),
    ...hashes.map((hash): Vector => ({ kind: 'log', hash, value: negativeLog(hash) })),
    ...texts.map((key): Vector => ({
      kind: 'first',
      key,
      nodes: names,
      choice: firstChoice(key, names) ?? '',
    })),
    ...Array.from({ length: 32 }, (_, index) => drawPlacement(`golden ${index}`, index % 2 === 0)),
  ]
}

function drawPlacement(seed: string, isUsual: boolean): Vector {
  const history = new History(seed, { nodesMax: 8, unitsMax: 24, steps: 10, batchMax: 12 })
  history.run()
  const nodes = [...history.nodes.values()]
  const units = [...history.units.values()]
  const declines = [...history.declines.values()]
  // Half of them as meshes are, half of them with bounds that are tighter or wider.
  const { loadFactor } = isUsual ? PLACEMENT_DEFAULTS : history.options
  const options = { ...history.options, loadFactor }
  const owners = ownersText(place(nodes, units, options, declines))
  return {
    kind: 'place',
    nodes,
    units,
    declines,
    options,
    viewHash: viewHash(nodes),
    owners,
  }
}

if (process.argv.includes('--write')) {
  writeFileSync(
    FILE,
    draw()
      .map(vector => `${JSON.stringify(vector)}\n`)
      .join(''),
  )
}
