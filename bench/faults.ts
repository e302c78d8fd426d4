/** How fast a mesh is about processes that die, freeze or are cut off, and how calm about one that is busy. */

import { randomUUID } from 'node:crypto'

import {
  MeshProcess,
  countOf,
  oneWithWorkers,
  untilAllMet,
  untilAllSee,
  untilNobodyIsSuspected,
  untilOneEach,
} from '../test/e2e/mesh-process.ts'
import { Lab, ipOf, whyNoNamespaces } from '../test/e2e/namespaces.ts'
import { type Bench, type Measurement, median } from './bench.ts'

const NODES = 5
const WORKERS = Array.from({ length: 15 }, (_, index) => `w${index}`)
const PARTITION_MS = 60_000
const BURN_MS = 60_000
const BURN_SHARE = 0.9

async function startMesh(count: number): Promise<MeshProcess[]> {
  const cluster = randomUUID()
  const first = await MeshProcess.start({ cluster, name: 'n1', seeds: [] })
  const names = Array.from({ length: count - 1 }, (_, index) => `n${index + 2}`)
  const others = await Promise.all(
    names.map(name => MeshProcess.start({ cluster, name, seeds: [first.address] })),
  )
  const processes = [first, ...others]
  await settle(processes)
  return processes
}

async function settle(processes: readonly MeshProcess[]): Promise<void> {
  await untilAllSee('all are up', processes, processes)
  await processes[0]?.addWorkers(WORKERS.length)
  await untilOneEach('they have started', processes, WORKERS)
  await untilAllMet('it has formed', processes)
}

async function kill(processes: readonly MeshProcess[]): Promise<void> {
  await Promise.all(processes.map(process => process.kill()))
}

/** Calls each worker until it answers. @throws {Error} unless all answers come from these, and they are alive */
async function untilAllAnswer(workers: readonly string[], processes: readonly MeshProcess[]): Promise<void> {
  const answers = await Promise.all(workers.map(async worker => [worker, await processes[0]?.call(worker)]))
  const isFrom = (answer: unknown): boolean => processes.some(({ pid, isOver }) => pid === answer && !isOver)
  const wrong = answers
    .filter(([, answer]) => !isFrom(answer))
    .map(([worker, answer]) => `${worker}: ${answer}`)
  if (wrong.length > 0 || answers.length === 0)
    throw new Error(
      `${wrong.length} of ${workers.length} workers do not answer from elsewhere: ${wrong.join('; ')}`,
    )
}

/** Runs a round on a mesh of its own. */
function onMesh(
  round: (processes: readonly MeshProcess[]) => Promise<readonly Measurement[]>,
  count = NODES,
): Bench['start'] {
  return async () => ({
    round: async () => {
      const processes = await startMesh(count)
      try {
        return await round(processes)
      } finally {
        for (const process of processes) process.thaw()
        await kill(processes)
      }
    },
    stop: async () => {},
  })
}

/** From SIGKILL to its death being declared, on the median and on the last of the others. */
async function killing([victim, ...others]: readonly MeshProcess[]): Promise<readonly Measurement[]> {
  const killedMs = Date.now()
  await victim?.kill()
  const seen = await Promise.all(
    others.map(async other => {
      const find = (): number | undefined =>
        other.sightings.find(({ kind, about }) => kind === 'member:dead' && about === victim?.name)?.wallMs
      await other.until('it is dead', () => find() !== undefined)
      return ((find() ?? Number.NaN) - killedMs) / 1_000
    }),
  )
  const last = { value: Math.max(...seen) }
  return [{ value: median(seen) }, last, last]
}

function detecting(name: string, count: number, rounds: number): Bench {
  return {
    rounds,
    figures: [
      { name, unit: 's (half of the nodes)', goal: 0.8, better: 'less' },
      { name, unit: 's (all of the nodes)', goal: 0.8, better: 'less' },
      // Of so few rounds, what is wanted of 99 in 100 is wanted of each.
      { name, unit: 's (all of the nodes, p99)', goal: 2, better: 'less', judgedBy: 'worst' },
    ],
    start: onMesh(killing, count),
  }
}

export const detectKill = detecting('detect-kill', NODES, 7)
export const detectKill3 = detecting('detect-kill-3', 3, 5)
export const detectKill10 = detecting('detect-kill-10', 10, 5)
export const detectKill30 = detecting('detect-kill-30', 30, 3)

