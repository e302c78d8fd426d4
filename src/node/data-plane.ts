// shell
/**
 * Everything that carries user data: calls, casts, broadcasts, items. Follows what the control plane says of where
 * things run, and asks it nothing.
 */

import { NoMemberError, NodeStoppedError, NotFoundError } from '../errors.ts'
import { type NodeId, type Run, type SlotId, type SpecId, isSameRun, specOfSlot } from '../ids.ts'
import { encodePayload } from '../payload.ts'
import type { Clock } from '../ports.ts'
import type { Prng } from '../prng.ts'
import { generationOf } from '../protocol/fencing-token.ts'
import { type Broadcast, FRAME, type Target, decodeBroadcast } from '../protocol/channel.ts'
import type { Claim } from '../protocol/claim.ts'
import type { Frame } from '../protocol/frames.ts'
import { HINT_BYTES_MAX } from '../protocol/limits.ts'
import type { Phase } from '../protocol/phase.ts'
import type { ReachChange } from '../protocol/reach.ts'
import { type Origin, encodeRequest, encodeTraced } from '../protocol/request.ts'
import type { SpecBody } from '../protocol/spec-row.ts'
import type { Chain, ChainInit } from './chain/chain.ts'
import { Chains } from './chain/chains.ts'
import type { StageWorker } from './chain/stage-worker.ts'
import type { NodeEvent } from './events.ts'
import { Broadcasts } from './messaging/broadcasts.ts'
import type { Call } from './messaging/call.ts'
import { Calls, type Carrier } from './messaging/calls.ts'
import { isCongested, refuseCongestion } from './messaging/congestion.ts'
import { Deadlocks } from './messaging/deadlocks.ts'
import type { OneWay } from './messaging/mailbox.ts'
import { Outbox } from './messaging/outbox.ts'
import { type Packed, pack, unpack } from './messaging/packed.ts'
import { type Addressee, Post, type PostInit } from './messaging/post.ts'
import { type Route, Router } from './messaging/router.ts'
import { type Incoming, Session, type SessionOwner } from './messaging/session.ts'
import { Sessions } from './messaging/sessions.ts'
import { SlotInlet } from './messaging/slot-channel.ts'
import { SlotChannels } from './messaging/slot-channels.ts'
import { findMistake } from './messaging/unaddressed.ts'
import type { SpecStatus } from './supervision/spec-status.ts'
import type { Behaviour } from './workers/behaviours.ts'
import type { Assignment } from './supervision/supervisor.ts'
import { Turn } from './turn.ts'
import type { CallRequest, Gateway } from './workers/gateway.ts'
import { readLegacy } from './workers/legacy.ts'

export interface DataPlaneInit {
  readonly run: Run
  readonly clock: Clock
  /** See `Turn`. */
  readonly onTook: (durationMs: number) => void
  /** False: the transport takes it, and asks to wait. */
  readonly send: (peer: NodeId, bytes: Uint8Array) => boolean
  readonly publish: (bytes: Uint8Array) => void
  readonly hangUp: (peer: NodeId, reason: string) => void
  readonly find: (slot: SlotId) => Addressee | undefined
  readonly isSuspect: (node: NodeId) => boolean
  readonly slotsHere: (spec: SpecId) => readonly SlotId[]
  readonly onFull: PostInit['onFull']
  readonly prng: Prng
  /** What this node can run. */
  readonly findBehaviour: (id: string) => Behaviour | undefined
  readonly notify: (event: NodeEvent) => void
}

export class DataPlane implements Gateway, SessionOwner, Carrier {
  readonly router: Router
  /** One for all code of users on this node. */
  readonly turn: Turn
  readonly #init: DataPlaneInit
  /** What has no way to its worker now. */
  readonly outbox: Outbox
  readonly #post: Post
  readonly #calls: Calls
  readonly #broadcasts: Broadcasts
  readonly #sessions = new Sessions()
  readonly #slotChannels = new SlotChannels(this.#sessions)
  readonly chains: Chains

