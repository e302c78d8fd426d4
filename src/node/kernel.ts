// shell
/**
 * The loop of a node: whatever happens becomes an event, the core says what is to be done about it, and this does it.
 * One way in (`receive`), one way out (`#run`); a step is never entered twice.
 */

import { unreachable } from '../assert.ts'
import { Deque } from '../deque.ts'
import type { NodeId, Run } from '../ids.ts'
import type { Cancel, DialFailure } from '../ports.ts'
import { Prng } from '../prng.ts'
import { decodeRows, encodeMessage } from '../protocol/codec.ts'
import { HINT_BYTES_MAX, SHUT_OUT_MS } from '../protocol/limits.ts'
import type { MemberRow } from '../protocol/member-row.ts'
import type { Message } from '../protocol/messages.ts'
import { plausiblePart, plausibleRows } from '../protocol/plausible.ts'
import { Alarm } from './alarm.ts'
import { atMost } from './at-most.ts'
import { Border } from './border.ts'
import { ControlLane, type Offence } from './control-lane.ts'
import { Core } from './core.ts'
import { DataPlane } from './data-plane.ts'
import type { CoreEvent, Effect, NodeEvent } from './events.ts'
import { Farewell } from './farewell.ts'
import type { KernelInit, Ports } from './kernel-init.ts'
import type { Now } from './now.ts'
import { OwnAddresses } from './own-addresses.ts'
import { shut } from './shut.ts'
import { type Stall, StallLog, Stalls } from './stalls.ts'
import { FencedGateway } from './workers/fenced-gateway.ts'
import { Host } from './workers/host.ts'
import { findFenceOfNow, runOutside } from './workers/scope.ts'

/** Workers have ended by then (two of their default time-outs), or the next run with the data folder begins beside them. */
const WORKERS_MS = 10_000

/** Gossip about the mesh itself: crashes. */
const ROWS_TOPIC = 'rows'
/** Gossip for the members of groups. */
const BROADCAST_TOPIC = 'broadcast'

export class Kernel {
  readonly core: Core
  readonly plane: DataPlane
  /** For the handles of users: closed to code of workers that are over. */
  readonly gateway: FencedGateway<number>
  readonly border: Border
  readonly #ports: Ports
  readonly #init: KernelInit
  readonly host: Host
  readonly #control: ControlLane
  readonly #addresses: OwnAddresses
  readonly #revisions: Prng
  readonly #inbox = new Deque<CoreEvent>()
  #isStepping = false
  #isOver = false
  #isReplaced = false
  readonly #farewell: Farewell
  /** From then on, what code of its workers has left running is an affair of the program; undefined in a simulation. */
  readonly forgetStrays: Cancel | undefined
  readonly #stalls: Stalls | undefined
  readonly #alarm: Alarm