/** From SIGSTOP to an answer of a worker that was on the node, and from SIGCONT to each worker being in one place. */
export const failoverFreeze: Bench = {
  rounds: 5,
  figures: [
    { name: 'failover-freeze', unit: 's', goal: 3, better: 'less', judgedBy: 'worst' },
    { name: 'return-thaw', unit: 's', goal: 5, better: 'less', judgedBy: 'worst' },
  ],
  start: onMesh(async processes => {
    const frozen = oneWithWorkers(processes)
    const others = processes.filter(process => process !== frozen)
    const lost = frozen.sight.running
    const frozenMs = Date.now()
    frozen.freeze()
    await untilAllAnswer(lost, others)
    const routedMs = Date.now()
    await untilOneEach('it is frozen', others, WORKERS)
    const thawedMs = Date.now()
    frozen.thaw()
    await untilAllSee('it has thawed', processes, processes)
    await untilOneEach('it has thawed', processes, WORKERS)
    return [{ value: (routedMs - frozenMs) / 1_000 }, { value: (Date.now() - thawedMs) / 1_000 }]
  }),
}

/** A minute at nine tenths of a core on one node, up to 900 ms at a time: how many deaths are declared that are none. */
export const burn: Bench = {
  rounds: 1,
  figures: [{ name: 'calm-burn', unit: 'false deaths', goal: 0, better: 'less', judgedBy: 'worst' }],
  start: onMesh(async processes => {
    await processes[1]?.burn(BURN_SHARE, BURN_MS)
    await untilNobodyIsSuspected(processes)
    if (countOf('member:suspect', processes) === 0) throw new Error('nobody was suspected: it showed nothing')
    return [{ value: countOf('member:dead', processes) }]
  }),
}

/** Five machines, cut in two for a minute: from mending the cable to each worker being in one place. */
export const healPartition: Bench = {
  rounds: 1,
  figures: [{ name: 'heal-partition', unit: 's', goal: 10, better: 'less', judgedBy: 'worst' }],
  start: async () => ({ round: () => inLab('heal-partition', partition), stop: async () => {} }),
}

/**
 * Five machines, to and from one of which nothing gets through any more, without an error: until an answer of a worker
 * that was on it, and, when everything gets through again, until it is a member and each worker in one place.
 */
export const failoverBlackHole: Bench = {
  rounds: 3,
  figures: [
    { name: 'failover-black-hole', unit: 's', goal: 3, better: 'less', judgedBy: 'worst' },
    { name: 'return-black-hole', unit: 's', goal: 5, better: 'less', judgedBy: 'worst' },
  ],
  start: async () => ({ round: () => inLab('failover-black-hole', blackHole), stop: async () => {} }),
}

async function blackHole(processes: readonly MeshProcess[], lab: Lab): Promise<readonly Measurement[]> {
  const isolated = oneWithWorkers(processes)
  const machine = processes.indexOf(isolated) + 1
  const others = processes.filter(process => process !== isolated)
  const lost = isolated.sight.running
  const cutMs = Date.now()
  await lab.isolate(machine)
  await untilAllAnswer(lost, others)
  const routedMs = Date.now()
  await untilOneEach('it is cut off', others, WORKERS)
  await untilAllSee('it is cut off', [isolated], [isolated])
  await untilOneEach('it is cut off', [isolated], WORKERS)
  await lab.rejoin(machine)
  const healedMs = Date.now()
  await untilAllSee('it is back', processes, processes)
  await untilOneEach('it is back', processes, WORKERS)
  return [{ value: (routedMs - cutMs) / 1_000 }, { value: (Date.now() - healedMs) / 1_000 }]
}

/** Runs a round on a mesh of five machines of its own. */
async function inLab(
  name: string,
  round: (processes: readonly MeshProcess[], lab: Lab) => Promise<readonly Measurement[]>,
): Promise<readonly Measurement[]> {
  const obstacle = whyNoNamespaces()
  if (obstacle !== undefined) {
    console.error(`${name} is left out: ${obstacle}`)
    return []
  }
  const lab = await Lab.create(NODES)
  const machines = Array.from({ length: NODES }, (_, index) => index + 1)
  const cluster = randomUUID()
  const addressOf = (machine: number): string => `/ip4/${ipOf(machine)}/tcp/7000`
  const processes = await Promise.all(
    machines.map(machine => {
      const orders = {
        cluster,
        name: `n${machine}`,
        listen: addressOf(machine),
        seeds: machines.map(addressOf),
      }
      return MeshProcess.start(orders, lab.nameOf(machine))
    }),
  )
  try {
    await settle(processes)
    return await round(processes, lab)
  } finally {
    await kill(processes)
    await lab.remove()
  }
}

async function partition(processes: readonly MeshProcess[], lab: Lab): Promise<readonly Measurement[]> {
  const [left, right] = [processes.slice(0, 2), processes.slice(2)]
  await lab.cut()
  await new Promise(resolve => setTimeout(resolve, PARTITION_MS))
  await untilOneEach('the left side', left, WORKERS)
  await untilOneEach('the right side', right, WORKERS)
  const healedMs = Date.now()
  await lab.heal()
  await untilAllSee('it is mended', processes, processes)
  await untilOneEach('it is mended', processes, WORKERS)
  return [{ value: (Date.now() - healedMs) / 1_000 }]
}
