/** Calls and casts to a worker of the same node, beside the least that could queue and answer them. */

import { type WorkerRef } from '../src/index.ts'
import type { Bench, Measurement, Rig } from './bench.ts'
import { type Payload, echo, payload } from './behaviours.ts'
import { type BenchMesh, startMesh } from './mesh.ts'

const CALLS = 300_000
const CALLS_IN_FLIGHT = 256
const CASTS = 1_000_000
/** Casts between two questions whether they have arrived. */
const BURST = 4_000

interface Echo {
  call(item: Payload): Promise<unknown>
  cast(item: Payload): void
  count(): Promise<number>
}

/** A queue and a microtask: no limits, no time-outs, no supervision. */
class BareServer implements Echo {
  readonly #queue: (() => void)[] = []
  #count = 0

  call(item: Payload): Promise<unknown> {
    return new Promise(resolve => this.#put(() => resolve(item)))
  }

  cast(_item: Payload): void {
    this.#put(() => (this.#count += 1))
  }

  count(): Promise<number> {
    return new Promise(resolve => this.#put(() => resolve(this.#count)))
  }

  #put(job: () => void): void {
    if (this.#queue.push(job) > 1) return
    queueMicrotask(() => {
      for (const next of this.#queue) next()
      this.#queue.length = 0
    })
  }
}

class Worker implements Echo {
  readonly #ref: WorkerRef<typeof echo>

  constructor(ref: WorkerRef<typeof echo>) {
    this.#ref = ref
  }

  call(item: Payload): Promise<unknown> {
    return this.#ref.call.echo(item)
  }

  cast(item: Payload): void {
    this.#ref.cast.note(item)
  }

  count(): Promise<number> {
    return this.#ref.call.count()
  }
}

async function callRate(server: Echo): Promise<number> {
  const item = payload(1)
  const startMs = performance.now()
  let left = CALLS
  const loop = async (): Promise<void> => {
    while (left-- > 0) await server.call(item)
  }
  await Promise.all(Array.from({ length: CALLS_IN_FLIGHT }, loop))
  return (CALLS * 1_000) / (performance.now() - startMs)
}

async function castRate(server: Echo): Promise<number> {
  const item = payload(1)
  const before = await server.count()
  const startMs = performance.now()
  for (let sent = 0; sent < CASTS; sent += BURST) {
    for (let index = 0; index < BURST; index++) server.cast(item)
    await server.count()
  }
  const missing = before + CASTS - (await server.count())
  if (missing !== 0) throw new Error(`${missing} of ${CASTS} casts were lost`)
  return (CASTS * 1_000) / (performance.now() - startMs)
}

class LocalRig implements Rig {
  readonly #mesh: BenchMesh
  readonly #worker: Echo
  readonly #measure: (server: Echo) => Promise<number>

  private constructor(mesh: BenchMesh, worker: Echo, measure: (server: Echo) => Promise<number>) {
    this.#mesh = mesh
    this.#worker = worker
    this.#measure = measure
  }

  static async start(measure: (server: Echo) => Promise<number>): Promise<LocalRig> {
    const mesh = await startMesh(0)
    const worker = new Worker(await mesh.node.addWorker({ id: 'echo', run: echo }))
    return new LocalRig(mesh, worker, measure)
  }

  async round(): Promise<readonly Measurement[]> {
    const value = await this.#measure(this.#worker)
    return [{ value, baseline: await this.#measure(new BareServer()) }]
  }

  stop(): Promise<void> {
    return this.#mesh.stop()
  }
}

const beside = 'a bare queue'

export const localCalls: Bench = {
  figures: [{ name: 'local-call', unit: 'calls/s', goal: 1_000_000, better: 'more', beside }],
  start: () => LocalRig.start(callRate),
}

export const localCasts: Bench = {
  figures: [{ name: 'local-cast', unit: 'casts/s', goal: 5_000_000, better: 'more', beside }],
  start: () => LocalRig.start(castRate),
}
