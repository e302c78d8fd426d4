/** How fast a whole mesh runs in one process: virtual seconds in each real one, under work and faults. */

import { type SimulatedMesh, simulate } from '../src/testing.ts'
import type { Bench, Measurement } from './bench.ts'
import { add, echo, idle, payload } from './behaviours.ts'

const NODES = 9
const WORKERS = 18
const MEMBERS = 9
/** Each has a part without faults, as long as the one with. */
const CYCLES = 12
const CALM_MS = 2_500
/** Calls, and as many items, at each moment: so often. */
const WORK_AT_ONCE = 5
const WORK_EVERY_MS = 250

async function declare(mesh: SimulatedMesh): Promise<void> {
  const node = mesh.node('n1')
  const members = Array.from({ length: MEMBERS }, (_, index) => ({ id: `m${index}`, run: idle }))
  const workers = Array.from({ length: WORKERS }, (_, index) =>
    node.addWorker({ id: `w${index}`, run: echo }),
  )
  const chain = node.addChain({
    id: 'chain',
    stages: [
      { id: 'one', run: add, workers: 3 },
      { id: 'two', run: add },
    ],
  })
  await mesh.settle(Promise.all([...workers, node.addGroup({ id: 'group', members }), chain]))
}

/** What comes of it does not matter here: nodes crash under it. */
function work(mesh: SimulatedMesh, round: number): void {
  const [from = ''] = mesh.awake
  for (let n = 0; n < WORK_AT_ONCE; n++) {
    const worker = mesh.node(from).findWorker(`w${(round + n) % WORKERS}`, echo)
    worker?.call.echo(payload(n)).catch(() => {})
    mesh
      .node(from)
      .findChain('chain')
      ?.send(payload(n))
      .catch(() => {})
  }
}

async function pass(mesh: SimulatedMesh, round: number): Promise<void> {
  for (let atMs = 0; atMs < CALM_MS; atMs += WORK_EVERY_MS) {
    work(mesh, round)
    await mesh.run(WORK_EVERY_MS)
  }
}

/** One node crashes, stands still, or is cut off, and comes back. */
async function trouble(mesh: SimulatedMesh, round: number): Promise<void> {
  const name = mesh.ids[1 + (round % (NODES - 1))] ?? ''
  const rest = mesh.ids.filter(id => id !== name)
  if (round % 3 === 0) mesh.crash(name)
  else if (round % 3 === 1) mesh.freeze(name)
  else mesh.partition([name], rest)
  await pass(mesh, round)
  if (round % 3 === 0) await mesh.start(name)
  else if (round % 3 === 1) mesh.thaw(name)
  else mesh.heal()
  await pass(mesh, round)
}

async function run(): Promise<readonly Measurement[]> {
  await using mesh = await simulate({ nodes: NODES, behaviours: [echo, idle, add] })
  await declare(mesh)
  const [virtualMs, startMs] = [mesh.nowMs, performance.now()]
  for (let round = 0; round < CYCLES; round++) await trouble(mesh, round)
  return [{ value: (mesh.nowMs - virtualMs) / (performance.now() - startMs) }]
}

export const simSpeed: Bench = {
  figures: [{ name: 'sim-speed', unit: 'virtual s / s', goal: 200, better: 'more' }],
  start: async () => {
    // The first run is slow: nothing is compiled yet.
    await run()
    return { round: run, stop: async () => {} }
  },
}
