/**
 * Workers, groups and chains on the control plane of one node, against the model of OTP in `otp-model.ts`: any sequence
 * of ends, failed starts, time, and changes by users.
 */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  renew,
  restartPart,
  stopPart,
  withMember,
  withStage,
  withoutPart,
} from '../../../src/node/specs/edits.ts'
import { partStatus } from '../../../src/node/supervision/outlook.ts'
import { slotId } from '../../../src/ids.ts'
import {
  AUTO_SHUTDOWNS,
  CHAIN_STRATEGIES,
  type DesiredState,
  GROUP_STRATEGIES,
  RESTART_TYPES,
  type SpecBody,
  type SpecKind,
  type StageBody,
} from '../../../src/protocol/spec-row.ts'
import { partsOf } from '../../../src/protocol/part-edits.ts'
import { unreachable } from '../../../src/assert.ts'
import { CoreBench, GROUP, group, member, nameOf } from './core-bench.ts'
import { OtpModel, type PartShape, type Shape } from './otp-model.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e']

const STEPS = [
  'normal',
  'crash',
  'pass',
  'add',
  'remove',
  'halt',
  'restart',
  'stop all',
  'restart all',
] as const
/** Ends are most of what happens. */
const step = fc.record({
  act: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('crash' as const, 'normal' as const) },
    { weight: 2, arbitrary: fc.constant('pass' as const) },
    { weight: 5, arbitrary: fc.constantFrom(...STEPS) },
  ),
  name: fc.constantFrom(...NAMES),
  index: fc.nat({ max: 1 }),
  waitMs: fc.nat({ max: 8_000 }),
  /** Which of the workers that start because of it does not come up, 1 for the first; 0: all do. */
  failing: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 4 }) },
  ),
  restart: fc.constantFrom(...RESTART_TYPES),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const strategies = { worker: ['one_for_one'], group: GROUP_STRATEGIES, chain: CHAIN_STRATEGIES } as const

function shapes(kind: SpecKind): fc.Arbitrary<Shape> {
  const part = fc.record({
    restart: fc.constantFrom(...RESTART_TYPES),
    isSignificant: kind === 'group' ? fc.boolean() : fc.constant(false),
    workers: kind === 'chain' ? fc.integer({ min: 1, max: 2 }) : fc.constant(1),
  })
  return fc.record({
    kind: fc.constant(kind),
    strategy: fc.constantFrom(...strategies[kind]),
    autoShutdown: kind === 'group' ? fc.constantFrom(...AUTO_SHUTDOWNS) : fc.constant('never' as const),
    intensity: fc.record({ restarts: fc.integer({ min: 0, max: 4 }), withinMs: fc.constant(20_000) }),
    parts: fc.array(part, { minLength: 1, maxLength: kind === 'worker' ? 1 : 4 }).map(parts =>
      parts.map((each, index): PartShape => ({
        id: kind === 'worker' ? '' : (NAMES[index] ?? ''),
        ...each,
      })),
    ),
  })
}

function stage(shape: PartShape, revision = 1): StageBody {
  const { id, restart, workers } = shape
  const { child } = member(id, restart)
  const more = { emission: 'maybe', route: 'least-debt', onItemError: 'crash', queueItems: 1 } as const
  return { id, child, revision, isStopped: false, workers, ...more }
}

function bodyOf({ kind, strategy, autoShutdown, intensity, parts }: Shape): SpecBody {
  switch (kind) {
    case 'worker':
      return {
        kind,
        child: member('', parts[0]?.restart ?? 'permanent').child,
        intensity,
        rebalance: 'passive',
      }
    case 'group': {
      const members = parts.map(({ id, restart, isSignificant }) => member(id, restart, { isSignificant }))
      if (strategy === 'before_for_one') throw new Error('not for groups')
      return group(strategy, members, { autoShutdown, intensity })
    }
    case 'chain': {
      const stages = parts.map(part => stage(part))
      const limits = { windowItems: 1, attemptsMax: 3, emission: 'maybe' } as const
      return { kind, strategy, intensity, revision: 1, stages, ...limits }
    }
    default:
      return unreachable(kind)
  }
}

/** A part as a step would add it. */
function partOf({ name, restart, waitMs }: Step, isMember: boolean): PartShape {
  return { id: name, restart, isSignificant: isMember && waitMs % 2 === 0, workers: 1 }
}

/** What users make of what is declared; as it was, where that means nothing. */
function edited(body: SpecBody, each: Step, revision: number): SpecBody {
  if (body.kind === 'worker') return body
  const { act, name } = each
  const parts = partsOf(body)
  const isKnown = parts.some(({ id }) => id === name)
  switch (act) {
    case 'add': {
      if (isKnown) return body
      const part = partOf(each, body.kind === 'group')
      const { restart, isSignificant } = part
      return body.kind === 'group'
        ? withMember(body, member(name, restart, { isSignificant, revision }))
        : withStage(body, stage(part, revision), 0)
    }
    case 'remove':
      return parts.length === 1 ? body : withoutPart(body, name)
    case 'halt':
      return stopPart(body, name)
    case 'restart':
      return restartPart(body, name, revision)
    default:
      return body
  }
}

