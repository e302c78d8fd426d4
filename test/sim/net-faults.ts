/** What random schedules do to the network, to processes and to clocks. */

import type { NodeId } from '../../src/ids.ts'
import { CALM, type NetworkConditions } from '../../src/io/memory/network-conditions.ts'
import type { Prng } from '../../src/prng.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { ThawWatch } from './thaw-watch.ts'

/** In the order of how often they are drawn. */
const KINDS = [
  'split',
  'isolate',
  'one-way',
  'ring',
  'flap',
  'heal',
  'heal',
  'heal',
  'freeze',
  'freeze',
  'stall',
  'stall',
  'clock',
  'drift',
  'break',
  'net',
  'net',
] as const

/** Clocks of computers are wrong by 0.02 % at most; those of some virtual machines by much more, for a while. */
const DRIFT_MAX = 0.02

/** Of packets: more of it, and TCP comes to a halt. */
const PACKET_LOSS_MAX = 0.1

/** After a shorter sleep the wall clock, which may be slow, need not have gained more than it may. */
const SLEEP_MS_MIN = 1_000 / (1 - DRIFT_MAX)

/** Who stands still again so soon does so again and again, and may have to judge by what came of it (`slow`). */
const AGAIN_MS = 2_500

interface Nap {
  readonly node: NodeId
  readonly sinceMs: number
  readonly untilMs: number
  readonly pause: 'stopped' | 'asleep'
  /** Its wall clock was set meanwhile: that does not tell how long its machine has slept. */
  isClockSet: boolean
}

/** So many schedules have links that carry only so much: from less than a telephone line does to what is no limit. */
const NARROW_SHARE = 0.25
const NARROW_BYTES_PER_MS = { min: 30, factorMax: 100 }

/** On links that carry less, messages may wait for each other for longer than a checker does; on these, none had to. */
const SOUND_BYTES_PER_MS_MIN = 200

/** So many schedules have links of different lengths: half of a continent, at most. */
const SPREAD_SHARE = 0.25
const SPREAD_MS_MAX = 40

export class NetFaults {
  readonly #prng: Prng
  /** Infinity in most schedules. */
  readonly bytesPerMs: number
  /** 0 in most schedules. */
  readonly spreadMs: number
  /** Not even one gossip message arrives, from the beginning to the end: nothing may rest on them. */
  readonly isDeaf: boolean
  /** Since when no packet is lost, and none waits for others; Infinity while some are, or do. */
  soundSinceMs = 0
  #naps: Nap[] = []
  /** Those who have just gone on. */
  readonly #woken = new Map<NodeId, ThawWatch>()
  readonly #thawedMs = new Map<NodeId, number>()
  #flap: { readonly from: NodeId; readonly to: NodeId; untilMs: number; isCut: boolean } | undefined

  constructor(prng: Prng) {
    this.#prng = prng
    const links = prng.fork('links')
    const { min, factorMax } = NARROW_BYTES_PER_MS
    this.bytesPerMs = links.chance(NARROW_SHARE) ? min * factorMax ** links.float() : Infinity
    this.spreadMs = links.chance(SPREAD_SHARE) ? links.between(0, SPREAD_MS_MAX) : 0
    this.isDeaf = prng.chance(0.2)
  }

  /** What the network of this schedule is like from the beginning. @returns names of what is unusual */
  begin(mesh: SimulatedMesh): readonly string[] {
    const { bytesPerMs, spreadMs } = this
    if (bytesPerMs < SOUND_BYTES_PER_MS_MIN) this.soundSinceMs = Infinity
    mesh.setConditions({ bytesPerMs, spreadMs, ...(this.isDeaf && { hintLoss: 1 }) })
    return [
      ...(this.isDeaf ? ['no-gossip'] : []),
      ...(bytesPerMs < Infinity ? ['narrow-links'] : []),
      ...(spreadMs > 0 ? ['long-links'] : []),
    ]
  }

