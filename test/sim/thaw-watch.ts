/**
 * I5: a node that has stood still judges nobody by what came of it. Watched is what goes into its core and what comes
 * out, from the moment in which it goes on: whom it accuses itself, it has asked for since, and given time to answer.
 * What it takes in from others says nothing of its own clocks.
 */

import type { NodeId, Run } from '../../src/ids.ts'
import type { Core } from '../../src/node/core.ts'
import type { CoreEvent, Effect, NodeEvent } from '../../src/node/events.ts'
import type { Now } from '../../src/node/now.ts'
import type { Accusation } from '../../src/protocol/suspicions.ts'
import type { Message } from '../../src/protocol/messages.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { InvariantError } from './invariant-error.ts'

const { probePeriodMs, probeTimeoutMs } = LAN_TIMINGS

/** A probe that was under way when a node stood still would be over by then, however unwell the node is. */
const WATCH_MS = 10 * probePeriodMs

/** Sums of fractions may be short of a time by so much. */
const SLACK_MS = 1

/** What a node does about a member since it has gone on. */
interface Question {
  readonly askedMs: number
  /** The last probe of it for which others were asked. */
  n: number
  /** Who was asked then, and has not said that it hears nothing either. */
  readonly waiting: Set<NodeId>
}

export class ThawWatch {
  readonly #mesh: SimulatedMesh
  readonly #core: Core
  readonly #step: Core['step']
  /** Its machine has slept, for long enough that its wall clock tells. */
  readonly #hasSlept: boolean
  /** What the node has to do next, when it goes on: how late it is says how long it has stood still. */
  readonly #dutyMs: number
  readonly #questions = new Map<NodeId, Question>()
  /** When it has gone on, by its own clock. */
  #sinceMs: number | undefined
  /** No accusation before, whatever it finds. */
  #holdUntilMs = -Infinity
  #isOver = false
  #violation: string | undefined