  private constructor(init: KernelInit) {
    const { ports, registry, timings, pushedMax } = init
    const { clock, transport, logger, machine } = ports
    this.#init = init
    this.#ports = ports
    this.border = new Border(clock, logger, () => this.core.ledger.membership.contacts)
    this.#addresses = new OwnAddresses(transport, clock)
    const prng = new Prng(init.seed)
    this.#revisions = prng.fork('revisions')
    const self = init.describe({ id: transport.id, boot: ports.boot ?? clock.wallMs() }, this.#addresses.told)
    const core = new Core({ self, timings, pushedMax, prng: prng.fork('core'), now: this.#now() })
    this.core = core
    // While it joins, it may learn of a later boot of its own (its folder was lost or put back), and takes a larger one.
    const run: Run = {
      id: self.id,
      get boot() {
        return core.self.boot
      },
    }
    this.#control = new ControlLane({
      send: (peer, bytes) => transport.send(peer, 'control', bytes),
      onMessage: (from, message) => this.#onMessage(from, message),
      onOversize: (peer, message, bytes) => this.border.onOversize(peer, message.kind, bytes),
      onOffence: (peer, offence, reason) => this.#onOffence(peer, offence, reason),
      onEnded: (peer, hasSpoken) => this.border.onEnded(peer, hasSpoken ? undefined : self.protocol),
      protocol: self.protocol,
      nowMs: () => clock.nowMs(),
    })
    this.plane = new DataPlane({
      run,
      clock,
      onTook: durationMs => this.#stalls?.onMessageTook(durationMs),
      send: (peer, bytes) => transport.send(peer, 'data', bytes),
      publish: bytes => transport.publish(BROADCAST_TOPIC, bytes),
      hangUp: (peer, reason) => this.#onOffence(peer, 'violation', reason),
      find: slot => this.host.find(slot),
      isSuspect: node => core.ledger.tables.members.get(node)?.status === 'suspect',
      slotsHere: spec => this.host.slotsOf(spec),
      onFull: (slot, kind) => this.host.overloads.onFull(slot, kind),
      prng: prng.fork('plane'),
      findBehaviour: id => registry.find(id),
      notify: event => init.onEvent(event),
    })
    this.gateway = new FencedGateway(this.plane, findFenceOfNow)
    this.#farewell = new Farewell({ ...ports, plane: this.plane, receive: event => this.receive(event) })
    // A simulated machine is never held up: its clock stands still meanwhile.
    if (machine !== undefined) {
      const log = new StallLog(clock, logger)
      const tell = (stall: Stall): void => init.onEvent({ kind: 'node:stalled', ...log.note(stall) })
      this.#stalls = new Stalls(clock, tell, machine)
    }
    this.#alarm = new Alarm({ clock, stalls: this.#stalls, onRing: () => this.#onAlarm() })
    this.host = new Host({
      node: run.id,
      registry,
      machine,
      clock,
      turn: this.plane.turn,
      logger,
      prng: prng.fork('workers'),
      gateway: this.plane,
      receive: event => this.receive(event),
      notify: event => this.#notify(event),
      keepsLegacy: slot => core.upkeep.keepsLegacy(slot),
      goesOn: (slot, incarnation) => core.supervisor.goesOn(slot, incarnation),
      onReleased: assignment => this.plane.onReleased(assignment),
      onStageStarted: (assignment, worker) => this.plane.onStageStarted(assignment, worker),
    })
    this.forgetStrays = machine?.onStray(() => this.host.findStray())
  }

  /** Starts listening, then the loop. @throws {ListenError} when no address can be listened on */
  static async start(init: KernelInit): Promise<Kernel> {
    const { transport } = init.ports
    const started: { kernel?: Kernel } = {}
    const early: (() => void)[] = []
    const deliver = (action: (kernel: Kernel) => unknown): boolean => {
      if (started.kernel === undefined) return early.push(() => deliver(action)) > 0
      return action(started.kernel) !== false
    }
    await transport.start({
      onPeerUp: peer => deliver(kernel => kernel.#onPeerUp(peer)),
      onPeerDown: (peer, reason) => deliver(kernel => kernel.#onPeerDown(peer, reason)),
      onBytes: (peer, lane, bytes) => deliver(kernel => kernel.#onBytes(peer, lane, bytes)),
      onDrain: (peer, lane) => deliver(({ plane }) => (lane === 'data' ? plane.onDrain(peer) : undefined)),
      onHint: (topic, bytes) => deliver(kernel => kernel.#onHint(topic, bytes)),
      onDiscovered: (peer, addresses) => deliver(kernel => kernel.#onDiscovered(peer, addresses)),
      onDialled: (key, peer) => deliver(kernel => kernel.#onDialled(key, peer)),
      onDialFailed: (...failed) => deliver(kernel => kernel.#onDialFailed(...failed)),
      onFault: (peer, error) => deliver(kernel => kernel.#onFault(peer, error)),
      onRefused: (who, reason) => deliver(kernel => kernel.border.onStranger(who, reason)),
      onTwin: boot => deliver(kernel => kernel.receive({ kind: 'twin-met', boot })),
      boot: () => started.kernel?.core.self.boot ?? init.ports.boot ?? 0,
    })
    const kernel = new Kernel(init)
    started.kernel = kernel
    transport.subscribe(ROWS_TOPIC)
    transport.subscribe(BROADCAST_TOPIC)
    for (const action of early) action()
    init.ports.directory?.start({
      onAwaited: name => kernel.receive({ kind: 'seed-awaited', name }),
      onSeed: (address, name) => kernel.receive({ kind: 'seed-added', address, name }),
      onSeedGone: address => kernel.receive({ kind: 'seed-removed', address }),
      onKnown: (peer, addresses) => kernel.receive({ kind: 'peer-found', peer, addresses }),
      onReplaced: boot =>
        kernel.#farewell.hasBegun ? undefined : kernel.receive({ kind: 'place-taken', boot }),
    })
    kernel.receive({ kind: 'time-passed' })
    return kernel
  }

  /** A number for a part of a spec that is new, or is to start anew: hardly ever the same twice, and never 0. */
  nextRevision(): number {
    return 1 + this.#revisions.below(0xffff_ffff)
  }

  /** Takes in an event: at once, or when the step that is being taken is done. */
  receive(event: CoreEvent): void {
    if (this.#isOver) return
    this.#inbox.push(event)
    // What comes of it is on the account of the node, whoever's code it was that has asked for it.
    if (!this.#isStepping) runOutside(() => this.#step())
  }

  #step(): void {
    this.#isStepping = true
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
        for (const effect of this.core.step(next, this.#now())) this.#attempt(effect)
      }
    } finally {
      this.#isStepping = false
    }
    this.#alarm.set(this.#isOver ? Infinity : this.core.wakeAtMs())
  }

  /** Lets out what was put into chains here, and then asks to leave. A later run waits for that. */
  async leave(): Promise<void> {
    await this.#farewell.begin()
  }

  /** Ends the loop and closes everything: nothing happens any more. */
  async close(): Promise<void> {
    this.#isOver = true
    this.#alarm.cancel()
    // Before its workers: what they still say if they are to stop only now, late or replaced, is heard by nobody.
    this.plane.end()
    const ended = this.#isReplaced ? this.host.stopAll() : this.host.close()
    const { clock, transport, directory } = this.#ports
    await shut(transport, this.#ports)
    await atMost(clock, WORKERS_MS, ended)
    if (directory !== undefined) await shut(directory, this.#ports)
    await ended
  }

  #attempt(effect: Effect): void {
    if (this.#isOver) return
    try {
      this.#run(effect)
    } catch (error) {
      this.#ports.logger.error({ error, effect: effect.kind }, 'an effect failed')
    }
  }

  #run(effect: Effect): void {
    const { transport } = this.#ports
    switch (effect.kind) {
      case 'send':
        return this.#control.send(effect.to, effect.message)
      case 'dial':
        return transport.dial(effect.key, effect.addresses)
      case 'dial-silent':
        return this.border.onSilent(effect.key, effect.reason)
      case 'renew':
        return transport.hangUp(effect.peer, 'it has been silent for too long', 0)
      case 'hang-up':
        return this.#onOffence(effect.peer, effect.offence, effect.reason)
      case 'publish-hint':
        return this.#publish(encodeMessage({ kind: 'rows', rows: effect.rows }))
      case 'start-worker':
        return this.host.start(effect.assignment, effect.incarnation)
      case 'stop-worker':
        return this.host.stop(effect.slot, effect.incarnation)
      case 'fence-worker':
        return this.host.fence(effect.slot, effect.incarnation)
      case 'release-worker':
        return this.host.release(effect.slot, effect.incarnation)
      case 'abandon-worker':
        return this.host.abandon(effect.slot, effect.incarnation, effect.exit)
      case 'follow-spec':
        return this.plane.followSpec(effect.id, effect.body)
      case 'forget-spec':
        return this.plane.forgetSpec(effect.id)
      case 'follow-claim':
        return this.plane.followClaim(effect.claim)
      case 'follow-phase':
        return this.plane.followPhase(effect.phase)
      case 'set-status':
        return this.plane.followStatus(effect.id, effect.status)
      case 'reach-changed':
        return this.plane.followReach(effect)
      case 'notify':
        return this.#notify(effect.event)
      case 'member-moved':
        return this.#remember(effect.member)
      case 'replaced':
        this.#isOver = this.#isReplaced = true
        this.#notify({ kind: 'node:replaced', by: effect.by })
        return this.#init.onOver('replaced')
      case 'state-lost':
        return this.#onStateLost(effect)
      case 'legacy-lost':
        return this.plane.onLegacyLost(effect.legacy)
      case 'clock-ahead':
        // What a node learns as it joins may be long past.
        if (this.core.self.status === 'joining') return
        return this.border.onClockAhead(effect.node, effect.aheadMs)
      case 'drain-chains':
        return void this.#farewell.letOut()
      case 'left':
        return void this.#farewell.part().then(() => this.#init.onOver('left'))
      default:
        return unreachable(effect)
    }
  }

  #onStateLost({ slot, heir, from }: Effect & { kind: 'state-lost' }): void {
    const isReached = heir !== undefined && this.core.ledger.membership.isConnected(heir)
    const whose = from === undefined ? {} : { from }
    const facts = { worker: slot, ...whose, ...(heir === undefined ? {} : { heir, isReached }) }
    this.#ports.logger.warn(facts, 'the state of a worker is lost: no successor has taken it')
  }

  #notify(event: NodeEvent): void {
    if (event.kind === 'member:unreachable') this.border.onUnreachable(event.member, event.reachedBy)
    if (event.kind === 'worker:start') this.plane.onWorkerStarted(event.slot)
    if (event.kind === 'worker:exit') this.plane.onMessagesLost(event.lost)
    if (event.kind === 'member:join') this.#remember(event.member)
    if (event.kind === 'member:leave' || event.kind === 'member:dead')
      this.#ports.directory?.part(event.member.id)
    this.#init.onEvent(event)
  }

  #remember({ id, addresses }: MemberRow): void {
    if (id !== this.core.self.id) this.#ports.directory?.remember(id, addresses)
  }

  /** What is too large for gossip goes directly only, as it does anyway. */
  #publish(bytes: Uint8Array): void {
    if (bytes.length <= HINT_BYTES_MAX) this.#ports.transport.publish(ROWS_TOPIC, bytes)
  }

  #onPeerUp(peer: NodeId): void {
    this.#control.onPeerUp(peer)
    this.receive({ kind: 'peer-up', peer })
    this.plane.onPeerUp(peer)
  }

  #onPeerDown(peer: NodeId, reason: string): void {
    this.#ports.logger.info({ peer, reason }, 'a session is over')
    this.#control.onPeerDown(peer)
    this.plane.onPeerDown(peer)
    this.receive({ kind: 'peer-down', peer })
  }

  #onMessage(from: NodeId, said: Message): void {
    const onLeftOut = (what: string): void => this.border.onImplausible(from, what)
    const message = plausiblePart(said, this.#ports.clock.wallMs(), onLeftOut)
    this.receive({ kind: 'message-received', from, message })
    if (message.kind !== 'hello') return
    this.plane.onGreeted({ id: from, boot: message.run.boot })
    this.border.onProfile(from, message.profile, this.#init.timings.profile)
  }

  #onBytes(peer: NodeId, lane: 'control' | 'data', bytes: Uint8Array): void {
    if (this.#isOver) return
    // Whoever is in the midst of a long message is there: what else it has to say waits behind that.
    this.core.onHeard(peer, this.#ports.clock.nowMs())
    return lane === 'control' ? this.#control.onBytes(peer, bytes) : this.plane.onBytes(peer, bytes)
  }

  #onHint(topic: string, bytes: Uint8Array): void {
    if (!this.border.letsHint()) return
    const drop = (why: string): void => this.border.onHintDropped(why)
    if (topic === BROADCAST_TOPIC)
      return this.plane.onHint(bytes) ? undefined : drop('a broadcast that cannot be read')
    const said = decodeRows(bytes)
    if (said === undefined) return drop('rows that cannot be read')
    const rows = plausibleRows(said, this.#ports.clock.wallMs(), what =>
      this.border.onImplausible('gossip', what),
    )
    return this.receive({ kind: 'hint-received', rows })
  }

  #onDiscovered(peer: NodeId, addresses: readonly string[]): unknown {
    return this.border.letsDiscovery() ? this.receive({ kind: 'peer-found', peer, addresses }) : false
  }

  #onDialled(key: string, peer: NodeId): void {
    this.border.onDialled(key, peer)
    this.receive({ kind: 'peer-dialled', key, peer })
  }

  #onDialFailed(key: string, failure: DialFailure, reason: string, cause?: string): void {
    const isNews = this.core.ledger.membership.contacts.isNews(key, failure)
    if (isNews) this.border.onDialFailed(key, { isHandshake: failure === 'handshake', reason, cause })
    this.receive({ kind: 'dial-failed', key, failure, reason })
  }

  #onFault(peer: NodeId | undefined, error: unknown): void {
    this.border.onFault(peer, error)
    if (peer !== undefined) this.#ports.transport.hangUp(peer, 'this node failed at it', SHUT_OUT_MS)
  }

  #onOffence(peer: NodeId, offence: Offence, reason: string): void {
    this.border.onOffence(peer, offence, reason)
    // Whoever was frozen may speak as soon as it goes on.
    this.#ports.transport.hangUp(peer, reason, offence === 'mute' ? 0 : SHUT_OUT_MS)
  }

  #now(): Now {
    return { ms: this.#ports.clock.nowMs(), wallMs: this.#ports.clock.wallMs() }
  }

  #onAlarm(): void {
    const addresses = this.#addresses.takeChange()
    if (addresses !== undefined) this.receive({ kind: 'addresses-changed', addresses })
    this.receive({ kind: 'time-passed' })
  }
}