  /** Does one thing. @returns what it did, if there was anything to do */
  trouble(mesh: SimulatedMesh): string | undefined {
    const kind = this.#prng.pick(KINDS)
    switch (kind) {
      case 'split': {
        const shuffled = this.#prng.shuffle(mesh.ids)
        const at = 1 + this.#prng.below(shuffled.length - 1)
        mesh.partition(shuffled.slice(0, at), shuffled.slice(at))
        return kind
      }
      case 'isolate': {
        const node = this.#prng.pick(mesh.ids)
        mesh.partition(
          [node],
          mesh.ids.filter(id => id !== node),
        )
        return kind
      }
      case 'one-way':
        mesh.cutOneWay(...this.#pair(mesh))
        return kind
      case 'ring':
        return cutToRing(mesh, this.#prng.shuffle(mesh.ids)) ? kind : undefined
      case 'flap': {
        const [from, to] = this.#pair(mesh)
        this.#flap = { from, to, untilMs: mesh.nowMs + this.#prng.between(500, 5_000), isCut: false }
        return kind
      }
      case 'heal':
        mesh.heal()
        return kind
      case 'break':
        mesh.breakSession(...this.#pair(mesh))
        return kind
      case 'freeze':
        return this.#freeze(mesh, this.#prng.between(500, 12_000), kind)
      case 'stall':
        return this.#freeze(mesh, this.#prng.between(20, 700), kind)
      case 'clock': {
        const node = this.#prng.pick(mesh.ids)
        for (const nap of this.#naps) nap.isClockSet ||= nap.node === node
        mesh.setClock(node, this.#prng.between(-20_000, 20_000))
        return kind
      }
      case 'drift':
        for (const id of mesh.ids) mesh.setClockRate(id, 1 + this.#prng.between(-DRIFT_MAX, DRIFT_MAX))
        return kind
      default:
        this.#setConditions(mesh, {
          latencyMs: this.#prng.between(0.2, 20),
          jitterMs: this.#prng.between(0, 30),
          hintLoss: this.#prng.chance(0.3) ? 1 : this.#prng.float(),
          hintEcho: this.#prng.chance(0.5) ? 0 : this.#prng.float(),
          packetLoss: this.#prng.chance(0.5) ? 0 : this.#prng.between(0, PACKET_LOSS_MAX),
        })
        return kind
    }
  }

  #setConditions(mesh: SimulatedMesh, to: Partial<NetworkConditions>): void {
    mesh.setConditions(this.isDeaf ? { ...to, hintLoss: 1 } : to)
    const isSound = to.packetLoss === 0 && (to.bytesPerMs ?? this.bytesPerMs) >= SOUND_BYTES_PER_MS_MIN
    if (!isSound) this.soundSinceMs = Infinity
    else if (this.soundSinceMs === Infinity) this.soundSinceMs = mesh.nowMs
  }

  /** A process has crashed: nobody wakes it. */
  onCrash(node: NodeId): void {
    this.#woken.get(node)?.end()
    this.#naps = this.#naps.filter(nap => nap.node !== node)
  }

  /** Wakes whose time has come, and goes on with a link that comes and goes. */
  pass(mesh: SimulatedMesh): void {
    for (const watch of this.#woken.values()) watch.check()
    for (const nap of this.#naps.filter(({ untilMs }) => untilMs <= mesh.nowMs)) this.#thaw(mesh, nap)
    const flap = this.#flap
    if (flap === undefined) return
    flap.isCut = !flap.isCut && flap.untilMs > mesh.nowMs
    if (flap.isCut) mesh.cut(flap.from, flap.to)
    else mesh.mend(flap.from, flap.to)
    if (flap.untilMs <= mesh.nowMs) this.#flap = undefined
  }

  /** All faults end. */
  end(mesh: SimulatedMesh): void {
    this.#flap = undefined
    for (const nap of this.#naps) this.#thaw(mesh, nap)
    mesh.heal()
    for (const id of mesh.ids) mesh.setClockRate(id, 1)
    this.#setConditions(mesh, CALM)
  }

  /** @returns what it did: `kind`, or its machine sleeps */
  #freeze(mesh: SimulatedMesh, durationMs: number, kind: string): string | undefined {
    if (mesh.awake.length < 2) return undefined
    const node = this.#prng.pick(mesh.awake)
    const pause = this.#prng.chance(0.2) ? 'asleep' : 'stopped'
    this.#woken.get(node)?.end()
    mesh.freeze(node)
    this.#naps.push({ node, sinceMs: mesh.nowMs, untilMs: mesh.nowMs + durationMs, pause, isClockSet: false })
    return pause === 'asleep' ? 'sleep' : kind
  }

  #thaw(mesh: SimulatedMesh, nap: Nap): void {
    this.onCrash(nap.node)
    const thawedMs = this.#thawedMs.get(nap.node) ?? -Infinity
    this.#thawedMs.set(nap.node, mesh.nowMs)
    const isNoticed = nap.pause === 'asleep' && !nap.isClockSet && mesh.nowMs - nap.sinceMs > SLEEP_MS_MIN
    if (mesh.nowMs - thawedMs > AGAIN_MS) this.#woken.set(nap.node, new ThawWatch(mesh, nap.node, isNoticed))
    mesh.thaw(nap.node, nap.pause)
  }

  #pair(mesh: SimulatedMesh): [NodeId, NodeId] {
    const from = this.#prng.pick(mesh.ids)
    return [from, this.#prng.pick(mesh.ids.filter(id => id !== from))]
  }
}

/**
 * Each node keeps its neighbours in a ring, so that each sees a majority, and no two see the same (Jepsen).
 * @returns whether that cuts anything: of three, all are neighbours
 */
function cutToRing(mesh: SimulatedMesh, ring: readonly NodeId[]): boolean {
  if (ring.length < 4) return false
  const reach = Math.max(1, Math.floor(ring.length / 4))
  for (const [index, node] of ring.entries()) {
    for (const [other, name] of ring.entries()) {
      const distance = Math.min(Math.abs(index - other), ring.length - Math.abs(index - other))
      if (index < other && distance > reach) mesh.cut(node, name)
    }
  }
  return true
}
