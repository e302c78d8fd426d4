import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { type SlotId, nodeId, slotId, specId } from '../../src/ids.ts'
import type { ChildSpec } from '../../src/protocol/spec-row.ts'
import {
  type Assignment,
  type Report,
  Supervisor,
  type SupervisorEffect,
} from '../../src/node/supervision/supervisor.ts'

const spec = specId('g')
const child: ChildSpec = {
  behaviour: 'b@1',
  args: new Uint8Array(),
  restart: 'permanent',
  startTimeoutMs: 1_000,
  stopTimeoutMs: 500,
  isolation: 'inline',
  limits: { heartbeatMs: 30_000 },
}

function assignment(name: string, key: string): Assignment {
  return {
    slot: slotId(spec, name),
    spec,
    child,
    key,
    token: { lineage: 0, generation: 1, tag: 0, owner: 0 },
  }
}

/** A supervisor whose workers do what the test says. */
class Bench {
  readonly log: string[] = []
  readonly reports: Report[] = []
  readonly running = new Map<SlotId, number>()
  readonly #supervisor = new Supervisor(
    effect => this.#onEffect(effect),
    report => this.reports.push(report),
  )
  readonly #starting: [SlotId, number][] = []
  readonly #stopping: [SlotId, number][] = []
  nowMs = 0

  get supervisor(): Supervisor {
    return this.#supervisor
  }

  assign(names: readonly string[], key: string): void {
    this.#supervisor.assign(
      spec,
      names.map(name => assignment(name, key)),
      this.nowMs,
    )
  }

  /** The worker that was asked to start first says that it has. */
  start(): boolean {
    const next = this.#starting.shift()
    if (next === undefined) return false
    this.running.set(...next)
    this.#supervisor.onStarted(...next, this.nowMs)
    return true
  }

  /** The worker that was asked to stop first has. */
  stop(): boolean {
    const next = this.#stopping.shift()
    if (next === undefined) return false
    this.#end(next, { kind: 'normal' })
    return true
  }

  /** The worker that was asked to start first says that it cannot. */
  fail(): void {
    const next = this.#starting[0]
    if (next !== undefined) this.#crash(next)
  }

  /** Starts and stops until nothing is asked for any more. */
  settle(): void {
    while (this.stop() || this.start());
  }

  crash(name: string): void {
    const slot = slotId(spec, name)
    const incarnation = this.running.get(slot)
    if (incarnation !== undefined) this.#crash([slot, incarnation])
  }

  #crash(worker: [SlotId, number]): void {
    const failure = { name: 'Error', message: '', node: nodeId('n'), slot: worker[0] }
    this.#end(worker, { kind: 'crashed', failure })
  }

  #end(worker: [SlotId, number], exit: Parameters<Supervisor['onExited']>[2]): void {
    this.running.delete(worker[0])
    const unstarted = this.#starting.findIndex(([, incarnation]) => incarnation === worker[1])
    if (unstarted >= 0) this.#starting.splice(unstarted, 1)
    this.#supervisor.onExited(...worker, exit, this.nowMs)
  }

  #onEffect(effect: SupervisorEffect): void {
    if (effect.kind === 'start-worker') {
      const { slot } = effect.assignment
      this.log.push(`start ${slot.split('/')[1]}`)
      this.#starting.push([slot, effect.incarnation])
    } else {
      this.log.push(`${effect.kind === 'stop-worker' ? 'stop' : 'abandon'} ${effect.slot.split('/')[1]}`)
      if (effect.kind === 'stop-worker') this.#stopping.push([effect.slot, effect.incarnation])
      else this.running.delete(effect.slot)
    }
  }
}

