/** A chain of three stages over three processes, beside bare forwarding. */

import type { Bench, Measurement, Rig } from './bench.ts'
import { add, payload } from './behaviours.ts'
import { Forwarder } from './forward.ts'
import { type BenchMesh, startMesh } from './mesh.ts'
import { Child, textOf } from './processes.ts'

const ITEMS = 150_000
const WARM_UP_ITEMS = 30_000
/** As many on their way as the chain has by default. */
const WINDOW = 4_096

/** Three forwarders in a row, and back to this process. */
class Line {
  readonly #children: readonly Child[]
  readonly #entrance: Forwarder
  #received = 0
  #inFlight = 0
  #wake: (() => void) | undefined

  private constructor(children: readonly Child[], entrance: Forwarder) {
    this.#children = children
    this.#entrance = entrance
  }

  static async start(): Promise<Line> {
    const children = [1, 2, 3].map(() => new Child('forward-child.ts', []))
    const addresses = (await Promise.all(children.map(child => child.reply()))).map(reply =>
      textOf(reply, 'address'),
    )
    const made: { line?: Line } = {}
    const entrance = await Forwarder.start(() => made.line?.onItem())
    const line = new Line(children, entrance)
    made.line = line
    const nexts = [addresses[1], addresses[2], entrance.address]
    for (const [index, child] of children.entries()) await child.ask({ next: nexts[index] })
    await entrance.connect(addresses[0] ?? '')
    return line
  }

  onItem(): void {
    this.#received += 1
    this.#inFlight -= 1
    if (this.#inFlight < WINDOW / 2) this.#wake?.()
  }

  async run(count: number): Promise<void> {
    this.#received = 0
    for (let index = 0; index < count; index++) {
      this.#entrance.send(payload(index))
      this.#inFlight += 1
      if (this.#inFlight >= WINDOW) await new Promise<void>(resolve => (this.#wake = resolve))
    }
    while (this.#received < count) await new Promise<void>(resolve => (this.#wake = resolve))
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map(child => child.stop()))
    await this.#entrance.stop()
  }
}

class ChainRig implements Rig {
  readonly #mesh: BenchMesh
  readonly #line: Line
  readonly #run: (count: number) => Promise<void>

  private constructor(mesh: BenchMesh, line: Line, run: (count: number) => Promise<void>) {
    this.#mesh = mesh
    this.#line = line
    this.#run = run
  }

  static async start(): Promise<ChainRig> {
    const mesh = await startMesh(3)
    const { node } = mesh
    // A chain whose three stages are on the three other nodes: placement decides by the id.
    for (let index = 0; ; index++) {
      const id = `chain-${index}`
      const chain = await node.addChain({
        id,
        stages: [
          { id: 'a', run: add },
          { id: 'b', run: add },
          { id: 'c', run: add },
        ],
      })
      const workers = node.snapshot().specs.find(spec => spec.id === id)?.workers ?? []
      if (workers.every(worker => worker.node !== node.id)) {
        const run = async (count: number): Promise<void> => {
          const items = (function* () {
            for (let n = 0; n < count; n++) yield payload(n)
          })()
          let next = 0
          for await (const outcome of chain.run(items)) {
            if (outcome?.n !== next + 3) throw new Error(`outcome ${next} is ${JSON.stringify(outcome)}`)
            next += 1
          }
        }
        const rig = new ChainRig(mesh, await Line.start(), run)
        await run(WARM_UP_ITEMS)
        return rig
      }
      await node.removeChain(id)
    }
  }

  async round(): Promise<readonly Measurement[]> {
    const value = await rate(this.#run)
    const baseline = await rate(count => this.#line.run(count))
    return [{ value, baseline }]
  }

  async stop(): Promise<void> {
    await this.#line.stop()
    await this.#mesh.stop()
  }
}

async function rate(run: (count: number) => Promise<void>): Promise<number> {
  const startMs = performance.now()
  await run(ITEMS)
  return (ITEMS * 1_000) / (performance.now() - startMs)
}

export const chain3: Bench = {
  figures: [
    {
      name: 'chain-3-r1',
      unit: 'items/s',
      goal: 120_000,
      better: 'more',
      goalRatio: 0.6,
      beside: 'bare forwarding',
      knownMiss: { why: 'bare forwarding holds and acknowledges nothing', limitRatio: 0.35 },
    },
  ],
  start: () => ChainRig.start(),
}
