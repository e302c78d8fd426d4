/** The control plane of a lone node, whose workers do what the test says. */

import { type NodeId, type SlotId, nodeId, specId } from '../../../src/ids.ts'
import { Core } from '../../../src/node/core.ts'
import type { CoreEvent, Effect } from '../../../src/node/events.ts'
import type { Exit } from '../../../src/node/supervision/exit.ts'
import type { SpecStatus } from '../../../src/node/supervision/spec-status.ts'
import { Prng } from '../../../src/prng.ts'
import { PUSHED_MAX } from '../../../src/protocol/limits.ts'
import type { Phase } from '../../../src/protocol/phase.ts'
import type {
  DesiredState,
  GroupBody,
  GroupStrategy,
  MemberBody,
  RestartIntensity,
  RestartType,
  SpecBody,
  WorkerBody,
} from '../../../src/protocol/spec-row.ts'
import { LAN_TIMINGS, type Timings } from '../../../src/protocol/timings.ts'

export const GROUP = specId('g')

export interface LiveWorker {
  readonly slot: SlotId
  readonly incarnation: number
  state: 'starting' | 'running' | 'stopping'
}

export function member(id: string, restart: RestartType, more: Partial<MemberBody> = {}): MemberBody {
  return {
    id,
    child: {
      behaviour: 'b@1',
      args: new Uint8Array(),
      restart,
      startTimeoutMs: 30_000,
      stopTimeoutMs: 5_000,
      isolation: 'inline',
      limits: { heartbeatMs: 30_000 },
    },
    revision: 1,
    isStopped: false,
    isSignificant: false,
    ...more,
  }
}

/** A standalone worker that moves with its state. */
export const STANDALONE: WorkerBody = {
  kind: 'worker',
  child: member('w', 'permanent').child,
  intensity: { restarts: 5, withinMs: 30_000 },
  rebalance: 'active',
}

export function group(
  strategy: GroupStrategy,
  members: readonly MemberBody[],
  more: Partial<GroupBody> = {},
): GroupBody {
  const intensity: RestartIntensity = { restarts: 1_000, withinMs: 1_000 }
  return {
    kind: 'group',
    strategy,
    intensity,
    spread: true,
    autoShutdown: 'never',
    revision: 1,
    members,
    ...more,
  }
}

/** The control plane of a node that has just begun. */
export function coreOf(id: NodeId, nowMs: number, timings: Timings = LAN_TIMINGS): Core {
  return new Core({
    self: {
      id,
      boot: 1,
      seq: 1,
      status: 'joining',
      name: id,
      addresses: [],
      role: 'member',
      weight: 1,
      labels: {},
      behaviours: ['b@1'],
      protocol: { min: 1, max: 1 },
    },
    timings,
    pushedMax: PUSHED_MAX,
    prng: new Prng(id),
    now: timeAt(nowMs),
  })
}

/** Both clocks at a virtual moment. */
export function timeAt(ms: number): { readonly ms: number; readonly wallMs: number } {
  return { ms, wallMs: 1_700_000_000_000 + ms }
}

export class CoreBench {
  readonly live = new Map<SlotId, LiveWorker>()
  /** `start a`, `stop a`, `abandon a`, in order. */
  readonly log: string[] = []
  /** When workers were asked to start, in order; virtual milliseconds. */
  readonly startsMs: number[] = []
  readonly #core: Core
  nowMs = 1_000

  constructor() {
    this.#core = coreOf(nodeId('n'), this.nowMs)
    this.pass(LAN_TIMINGS.joinAloneMs + 1)
  }

  get status(): SpecStatus | undefined {
    return this.#core.statusOf(GROUP)
  }

  get phase(): Phase | undefined {
    return this.#core.ledger.tables.phases.get(GROUP)
  }

  /** What is declared, of whatever kind. */
  get spec(): SpecBody | undefined {
    return this.#core.ledger.tables.specs.get(GROUP)?.body
  }

  get body(): GroupBody | undefined {
    const body = this.spec
    return body?.kind === 'group' ? body : undefined
  }

  /** The names of the members with a worker that runs, in the order of starting. */
  get running(): string[] {
    return (this.body?.members ?? []).flatMap(({ id }) => (this.find(id)?.state === 'running' ? [id] : []))
  }