describe('a supervisor', () => {
  test('starts workers one after the other, in order, and stops them the other way round', () => {
    const bench = new Bench()
    bench.assign(['a', 'b', 'c'], '1')
    expect(bench.log).toEqual(['start a'])
    bench.settle()
    expect(bench.log).toEqual(['start a', 'start b', 'start c'])
    bench.assign([], '1')
    bench.settle()
    expect(bench.log.slice(3)).toEqual(['stop c', 'stop b', 'stop a'])
    expect(bench.supervisor.size).toBe(0)
  })

  test('starts nothing of a new generation before all of the old one have stopped', () => {
    const bench = new Bench()
    bench.assign(['a', 'b'], '1')
    bench.settle()
    bench.assign(['a', 'b'], '2')
    expect(bench.log.slice(2)).toEqual(['stop b'])
    bench.stop()
    expect(bench.log.slice(2)).toEqual(['stop b', 'stop a'])
    bench.settle()
    expect(bench.log.slice(2)).toEqual(['stop b', 'stop a', 'start a', 'start b'])
  })

  test('does not restart on its own, and reports how a worker ended', () => {
    const bench = new Bench()
    bench.assign(['a'], '1')
    bench.settle()
    bench.crash('a')
    bench.settle()
    expect(bench.log).toEqual(['start a'])
    expect(bench.reports.at(-1)).toMatchObject({ kind: 'exited', wasReady: true, exit: { kind: 'crashed' } })
  })

  test('gives up a worker that does not start in time, at once, and says that it was late', () => {
    const bench = new Bench()
    bench.assign(['a', 'b'], '1')
    bench.nowMs = 1_000
    bench.supervisor.tick(bench.nowMs)
    const exit = { kind: 'late', afterMs: 1_000 }
    expect(bench.reports).toMatchObject([{ kind: 'exited', wasReady: false, exit }])
    expect(bench.log).toEqual(['start a', 'stop a', 'abandon a'])
    // What it says afterwards is of nobody.
    bench.stop()
    expect(bench.reports).toHaveLength(1)
  })

  test('starts nobody after one that has not come up, before it is told anew who shall run', () => {
    const bench = new Bench()
    bench.assign(['a', 'b', 'c'], '1')
    bench.start()
    bench.fail()
    expect(bench.log).toEqual(['start a', 'start b'])
    expect(bench.supervisor.isSteady(spec)).toBe(false)
    bench.crash('a')
    expect(bench.log).toEqual(['start a', 'start b'])
    bench.assign(['c'], '1')
    expect(bench.log.slice(2)).toEqual(['start c'])
  })

  test('waits for one that is told to stop while it starts, no longer than it may take to stop', () => {
    const bench = new Bench()
    bench.assign(['a'], '1')
    bench.nowMs = 900
    bench.assign([], '1')
    bench.nowMs = 1_100
    bench.supervisor.tick(bench.nowMs)
    expect(bench.supervisor.size).toBe(1)
    bench.nowMs = 1_400
    bench.supervisor.tick(bench.nowMs)
    expect(bench.log).toEqual(['start a', 'stop a', 'abandon a'])
    expect(bench.reports).toMatchObject([{ kind: 'exited', exit: { kind: 'abandoned' } }])
    expect(bench.supervisor.size).toBe(0)
  })

  test('abandons a worker that does not stop in time, and goes on', () => {
    const bench = new Bench()
    bench.assign(['a'], '1')
    bench.settle()
    bench.assign(['a'], '2')
    bench.nowMs = 600
    bench.supervisor.tick(bench.nowMs)
    expect(bench.log).toEqual(['start a', 'stop a', 'abandon a', 'start a'])
    expect(bench.reports.at(-1)).toMatchObject({ exit: { kind: 'abandoned' } })
  })

  test('never has two workers of a slot, nor of two generations, whatever is asked for and whatever crashes', () => {
    const names = ['a', 'b', 'c', 'd']
    const step = fc.oneof(
      fc.tuple(fc.constant('assign' as const), fc.subarray(names), fc.nat({ max: 3 })),
      fc.tuple(fc.constant('crash' as const), fc.constantFrom(...names), fc.nat()),
      fc.tuple(fc.constant('start' as const), fc.constant(''), fc.nat()),
      fc.tuple(fc.constant('stop' as const), fc.constant(''), fc.nat()),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.subarray(names), (script, last) => {
        const bench = new Bench()
        for (const [what, argument, key] of script) {
          if (what === 'assign' && typeof argument !== 'string') bench.assign(argument, String(key))
          else if (what === 'crash' && typeof argument === 'string') bench.crash(argument)
          else if (what === 'start') bench.start()
          else bench.stop()
        }
        bench.assign(last, 'last')
        bench.settle()
        expect([...bench.running.keys()].toSorted()).toEqual(last.map(name => slotId(spec, name)).toSorted())
        expect(bench.supervisor.size).toBe(last.length)
        expect(last.every(name => bench.supervisor.isReady(slotId(spec, name), 'last'))).toBe(true)
      }),
      { numRuns: 400 },
    )
  })
})
