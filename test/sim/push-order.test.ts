/** What a stage does that was passed over for a while: in the order of sending (I34), but for an owner from before. */

import { describe, expect, test } from 'vitest'

import type { ChainHandle } from '../../src/node/chain-handle.ts'
import { nodeId } from '../../src/ids.ts'
import { defineStage } from '../../src/node/workers/behaviours.ts'
import { type FencingToken, compareTokens } from '../../src/protocol/fencing-token.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { type DoneBy, PushOrder } from './push-order.ts'

/** At this one, the first stage ends; once. */
const END = 4

interface Deed extends DoneBy {
  readonly node: string
  readonly attempt: number
}

/** A chain whose first stage ends, and what is done there. */
class Turnstile {
  readonly order = new PushOrder({ gate: 'sort' })
  readonly deeds: Deed[] = []
  #hasEnded = false
  readonly #gate = defineStage('gate', (n: number, context) => {
    if (n === END && !this.#hasEnded) {
      this.#hasEnded = true
      context.stop()
    }
    const { item, token, node, attempt } = context
    this.deeds.push({ item, token, node, attempt })
    this.order.complete(context, 'gate', 0)
    return n
  })
  readonly #sort = defineStage('sort', (n: number, context) => {
    this.order.complete(context, 'sort', 0)
    return n
  })

  get behaviours() {
    return [this.#gate, this.#sort]
  }

  async add(mesh: SimulatedMesh): Promise<void> {
    const stages = [
      { id: 'gate', run: this.#gate, restart: 'transient' },
      { id: 'sort', run: this.#sort },
    ] as const
    await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages }))
  }

  doneBy(node: string): Deed[] {
    return this.deeds.filter(deed => deed.node === node)
  }
}

function kindsOf(chain: ChainHandle<number, number>): (string | undefined)[] {
  return chain.stages().flatMap(({ workers }) => workers.map(({ kind }) => kind))
}

/** Puts some in, of these numbers, and waits until they are through. */
async function putIn(mesh: SimulatedMesh, chain: ChainHandle<number, number>, from: number, to: number) {
  for (let n = from; n <= to; n++) await mesh.settle(chain.send(n))
  await mesh.until('all are through', () => chain.stats.finished === to + 1, 20_000)
}

test.each(['heard of', 'cut off'])(
  'who stood still while its stage was passed over does there what went past it, under an older token: %s',
  async how => {
    const turnstile = new Turnstile()
    await using mesh = await simulate({ behaviours: turnstile.behaviours })
    await allSeeAll(mesh)
    await turnstile.add(mesh)
    const owner = mesh.node('n1').getChain('c').stages()[0]?.workers[0]?.node ?? ''
    const others = mesh.ids.filter(id => id !== owner)
    const chain = mesh.node(others[0] ?? '').getChain<number, number>('c')
    await mesh.until('it runs there too', () => kindsOf(chain).every(kind => kind === 'running'))
    await putIn(mesh, chain, 0, 0)
    mesh.freeze(owner)
    // What waits at the owner: its successor ends at one of them, and what is behind that goes past.
    await putIn(mesh, chain, 1, 9)
    expect(kindsOf(chain)[0]).toBe('ended')
    await mesh.settle(chain.restartStage('gate'))
    await putIn(mesh, chain, 10, 12)
    const before = turnstile.deeds.map(({ item: { n } }) => n)
    expect(before).toEqual([1, 2, 3, 4, 5, 11, 12, 13])

    if (how === 'cut off') mesh.partition([owner], others)
    mesh.thaw(owner)
    await mesh.until('it goes on', () => turnstile.doneBy(owner).length === 10)
    expect(turnstile.doneBy(owner).map(({ item: { n } }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    // As any resource can tell that has kept the largest token; and nobody waits for what comes of it.
    const [latest] = turnstile.deeds.filter(({ node }) => node !== owner).slice(-1)
    for (const { token, attempt } of turnstile.doneBy(owner)) {
      expect(attempt).toBe(1)
      expect(latest && compareTokens(token, latest.token)).toBeLessThan(0)
    }
    expect(turnstile.order).toMatchObject({ violation: undefined, belatedCount: 5 })
    expect(chain.stats).toMatchObject({ accepted: 13, finished: 13, dead: 0 })

    mesh.heal()
    await allSeeAll(mesh, 30_000)
    await putIn(mesh, chain, 13, 20)
    expect(turnstile.order.violation).toBeUndefined()
  },
)

describe('of what is done at a stage that may be passed over', () => {
  const token = (generation: number): FencingToken => ({ lineage: 1, generation, tag: 1, owner: 1 })
  const by = (n: number, generation: number): DoneBy => ({
    item: { origin: nodeId('n1'), boot: 1, n },
    token: token(generation),
  })
  /** 1 and 9 are done there, by the first owner and its successor; `past` went past it. */
  const passedOver = (...past: number[]): PushOrder => {
    const order = new PushOrder({ gate: 'sort' })
    order.complete(by(1, 1), 'gate', 0)
    for (const n of [1, ...past]) order.complete(by(n, 1), 'sort', 0)
    order.complete(by(9, 2), 'gate', 0)
    return order
  }

  test('only an owner that was succeeded may do what went past, and that in order', () => {
    const order = passedOver(2, 3)
    for (const n of [1, 2, 3]) order.complete(by(n, 1), 'gate', 0)
    expect(order).toMatchObject({ violation: undefined, belatedCount: 2 })
    const turned = passedOver(2, 3)
    for (const n of [3, 2]) turned.complete(by(n, 1), 'gate', 0)
    expect(turned.violation).toMatch(/I34: gate .*: 2 after 3/)
  })

  test('the owner of now may not, nor one after it', () => {
    for (const generation of [2, 3]) {
      const order = passedOver(2, 3)
      order.complete(by(2, generation), 'gate', 0)
      expect(order.violation).toMatch(/I34: gate .*: 2 after 9/)
    }
  })

  test('nobody may do late what has not gone past, or at a stage that is never passed over', () => {
    const order = passedOver(2)
    order.complete(by(3, 1), 'gate', 0)
    expect(order.violation).toMatch(/I34: gate .*: 3 after 9/)
    const behind = passedOver(3)
    behind.complete(by(2, 1), 'sort', 0)
    expect(behind.violation).toMatch(/I34: sort .*: 2 after 3/)
  })
})