  /** The node is about to go on. */
  constructor(mesh: SimulatedMesh, id: string, hasSlept: boolean) {
    const { core } = mesh.node(id).inspect()
    this.#mesh = mesh
    this.#core = core
    this.#hasSlept = hasSlept
    this.#dutyMs = core.ledger.membership.dutyMs()
    this.#step = core.step.bind(core)
    core.step = (event, now) => {
      if (!this.#isOver) this.#onStep(event, now)
      const effects = this.#step(event, now)
      if (!this.#isOver) this.#look(event, effects, now.ms)
      return effects
    }
  }

  /** @throws {InvariantError} when it has judged somebody by the time in which it stood still */
  check(): void {
    if (this.#violation !== undefined) throw new InvariantError(this.#violation)
  }

  /** It stands still again, or is gone. */
  end(): void {
    if (!this.#isOver) this.#core.step = this.#step
    this.#isOver = true
  }

  #onStep(event: CoreEvent, now: Now): void {
    this.#sinceMs ??= this.#begin(now.ms)
    if (event.kind !== 'message-received' || event.message.kind !== 'probe-report') return
    const { target, n, isHeard } = event.message
    const question = this.#questions.get(target)
    if (!isHeard && question?.n === n) question.waiting.delete(event.from)
  }

  #begin(nowMs: number): number {
    const lateMs = nowMs - this.#dutyMs
    const isLong = this.#hasSlept || lateMs >= 2 * probePeriodMs
    // Where nothing was due meanwhile, or only just, it has missed nothing: what has come is heard before it judges.
    if (!isLong && lateMs < probeTimeoutMs / 2) this.end()
    if (isLong) this.#holdUntilMs = nowMs + 2 * probePeriodMs - SLACK_MS
    return nowMs
  }

  #look(event: CoreEvent, effects: readonly Effect[], nowMs: number): void {
    for (const effect of effects) {
      if (effect.kind === 'send') this.#onSent(effect.to, effect.message, nowMs)
      else if (effect.kind === 'notify') this.#onNotified(event, effect.event, nowMs)
    }
    if (nowMs - (this.#sinceMs ?? nowMs) > WATCH_MS) this.end()
  }

  #onSent(to: NodeId, message: Message, nowMs: number): void {
    if (message.kind === 'probe') {
      this.#ask(to, nowMs)
    } else if (message.kind === 'probe-request') {
      const question = this.#ask(message.target, nowMs)
      if (question.n !== message.n) question.waiting.clear()
      question.n = message.n
      question.waiting.add(to)
    } else if (message.kind === 'accusations') {
      const own = message.accusations.filter(({ by }) => by === this.#core.self.id)
      for (const accusation of own) this.#onAccused(accusation, nowMs)
    }
  }

  #ask(target: NodeId, askedMs: number): Question {
    const known = this.#questions.get(target)
    if (known !== undefined) return known
    const question = { askedMs, n: 0, waiting: new Set<NodeId>() }
    this.#questions.set(target, question)
    return question
  }

  /** It has found something against somebody, and says so. */
  #onAccused({ run, evidence }: Accusation, nowMs: number): void {
    if (nowMs < this.#holdUntilMs)
      this.#fail(`accuses ${run.id} (${evidence}) before it can have heard everybody`)
    if (evidence === 'silent' && !this.#hasWaited(run.id, nowMs))
      this.#fail(`accuses ${run.id} of not answering what it has not asked since, or has just asked`)
  }

  /** Where there is nobody to be told, its own rows say whom it has found something against. */
  #onNotified(event: CoreEvent, { kind, ...told }: NodeEvent, nowMs: number): void {
    if (!('member' in told) || (kind !== 'member:suspect' && kind !== 'member:dead')) return
    const { id, boot } = told.member
    if (isSaid(event, { id, boot })) return
    const evidence = event.kind === 'dial-failed' ? 'refused' : 'silent'
    if (kind === 'member:suspect')
      return this.#onAccused(
        { run: { id, boot }, seq: told.member.seq, by: this.#core.self.id, evidence },
        nowMs,
      )
    // A port that refuses says enough also to one that has slept: that process is gone.
    const isEarly = nowMs - (this.#sinceMs ?? nowMs) < probePeriodMs - SLACK_MS
    if (isEarly && this.#isUp({ id, boot })) this.#fail(`buries ${id} before that can have spoken up`)
  }

  /** Whether the member has had its time, or all who were asked have said that they hear nothing either. */
  #hasWaited(target: NodeId, nowMs: number): boolean {
    // With nobody to ask, nothing is sent, and the time of a probe is waited for.
    if (nowMs - (this.#sinceMs ?? nowMs) >= probePeriodMs - SLACK_MS) return true
    const question = this.#questions.get(target)
    if (question === undefined) return false
    const isDenied = question.n > 0 && question.waiting.size === 0
    return isDenied || nowMs - question.askedMs >= probeTimeoutMs - SLACK_MS
  }

  #isUp({ id, boot }: Run): boolean {
    const isThere = [...this.#mesh.up, ...this.#mesh.leaving].includes(id)
    return isThere && this.#mesh.node(id).inspect().core.self.boot === boot
  }

  #fail(what: string): void {
    this.#violation ??= `I5: ${this.#core.self.id} has stood still, and ${what}`
  }
}

/** Whether an event brings what others have found against a run. */
function isSaid(event: CoreEvent, { id, boot }: Run): boolean {
  if (event.kind === 'hint-received')
    return event.rows.members.some(row => row.id === id && row.boot === boot)
  return event.kind === 'message-received' && isSaidIn(event.message, { id, boot })
}

function isSaidIn(message: Message, { id, boot }: Run): boolean {
  const isOfIt = (run: Run): boolean => run.id === id && run.boot === boot
  switch (message.kind) {
    case 'probe':
    case 'probe-ack': {
      const { members, accusations } = message.news
      return members.some(isOfIt) || accusations.some(({ run }) => isOfIt(run))
    }
    case 'accusations':
      return message.accusations.some(({ run }) => isOfIt(run))
    case 'hello':
    case 'rows':
      return message.rows.members.some(isOfIt)
    case 'relay':
      return isSaidIn(message.message, { id, boot })
    default:
      return false
  }
}