  constructor(init: DataPlaneInit) {
    this.#init = init
    this.router = new Router(init.isSuspect)
    this.turn = new Turn(init.clock, init.onTook)
    const statusOf: ChainInit['statusOf'] = id => this.router.statusOf(id)
    this.chains = new Chains({ ...init, statusOf, turn: this.turn, channels: this.#sessions })
    this.outbox = new Outbox({
      router: this.router,
      clock: init.clock,
      isConnected: owner => isSameRun(owner, init.run) || this.#sessions.findTo(owner) !== undefined,
      dispatch: (route, slot, packed) => this.#dispatch(route, slot, packed),
      onDropped: () => (this.#post.droppedCount += 1),
      onFull: slot => init.onFull(slot, 'message'),
    })
    const forward: PostInit['forward'] = (slot, packed, after) => this.outbox.keep(slot, packed, after)
    const whenForwarded: PostInit['whenForwarded'] = (slot, action) => this.outbox.whenSent(slot, action)
    this.#post = new Post({ ...init, self: init.run.id, router: this.router, forward, whenForwarded })
    this.#calls = new Calls(init.clock, this.router, this, new Deadlocks(init.find, this.router, this.#post))
    this.#broadcasts = new Broadcasts({ ...init, router: this.router, post: this.#post })
  }

  // Gateway: what users ask for.

  call(request: CallRequest): Promise<unknown> {
    return this.#calls.start(request)
  }

  cast(slot: SlotId, name: string, args: readonly unknown[], origin: Origin): void {
    const route = this.router.find(slot)
    if (route === undefined) return this.#keep(slot, { kind: 'cast', name, args, origin, bytes: undefined })
    if (isSameRun(route.owner, this.#init.run)) {
      const { generation } = route
      this.#post.deliver(slot, generation, { kind: 'cast', name, args, origin, bytes: undefined })
    } else {
      this.#write(route, slot, { kind: FRAME.cast, payload: encodeRequest(name, args, origin), hops: 0 })
    }
  }

  send(slot: SlotId, message: unknown, origin: Origin): void {
    const route = this.router.find(slot)
    if (route === undefined) return this.#keep(slot, { kind: 'message', message, origin, bytes: undefined })
    if (isSameRun(route.owner, this.#init.run)) {
      const { generation } = route
      this.#post.deliver(slot, generation, { kind: 'message', message, origin, bytes: undefined })
    } else if (origin.traceId === undefined) {
      this.#write(route, slot, { kind: FRAME.send, payload: encodePayload(message), hops: 0 })
    } else {
      this.#write(route, slot, {
        kind: FRAME.traced,
        payload: encodeTraced(message, origin.traceId),
        hops: 0,
      })
    }
  }

  broadcast(group: SpecId, message: unknown, { traceId }: Origin): number {
    this.#refuseUnlessGroup(group)
    encodePayload(message)
    const broadcast = this.#broadcasts.make(group, message, traceId)
    if (broadcast === undefined) return 0
    const bytes = encodePayload(broadcast)
    for (const peer of this.#broadcasts.holders(group)) {
      const session = this.#sessions.find(peer)
      // Best effort: who does not read does not get it, and holds up nobody.
      if (session !== undefined && !isCongested(session)) {
        session.writer.begin(FRAME.broadcast, bytes.length).bytes(bytes)
      }
    }
    if (bytes.length <= HINT_BYTES_MAX) this.#init.publish(bytes)
    return this.router.slotsOf(group).length
  }

  sendRandom(group: SpecId, message: unknown, origin: Origin): SlotId {
    this.#refuseUnlessGroup(group)
    const slots = this.router.slotsOf(group)
    const slot = slots.length === 0 ? undefined : slots[this.#init.prng.below(slots.length)]
    if (slot === undefined) throw new NoMemberError(group)
    this.send(slot, message, origin)
    return slot
  }

  membersOf(group: SpecId): readonly string[] | undefined {
    const body = this.router.bodyOf(group)
    return body?.kind === 'group' ? body.members.map(member => member.id) : undefined
  }

  /** The chain as seen from here, made when it is first asked for. */
  chain(id: SpecId): Chain {
    return this.chains.get(id)
  }

  // What the control plane says.

  followSpec(id: SpecId, body: SpecBody | undefined): void {
    this.router.followSpec(id, body)
    this.#slotChannels.followSpec(id, body)
    if (body?.kind === 'chain') this.chain(id).followBody(body)
    else this.chains.find(id)?.followBody(undefined)
  }

  /** The spec was removed long ago: nothing of it is known any more, nor what had become of its items. */
  forgetSpec(id: SpecId): void {
    this.router.forget(id)
    this.chains.forget(id)
  }

  followStatus(id: SpecId, status: SpecStatus): void {
    this.router.followStatus(id, status)
    this.chains.find(id)?.followStatus(status)
  }

  followClaim(claim: Claim): void {
    this.router.followClaim(claim)
  }

  followPhase(phase: Phase): void {
    this.router.followPhase(phase)
    this.chains.find(phase.spec)?.followPhase(phase)
  }

  /** Casts and messages that have reached this node, or came from it, and no worker: since the node has started. */
  get lostCount(): number {
    return this.#post.droppedCount
  }

  onMessagesLost(count: number): void {
    this.#post.droppedCount += count
  }

  /** What a worker was to start with: with what its predecessor had not read. */
  onLegacyLost(legacy: Uint8Array): void {
    this.onMessagesLost(readLegacy(legacy).letters.length)
  }

  onWorkerStarted(slot: SlotId): void {
    this.#post.onStarted(slot)
  }

  /** The worker stops for a successor, here or on another node. */
  onReleased({ slot, token }: Assignment): void {
    this.#post.onReleased(slot, generationOf(token))
  }

  onStageStarted({ slot, spec, token }: Assignment, worker: StageWorker): void {
    this.chain(spec).addWorker(slot, token, worker)
  }

  /** What waits for a session with the peer has a way, or no hope: what was sent goes before what was called after it. */
  followReach(change: ReachChange): void {
    this.router.followReach(change)
    this.outbox.followReach(change)
    this.#calls.followReach(change)
  }

  // What the transport says.

  onPeerUp(peer: NodeId): void {
    this.onPeerDown(peer)
    const session = new Session({
      peer,
      owner: this,
      clock: this.#init.clock,
      send: bytes => this.#init.send(peer, bytes),
    })
    this.#sessions.add(session)
    // It is not cut off any more; what waits for it goes when it has said which run it is.
    this.followReach({ peer, reachedBy: [] })
  }

  /** The peer has said which of its runs it is. */
  onGreeted({ id, boot }: Run): void {
    const session = this.#sessions.find(id)
    if (session === undefined) return
    session.boot = boot
    this.followReach({ peer: id, reachedBy: [] })
  }

  onPeerDown(peer: NodeId): void {
    if (this.#sessions.end(peer)) this.#calls.onPeerDown(peer)
  }

  onBytes(peer: NodeId, bytes: Uint8Array): void {
    const violation = this.#sessions.find(peer)?.onBytes(bytes)
    if (violation !== undefined) this.#init.hangUp(peer, violation)
  }

  onDrain(peer: NodeId): void {
    this.#sessions.find(peer)?.onDrain()
  }

  /** A broadcast that came by gossip. @returns false when it cannot be read */
  onHint(bytes: Uint8Array): boolean {
    const broadcast = decodeBroadcast(bytes)
    if (broadcast !== undefined) this.#receive(broadcast)
    return broadcast !== undefined
  }

  // SessionOwner

  accept(target: Target, session: Session, channel: number): Incoming | undefined {
    if (target.kind === 'slot') return new SlotInlet(target, this.#post)
    return this.chains.find(target.chain)?.accept(target, session, channel)
  }

  onReply(frame: Frame, peer: NodeId): string | undefined {
    return this.#calls.onReply(frame, peer)
  }

  onBroadcast(frame: Frame): string | undefined {
    const broadcast = decodeBroadcast(frame.rest())
    if (broadcast === undefined) return 'a broadcast that cannot be read'
    this.#receive(broadcast)
    return undefined
  }

  // Carrier

  carry(call: Call, route: Route, nowMs: number): boolean {
    const { slot, name, args } = call.request
    if (isSameRun(route.owner, this.#init.run)) {
      const { generation } = route
      this.#post.deliver(slot, generation, {
        kind: 'call',
        name,
        args,
        origin: call,
        bytes: undefined,
        replier: call,
      })
      return true
    }
    const session = this.#sessions.findTo(route.owner)
    if (session === undefined) return false
    refuseCongestion(session, slot)
    const payload = encodeRequest(name, args, call)
    const { channel } = this.#slotChannels.to(route, slot)
    const correlation = this.#calls.enter(call, route.owner.id)
    const remainingMs = Math.max(0, Math.ceil(call.deadlineMs - nowMs))
    session.writer
      .begin(FRAME.call, 12 + payload.length)
      .u32(channel)
      .u32(correlation)
      .u32(remainingMs)
      .bytes(payload)
    return true
  }

  /** The node has stopped: whoever waits for something is told, and nothing is taken any more. */
  end(): void {
    this.#sessions.letOut()
    this.router.end()
    // Before the sessions: where one ends, a stage may have room for more items.
    this.chains.end()
    for (const peer of this.#sessions.peers()) this.onPeerDown(peer)
  }

  /**
   * There is no way to the worker now: it waits until there is, if the worker is to run.
   * @throws {NotFoundError} when there is no such worker at all; {PayloadError} when it cannot be sent
   */
  #keep(slot: SlotId, letter: OneWay): void {
    if (this.router.isOver) throw new NodeStoppedError()
    const mistake = findMistake(slot, this.router.bodyOf(specOfSlot(slot)))
    if (mistake !== undefined) throw mistake
    this.outbox.keep(slot, pack(letter))
  }

  #dispatch(route: Route, slot: SlotId, packed: Packed): void {
    if (!isSameRun(route.owner, this.#init.run)) return this.#write(route, slot, packed)
    const letter = unpack(packed)
    if (letter !== undefined) this.#post.deliver(slot, route.generation, letter, packed.hops)
    return undefined
  }

  #refuseUnlessGroup(group: SpecId): void {
    if (this.router.isOver) throw new NodeStoppedError()
    if (this.router.bodyOf(group)?.kind !== 'group') throw new NotFoundError(group, 'group')
  }

  #write(route: Route, slot: SlotId, frame: Packed): void {
    const session = this.#sessions.findTo(route.owner)
    // A copy: encoded bytes are parts of larger buffers.
    if (session === undefined)
      return this.outbox.keep(slot, { ...frame, payload: Uint8Array.from(frame.payload) })
    refuseCongestion(session, slot)
    const { kind, payload, hops } = frame
    const { channel } = this.#slotChannels.to(route, slot, hops)
    session.writer
      .begin(kind, 4 + payload.length)
      .u32(channel)
      .bytes(payload)
  }

  #receive(broadcast: Broadcast): void {
    this.#broadcasts.receive(broadcast)
  }
}
