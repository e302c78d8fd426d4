/** Which members of this node a broadcast is handed to. */

import { expect, test } from 'vitest'

import { type Run, type SlotId, nodeId, slotId } from '../../src/ids.ts'
import { Broadcasts, SENDERS_MAX } from '../../src/node/messaging/broadcasts.ts'
import type { Letter } from '../../src/node/messaging/mailbox.ts'
import { Post } from '../../src/node/messaging/post.ts'
import { Router } from '../../src/node/messaging/router.ts'
import { tokenOf } from '../../src/protocol/fencing-token.ts'
import type { Generation, Phase } from '../../src/protocol/phase.ts'
import { GROUP, group, member } from './supervision/core-bench.ts'

const HERE = { id: nodeId('here'), boot: 1 }
const THERE = { id: nodeId('there'), boot: 1 }
const A = slotId(GROUP, 'a')
const B = slotId(GROUP, 'b')
const generation = (number: number): Generation => ({ number, tag: 7 })

/** A group that runs in `now`, whose members on this node were placed in the generations of `since`. */
function phase(now: Generation, since: ReadonlyMap<SlotId, Generation>): Phase {
  const at = { ms: 1, count: 0, node: HERE.id }
  return {
    spec: GROUP,
    specVersion: at,
    revision: 1,
    generation: now,
    coordinator: THERE,
    layout: [...since].map(([slot, placed]) => ({
      slot,
      owner: HERE,
      since: placed,
      revision: 1,
      isNew: false,
    })),
    away: [],
    pending: [],
    isFirst: false,
    previous: [],
    restarts: [],
    failures: [],
    since: [HERE.id, THERE.id],
    rank: 'running',
    ready: [],
    exits: [],
    stopped: [],
    left: [],
  }
}

class Bench {
  readonly heard: string[] = []
  readonly router = new Router()
  readonly #broadcasts: Broadcasts
  readonly #post: Post
  #count = 0

  constructor(running: ReadonlyMap<SlotId, Generation>) {
    this.router.followSpec(GROUP, group('one_for_one', [member('a', 'permanent'), member('b', 'permanent')]))
    this.#post = new Post({
      self: HERE.id,
      router: this.router,
      onFull: () => {},
      find: slot => {
        const since = running.get(slot)
        if (since === undefined) return undefined
        const deliver = (letter: Letter): boolean => {
          if (letter.kind === 'message') this.heard.push(`${slot}: ${String(letter.message)}`)
          return true
        }
        const token = tokenOf(since, 1)
        return {
          token,
          recipient: {
            isolation: 'inline',
            isClosing: false,
            isWaitedForBy: () => false,
            callers: () => [],
            deliver,
          },
        }
      },
      forward: () => expect.unreachable('a member of a group that has not moved'),
      whenForwarded: () => expect.unreachable('a broadcast is no call'),
    })
    const slotsHere = (): SlotId[] => [...running.keys()]
    this.#broadcasts = new Broadcasts({ run: HERE, router: this.router, post: this.#post, slotsHere })
  }

  get dropped(): number {
    return this.#post.droppedCount
  }

  receiveFrom(
    sender: Run,
    what: { readonly generation: Generation; readonly n: number; readonly message: string },
  ): void {
    this.#broadcasts.receive({ group: GROUP, sender, ...what })
  }

  receive(made: Generation, message: string): void {
    this.#count += 1
    this.receiveFrom(THERE, { generation: made, n: this.#count, message })
  }
}

test('a broadcast is for the members of its time: not for one that was placed later than its sender knew', () => {
  const running = new Map([
    [A, generation(1)],
    [B, generation(3)],
  ])
  const bench = new Bench(running)
  bench.router.followPhase(phase(generation(3), running))
  bench.receive(generation(2), 'to the predecessor of b')
  expect(bench.heard).toEqual([`${A}: to the predecessor of b`])
  expect(bench.dropped).toBe(1)
  bench.receive(generation(3), 'to both')
  expect(bench.heard.slice(1)).toEqual([`${A}: to both`, `${B}: to both`])
  expect(bench.dropped).toBe(1)
})

test('a broadcast of a generation that this node has not heard of is not for the members that it is about to stop', () => {
  const running = new Map([
    [A, generation(1)],
    [B, generation(1)],
  ])
  const bench = new Bench(running)
  bench.router.followPhase(phase(generation(1), running))
  bench.receive(generation(2), 'to their successors')
  expect(bench.heard).toEqual([])
  bench.receive(generation(1), 'to them')
  expect(bench.heard).toEqual([`${A}: to them`, `${B}: to them`])
})

test(`of more than ${SENDERS_MAX} senders, the one that was silent longest is forgotten: what it said is heard again`, () => {
  const running = new Map([[A, generation(1)]])
  const bench = new Bench(running)
  bench.router.followPhase(phase(generation(1), running))
  const hear = (sender: number): number => {
    const before = bench.heard.length
    const run = { id: nodeId(`sender${sender}`), boot: 1 }
    bench.receiveFrom(run, { generation: generation(1), n: 1, message: 'once' })
    return bench.heard.length - before
  }
  for (let sender = 0; sender < SENDERS_MAX; sender++) expect(hear(sender)).toBe(1)
  // It has been heard of again, and nobody has it twice.
  expect(hear(0)).toBe(0)
  expect(hear(SENDERS_MAX)).toBe(1)
  expect([hear(0), hear(2), hear(SENDERS_MAX), hear(1)]).toEqual([0, 0, 0, 1])
})
