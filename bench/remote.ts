/** Calls and casts to a worker in another process, beside a bare socket. */

import type { Node } from '../src/index.ts'
import type { Bench, Measurement, Rig } from './bench.ts'
import { echo, payload } from './behaviours.ts'
import { type BenchMesh, startMesh } from './mesh.ts'
import { Child, numberOf } from './processes.ts'
import { RawClient } from './raw.ts'

const ROUND_MS = 1_500
const CASTS = 200_000
/** Casts between two questions whether they have arrived: nobody else would hold the sender back. */
const BURST = 4_000

type Caller = () => Promise<unknown>

/** Calls per second with `inFlight` of them on their way. */
export async function callRate(call: Caller, inFlight: number): Promise<number> {
  const startMs = performance.now()
  const endMs = startMs + ROUND_MS
  let count = 0
  const loop = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await call()
      count += 1
    }
  }
  await Promise.all(Array.from({ length: inFlight }, loop))
  return (count * 1_000) / (performance.now() - startMs)
}

/** Casts per second, until the other side has counted the last one. */
async function castRate(cast: () => void, counted: () => Promise<unknown>): Promise<number> {
  const before = Number(await counted())
  const startMs = performance.now()
  for (let sent = 0; sent < CASTS; sent += BURST) {
    for (let index = 0; index < BURST; index++) cast()
    await counted()
  }
  const missing = before + CASTS - Number(await counted())
  if (missing !== 0) throw new Error(`${missing} of ${CASTS} casts were lost`)
  return (CASTS * 1_000) / (performance.now() - startMs)
}

class RemoteRig implements Rig {
  readonly #mesh: BenchMesh
  readonly #child: Child
  readonly #measure: (node: Node, raw: RawClient) => Promise<readonly Measurement[]>
  readonly #raw: RawClient

  private constructor(
    mesh: BenchMesh,
    child: Child,
    raw: RawClient,
    measure: (node: Node, raw: RawClient) => Promise<readonly Measurement[]>,
  ) {
    this.#mesh = mesh
    this.#child = child
    this.#raw = raw
    this.#measure = measure
  }

  static async start(
    measure: (node: Node, raw: RawClient) => Promise<readonly Measurement[]>,
  ): Promise<RemoteRig> {
    const mesh = await startMesh(1)
    // Placement decides by the id: one of a few is placed on the other node.
    for (let index = 0; ; index++) {
      await mesh.node.addWorker({ id: `echo-${index}`, run: echo })
      const spec = mesh.node.snapshot().specs.at(-1)
      if (spec?.workers[0]?.node !== mesh.node.id) break
    }
    const child = new Child('raw-child.ts', [])
    const raw = await RawClient.connect(numberOf(await child.reply(), 'port'))
    return new RemoteRig(mesh, child, raw, measure)
  }

  round(): Promise<readonly Measurement[]> {
    return this.#measure(this.#mesh.node, this.#raw)
  }

  async stop(): Promise<void> {
    await this.#child.stop()
    await this.#mesh.stop()
  }
}

function remoteEcho(node: Node) {
  const spec = node.snapshot().specs.at(-1)
  return node.getWorker(spec?.id ?? '', echo)
}

const item = payload(1)

const DEAR = 'a bare socket neither enciphers nor routes'

export const remoteCalls: Bench = {
  figures: [
    {
      name: 'remote-call-256',
      unit: 'calls/s',
      goal: 200_000,
      better: 'more',
      goalRatio: 0.6,
      beside: 'a bare socket',
      knownMiss: { why: DEAR, limitRatio: 0.3 },
    },
    {
      name: 'remote-call-1',
      unit: 'calls/s',
      goal: 5_000,
      better: 'more',
      goalRatio: 0.6,
      beside: 'a bare socket',
      knownMiss: { why: DEAR, limitRatio: 0.15 },
    },
  ],
  start: () =>
    RemoteRig.start(async (node, raw) => {
      const worker = remoteEcho(node)
      const many = await callRate(() => worker.call.echo(item), 256)
      const manyRaw = await callRate(() => raw.call(item), 256)
      const one = await callRate(() => worker.call.echo(item), 1)
      const oneRaw = await callRate(() => raw.call(item), 1)
      return [
        { value: many, baseline: manyRaw },
        { value: one, baseline: oneRaw },
      ]
    }),
}

export const remoteCasts: Bench = {
  figures: [{ name: 'remote-cast', unit: 'casts/s', goal: 500_000, better: 'more', beside: 'a bare socket' }],
  start: () =>
    RemoteRig.start(async (node, raw) => {
      const worker = remoteEcho(node)
      const value = await castRate(
        () => worker.cast.note(item),
        () => worker.call.count(),
      )
      const baseline = await castRate(
        () => raw.note(item),
        () => raw.count(),
      )
      return [{ value, baseline }]
    }),
}