  /** @param desired by default, what is declared is to run */
  write(
    body: SpecBody | undefined,
    desired: DesiredState = body === undefined ? 'stopped' : 'running',
  ): void {
    this.step({ kind: 'specs-written', changes: [{ id: GROUP, body, desired }] })
  }

  find(name: string): LiveWorker | undefined {
    return [...this.live.values()].find(({ slot }) => nameOf(slot) === name)
  }

  /** The worker that was asked to start says that it has. */
  start(): boolean {
    const next = [...this.live.values()].find(({ state }) => state === 'starting')
    if (next === undefined) return false
    next.state = 'running'
    this.step({ kind: 'worker-started', slot: next.slot, incarnation: next.incarnation })
    return true
  }

  /** The worker that was asked to stop says that it has. */
  stop(): boolean {
    const next = [...this.live.values()].find(({ state }) => state === 'stopping')
    if (next === undefined) return false
    this.exit(next, { kind: 'normal' })
    return true
  }

  /** Starts and stops until nobody is asked to any more. */
  settle(): void {
    while (this.stop() || this.start());
  }

  /** Starts and stops, and lets time pass until no restart is waited for. */
  rest(): void {
    for (let step = 0; step < 100; step++) {
      this.settle()
      if (this.status?.kind !== 'restarting' && this.status?.kind !== 'starting') return
      this.pass(1_000)
    }
  }

  /** Lets the worker that is the `nth` to start crash, if so many are; those before it start. @returns its name */
  unstart(nth: number): string | undefined {
    let before = nth - 1
    for (let times = 0; times < 60; times++) {
      while (this.stop());
      const next = [...this.live.values()].find(({ state }) => state === 'starting')
      if (next !== undefined && before > 0) {
        before -= 1
        this.start()
      } else if (next !== undefined) {
        const name = nameOf(next.slot)
        this.end(name, 'crash')
        return name
      } else {
        if (this.status?.kind !== 'restarting') return undefined
        this.pass(1_000)
      }
    }
    return undefined
  }

  end(name: string, kind: 'normal' | 'crash'): void {
    const worker = this.find(name)
    if (worker === undefined) return
    const failure = { name: 'Error', message: name, node: nodeId('n'), slot: worker.slot }
    this.exit(worker, kind === 'normal' ? { kind } : { kind: 'crashed', failure })
  }

  pass(durationMs: number): void {
    const untilMs = this.nowMs + durationMs
    while (this.nowMs < untilMs) {
      this.nowMs = Math.min(untilMs, Math.max(this.nowMs + 1, this.#core.wakeAtMs()))
      this.step({ kind: 'time-passed' })
    }
  }

  exit(worker: LiveWorker, exit: Exit): void {
    this.live.delete(worker.slot)
    this.step({ kind: 'worker-exited', slot: worker.slot, incarnation: worker.incarnation, exit })
  }

  step(event: CoreEvent): void {
    for (const effect of this.#core.step(event, timeAt(this.nowMs))) this.#run(effect)
  }

  #run(effect: Effect): void {
    switch (effect.kind) {
      case 'start-worker': {
        const { slot } = effect.assignment
        if (this.live.has(slot)) throw new Error(`two workers of ${slot}`)
        const stopping = [...this.live.values()].find(({ state }) => state === 'stopping')
        if (stopping !== undefined) throw new Error(`${slot} starts before ${stopping.slot} has stopped`)
        this.live.set(slot, { slot, incarnation: effect.incarnation, state: 'starting' })
        this.log.push(`start ${nameOf(slot)}`)
        this.startsMs.push(this.nowMs)
        break
      }
      case 'stop-worker': {
        const worker = this.live.get(effect.slot)
        if (worker?.incarnation !== effect.incarnation) break
        worker.state = 'stopping'
        this.log.push(`stop ${nameOf(effect.slot)}`)
        break
      }
      case 'abandon-worker': {
        if (this.live.get(effect.slot)?.incarnation === effect.incarnation) this.live.delete(effect.slot)
        this.log.push(`abandon ${nameOf(effect.slot)}`)
        break
      }
      default:
    }
  }
}

/** What a slot is called within what is declared: `a` for a member, `a/0` for a worker of a stage, empty for a lone worker. */
export function nameOf(slot: SlotId): string {
  return slot.slice(GROUP.length + 1)
}