/** What both do. */
class Pair {
  readonly bench = new CoreBench()
  readonly model: OtpModel
  readonly #shape: Shape
  #revision = 1

  constructor(shape: Shape) {
    this.#shape = shape
    this.model = new OtpModel(shape)
    this.bench.write(bodyOf(shape))
  }

  /** @returns what the model stops and starts; undefined where there is nothing to do */
  perform(each: Step): string[] | undefined {
    const { bench, model } = this
    const { act, name, index, waitMs } = each
    const id = this.#shape.kind === 'worker' ? '' : name
    const child = this.#shape.kind === 'chain' ? `${id}/${index}` : id
    const isKnown = model.partIds.includes(id)
    const isEdit = act === 'add' || act === 'remove' || act === 'halt' || act === 'restart'
    if (isEdit && !model.mayChange(id)) return undefined
    switch (act) {
      case 'pass':
        bench.pass(waitMs)
        return []
      case 'crash':
      case 'normal': {
        if (!model.isRunning(child)) return undefined
        const log = model.end(child, act, bench.nowMs)
        bench.end(child, act)
        return log
      }
      case 'add': {
        if (isKnown || id === '') return undefined
        this.#edit(each)
        const isMember = this.#shape.kind === 'group'
        return model.add(partOf(each, isMember), isMember ? model.partIds.length : 0)
      }
      case 'remove':
        if (!isKnown || model.partIds.length === 1) return undefined
        this.#edit(each)
        return model.remove(id)
      case 'halt':
      case 'restart':
        if (!isKnown || id === '') return undefined
        this.#edit(each)
        return act === 'halt' ? model.stop(id) : model.restart(id)
      case 'stop all':
        bench.write(bench.spec, 'stopped')
        return model.stopWhole()
      case 'restart all':
        bench.write(bench.spec === undefined ? undefined : renew(bench.spec, this.#next()))
        return model.restartWhole()
      default:
        return unreachable(act)
    }
  }

  #edit(each: Step): void {
    const { spec } = this.bench
    if (spec !== undefined) this.bench.write(edited(spec, each, this.#next()), this.model.desired)
  }

  #next(): number {
    this.#revision += 1
    return this.#revision
  }
}

/** The names of the live workers of the bench, sorted. */
function liveOf(bench: CoreBench): string[] {
  return [...bench.live.values()].map(({ slot }) => nameOf(slot)).toSorted()
}

/** How each worker stands, by name. */
function statesOf(bench: CoreBench): [name: string, kind: string | undefined][] {
  const { spec, phase } = bench
  if (spec === undefined || spec.kind === 'worker') return []
  const names =
    spec.kind === 'group'
      ? spec.members.map(({ id }) => id)
      : spec.stages.flatMap(({ id, workers }) =>
          Array.from({ length: workers }, (_, index) => `${id}/${index}`),
        )
  const standing = { whole: bench.status, isGone: () => false }
  return names
    .map((name): [string, string | undefined] => [
      name,
      partStatus(slotId(GROUP, ...name.split('/')), spec, phase, standing)?.kind,
    ])
    .toSorted()
}

/** Without the starts of those that are stopped at once, and their stops. */
function withoutVain(lines: readonly string[]): string[] {
  return lines.filter((line, index) => {
    const [, name = ''] = line.split(' ')
    const start = lines.indexOf(`start ${name}`)
    return start === -1 || index < start || !lines.includes(`stop ${name}`, start)
  })
}

describe.each(['worker', 'group', 'chain'] as const)('a %s', kind => {
  test('stops and starts what OTP would, in that order, gives up when OTP would, and runs what OTP would run', () => {
    fc.assert(
      fc.property(shapes(kind), fc.array(step, { maxLength: 18 }), (shape, script) => {
        const pair = new Pair(shape)
        const { bench, model } = pair
        bench.rest()
        for (const each of script) {
          const crashedMs = bench.nowMs
          const from = { log: bench.log.length, starts: bench.startsMs.length }
          const wanted = pair.perform(each)
          if (wanted === undefined) continue
          const isEnd = each.act === 'crash' || each.act === 'normal'
          const starts = wanted.filter(line => line.startsWith('start'))
          const nth = Math.min(each.failing, starts.length)
          const failed = nth > 0 ? bench.unstart(nth) : undefined
          if (isEnd && starts.length > 0)
            model.restartedAt(kind === 'worker' || failed === undefined ? crashedMs : bench.nowMs)
          const done = failed === undefined ? wanted : fail(pair, each, { name: failed, wanted })
          bench.rest()
          model.settle()
          const shown = JSON.stringify(each)
          // Of a stage, whoever has nobody to wait for starts first.
          const isAnyOrder = kind === 'chain' && each.act === 'restart'
          const ordered = (lines: readonly string[]) => (isAnyOrder ? lines.toSorted() : lines)
          // A group that ends because a restart has stopped its last significant member (which OTP's does not) need not
          // start first what it stops then.
          const told = (lines: readonly string[]) => ordered(model.isShutdown ? withoutVain(lines) : lines)
          expect(told(bench.log.slice(from.log)), shown).toEqual(told(done))
          expect(liveOf(bench), shown).toEqual(model.running.toSorted())
          if (model.status !== undefined) expect(bench.status?.kind, shown).toBe(model.status)
          if (kind !== 'worker' && model.status !== undefined && model.states !== undefined)
            expect(statesOf(bench), shown).toEqual(model.states.toSorted())
        }
        expectNothingLeft(bench)
      }),
      { numRuns: 500 },
    )
  })

  test('whatever comes in between, nobody runs twice or is waited for in vain, and in the end all agree who runs', () => {
    // `CoreBench` throws where a slot has two workers, and where one starts while another is to stop.
    const between = fc.record({
      act: fc.constantFrom('start' as const, 'stop' as const, 'unstart' as const, 'pass' as const),
    })
    fc.assert(
      fc.property(shapes(kind), fc.array(fc.oneof(step, between), { maxLength: 50 }), (shape, script) => {
        const bench = new CoreBench()
        bench.write(bodyOf(shape))
        let desired: DesiredState = 'running'
        for (const [index, each] of script.entries()) {
          if (each.act === 'stop all') desired = 'stopped'
          if (each.act === 'restart all') desired = 'running'
          disturb(bench, each, { desired, revision: index + 2 })
          const starting = [...bench.live.values()].filter(({ state }) => state === 'starting')
          expect(starting.length).toBeLessThanOrEqual(1)
        }
        // What waits for a restart may do so for half a minute.
        for (let times = 0; times < 40; times++) {
          bench.rest()
          bench.pass(1_000)
        }
        bench.rest()
        const kinds = desired === 'stopped' ? ['stopped'] : ['running', 'done', 'gave-up', 'failed']
        expect(kinds).toContain(bench.status?.kind)
        if (kind === 'worker') expect(bench.live.size).toBe(bench.status?.kind === 'running' ? 1 : 0)
        else {
          const running = statesOf(bench).flatMap(([name, state]) => (state === 'running' ? [name] : []))
          expect(liveOf(bench)).toEqual(running)
          for (const [name, state] of statesOf(bench))
            expect(['running', 'stopped', 'failed', 'ended'], name).toContain(state)
        }
        expectNothingLeft(bench)
      }),
      { numRuns: 500 },
    )
  })
})

/** Removes all, whatever it is at. */
function expectNothingLeft(bench: CoreBench): void {
  bench.write(undefined)
  bench.rest()
  expect(bench.live.size).toBe(0)
  expect(bench.status).toEqual({ kind: 'removed' })
}

/** Does one thing, and waits for nothing. */
function disturb(
  bench: CoreBench,
  each: Step | { readonly act: 'start' | 'stop' | 'unstart' | 'pass' },
  { desired, revision }: { readonly desired: DesiredState; readonly revision: number },
): void {
  const { spec } = bench
  if (spec === undefined) return
  switch (each.act) {
    case 'start':
      bench.start()
      break
    case 'stop':
      bench.stop()
      break
    case 'unstart': {
      const next = [...bench.live.values()].find(({ state }) => state === 'starting')
      if (next !== undefined) bench.end(nameOf(next.slot), 'crash')
      break
    }
    case 'pass':
      bench.pass(300)
      break
    case 'crash':
    case 'normal': {
      const next = [...bench.live.values()].find(
        ({ slot, state }) => state === 'running' && (nameOf(slot)[0] ?? each.name) === each.name,
      )
      if (next !== undefined) bench.end(nameOf(next.slot), each.act)
      break
    }
    case 'stop all':
      bench.write(spec, desired)
      break
    case 'restart all':
      bench.write(renew(spec, revision), desired)
      break
    default:
      bench.write(edited(spec, each, revision), desired)
  }
}

/**
 * A worker that was to start has not come up. @returns what is stopped and started in all: as in OTP, nobody starts after
 * it before that is dealt with, and then those that the strategy leaves alone.
 */
function fail(
  { bench, model }: Pair,
  { act }: Step,
  { name, wanted }: { readonly name: string; readonly wanted: readonly string[] },
): string[] {
  const at = wanted.indexOf(`start ${name}`)
  const unstarted = wanted.slice(at + 1).map(line => line.slice('start '.length))
  const log = act === 'restart all' ? model.failWhole() : model.unstart(name, bench.nowMs)
  const isRestart = log.some(line => line.startsWith('start'))
  if (isRestart) model.restartedAt(bench.nowMs)
  const down = [name, ...unstarted].map(each => `stop ${each}`)
  const then = log.filter(line => !down.includes(line))
  const left = unstarted.filter(each => model.isRunning(each) && !then.includes(`start ${each}`))
  return [...wanted.slice(0, at + 1), ...then, ...left.map(each => `start ${each}`)]
}
