/** What is done to a mesh: work and faults, then peace, then every promise is checked. */

import type { NodeId } from '../../src/ids.ts'
import { Prng } from '../../src/prng.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { Acquaintance } from './acquaintance.ts'
import { declareApart } from './apart.ts'
import { AlwaysChecker, checkConnected } from './checkers.ts'
import { settle, settleMs } from './settle.ts'
import { GroupFaults } from './group-faults.ts'
import { Belt } from './belt.ts'
import { Healing } from './healing.ts'
import { keeper } from './behaviours.ts'
import { leaveLast } from './last-leave.ts'
import { meetLate } from './late-comer.ts'
import { LOOK_MS, lookOn } from './looking-on.ts'
import { NetFaults } from './net-faults.ts'
import { Rebels } from './rebels.ts'
import { RollingRestart } from './rolling-restart.ts'
import { SickNodes } from './sick-nodes.ts'
import { meetTogether } from './together.ts'
import { TROUBLES } from './troubles.ts'
import { WorkerFaults } from './worker-faults.ts'
import { World } from './world.ts'

const TROUBLE_STEPS = 24

/** So often, calls are under way when something is done to the mesh: some ms old, and some of them take long. */
const CALLING_SHARE = 0.3
const CALLING_MS = 100

/** So often, a second node is emptied right after the first one. */
const DRAIN_AGAIN_SHARE = 0.3

/** I49: within so long after a partition ends, its sides have found each other. */
const CONTACT_MS = 10_000

/** So many schedules wait as long as a mesh may take to settle, though it has. */
const PATIENT_SHARE = 0.2
const CALM_MS = 1_500
const CALM_LOOK_MS = 250

export class Schedule {
  readonly world = new World()
  readonly belt = new Belt()
  readonly prng: Prng
  readonly #callers: Prng
  readonly #groups: GroupFaults
  readonly #net: NetFaults
  readonly #workers: WorkerFaults
  readonly #rebels: Rebels
  readonly #rolling: RollingRestart
  readonly #sick: SickNodes
  readonly counts: Record<string, number> = {}
  readonly acquaintance: Acquaintance

  constructor(seed: string) {
    this.acquaintance = new Acquaintance(new Prng(`${seed} forming`))
    if (this.acquaintance.kind !== 'all') this.#count(this.acquaintance.kind)
    this.prng = new Prng(`${seed} schedule`)
    this.#callers = this.prng.fork('callers')
    this.#groups = new GroupFaults(this.world, this.prng.fork('groups'))
    this.#net = new NetFaults(this.prng.fork('net'))
    this.#workers = new WorkerFaults(this.world, this.prng.fork('workers'))
    this.#rebels = new Rebels(this.world, this.prng.fork('rebels'))
    this.#sick = new SickNodes(this.world, this.prng.fork('sick'))
    this.#rolling = new RollingRestart({
      prng: this.prng.fork('rolling'),
      leave: (mesh, node) => this.#leave(mesh, node),
      crash: (mesh, node) => this.#crash(mesh, node),
    })
  }

  get behaviours() {
    return [
      ...this.world.behaviours,
      ...this.belt.behaviours,
      this.#workers.mover,
      this.#rebels.rebel,
      this.#sick.tender,
      keeper,
    ]
  }

  async run(mesh: SimulatedMesh): Promise<void> {
    const always = new AlwaysChecker(mesh, this.world, this.#rebels)
    lookOn(mesh, () => always.check(this.#net.soundSinceMs))
    for (const kind of this.#net.begin(mesh)) this.#count(kind)
    await mesh.until(
      'all see all',
      () => mesh.ids.every(id => mesh.node(id).members().length === mesh.ids.length),
      5_000,
    )
    if (await declareApart(mesh, this.world, this.prng.fork('apart'))) this.#count('declared-apart')
    await this.#declare(mesh)
    const crash = this.#crash.bind(this)
    if (await meetLate(mesh, this.prng.fork('late'), crash)) this.#count('met-late')
    const seedsOf = (node: NodeId): readonly NodeId[] => this.acquaintance.seedsOf(mesh.ids, node)
    if (await meetTogether(mesh, { prng: this.prng.fork('together'), crash, seedsOf }))
      this.#count('met-together')
    for (let step = 0; step < TROUBLE_STEPS; step++) {
      await this.#callBefore(mesh, always)
      await this.#trouble(mesh, always)
      await this.#pass(mesh, always, this.prng.between(20, 2_500))
    }
    await this.#peace(mesh, always)
    await settle(mesh, this.world)
    this.belt.checkSettled()
    this.#workers.check(mesh)
    this.#countSeen({
      'ran-twice': always.twiceCount,
      'rebel-tried': this.#rebels.attemptCount,
      overruled: this.#rebels.overruledCount,
      declined: this.#sick.declinedCount,
      'gate-opened': this.belt.gate.openedCount,
      'gate-shut': this.belt.gate.shutCount,
      'edit-kept': this.#groups.checkEdits(mesh),
      ...this.#workers.counts,
    })
    if (await leaveLast(mesh, this.prng.fork('last'))) this.#count('left-last')
  }

  async #declare(mesh: SimulatedMesh): Promise<void> {
    const { witness, first, second, third } = this.world
    // Generous: what is tested here is that nothing is lost, not when a supervisor gives up.
    const intensity = { restarts: 1_000, withinMs: 1_000 }
    const declared = Promise.all([
      mesh.node('n1').addWorker({ id: 'lone', run: witness, args: [], intensity }),
      mesh.node('n2').addWorker({ id: 'other', run: witness, args: [], intensity }),
      this.#groups.declare(mesh),
      this.#workers.declare(mesh),
      this.#rebels.declare(mesh),
      this.#sick.declare(mesh),
      mesh.node('n3').addChain({
        id: 'pipe',
        intensity,
        windowItems: 64,
        stages: [{ run: first }, { run: second, workers: 3 }, { run: third, workers: 2 }],
      }),
      this.belt.declare(mesh, 'n1', this.prng),
    ])
    await mesh.settle(declared)
  }

  async #callBefore(mesh: SimulatedMesh, always: AlwaysChecker): Promise<void> {
    if (!this.#callers.chance(CALLING_SHARE)) return
    this.#call(mesh)
    await this.#pass(mesh, always, this.#callers.between(1, CALLING_MS))
  }

  #call(mesh: SimulatedMesh): void {
    for (let calls = 0; calls < 8; calls++) if (this.#workers.callOne(mesh)) this.#count('call')
  }

  /** Does one thing to the mesh, or lets it do something. */
  async #trouble(mesh: SimulatedMesh, always: AlwaysChecker): Promise<void> {
    const { prng } = this
    const kind = prng.pick(TROUBLES)
    switch (kind) {
      case 'work':
        if (this.#work(mesh)) this.#count(kind)
        break
      case 'belt': {
        const node = prng.pick(mesh.awake)
        if (!knows(mesh, node, 'belt')) break
        this.#count(kind)
        this.belt.stream(mesh, node, 1 + prng.below(150))
        break
      }
      case 'trip':
        this.#count(kind)
        this.belt.isTripped = true
        break
      case 'crash':
        if (mesh.awake.length < 2) break
        this.#count(kind)
        this.#crash(mesh, prng.pick([...mesh.up, ...mesh.leaving]))
        break
      case 'start': {
        const down = mesh.ids.filter(id => !mesh.up.includes(id) && !mesh.leaving.includes(id))
        if (down.length === 0) break
        this.#count(kind)
        await mesh.start(prng.pick(down))
        break
      }
      case 'rolling-restart':
        if (prng.chance(0.3) && this.#rolling.begin(mesh)) this.#count(kind)
        break
      case 'mass-restart':
        // Rare: nothing survives it, neither specs nor items.
        if (!prng.chance(0.15)) break
        this.#count(kind)
        for (const id of [...mesh.up, ...mesh.leaving]) this.#crash(mesh, id)
        mesh.heal()
        await mesh.startAll()
        await this.#declare(mesh)
        break
      case 'throw':
        if (this.#groups.throwOne(mesh)) this.#count(kind)
        break
      case 'edit':
        if (this.#groups.editOne(mesh)) this.#count(kind)
        break
      case 'call':
        this.#call(mesh)
        break
      case 'rebel':
        if (this.#rebels.restartOne(mesh)) this.#count(kind)
        break
      case 'sick': {
        const done = this.#sick.trouble(mesh)
        if (done !== undefined) this.#count(done)
        break
      }
      case 'change':
        if (this.#workers.editOne(mesh)) this.#count(kind)
        break
      case 'drain': {
        // As often as not it takes work again: what is left of a mesh where nobody does is checked as well.
        const [node, other] = prng.shuffle(mesh.awake).map(name => mesh.node(name))
        this.#count(kind)
        if (prng.chance(0.5)) node?.resume()
        else node?.drain().catch(() => {})
        if (!prng.chance(DRAIN_AGAIN_SHARE)) break
        // What has just come to the other one moves on.
        await this.#pass(mesh, always, prng.between(20, 500))
        other?.drain().catch(() => {})
        break
      }
      case 'leave':
        if (mesh.awake.length < 2) break
        this.#count(kind)
        this.#leave(mesh, prng.pick(mesh.awake))
        break
      default: {
        const done = this.#net.trouble(mesh)
        if (done !== undefined) this.#count(done)
      }
    }
  }

  #work(mesh: SimulatedMesh): boolean {
    const node = this.prng.pick(mesh.awake)
    if (!knows(mesh, node, 'pipe')) return false
    this.world.stream(mesh, node, 1 + this.prng.below(200))
    return true
  }

  #leave(mesh: SimulatedMesh, node: NodeId): void {
    this.belt.onCrash(node)
    this.#workers.leave(mesh, node)
  }

  #crash(mesh: SimulatedMesh, node: NodeId): void {
    this.#net.onCrash(node)
    mesh.crash(node)
    this.world.onCrash(node)
    this.belt.onCrash(node)
    this.#workers.onCrash(node)
  }

  async #pass(mesh: SimulatedMesh, always: AlwaysChecker, durationMs: number): Promise<void> {
    const endMs = mesh.nowMs + durationMs
    while (mesh.nowMs < endMs) {
      await mesh.run(Math.min(LOOK_MS, endMs - mesh.nowMs))
      always.check(this.#net.soundSinceMs)
      this.belt.check(mesh)
      this.#workers.watch(mesh)
      this.#rebels.check(mesh)
      this.#sick.check(mesh)
      this.#net.pass(mesh)
      await this.#rolling.pass(mesh)
    }
  }

  /** The faults end; the mesh has time to recover. */
  async #peace(mesh: SimulatedMesh, always: AlwaysChecker): Promise<void> {
    this.world.victim = undefined
    this.belt.isTripped = false
    this.#rolling.end()
    this.#net.end(mesh)
    await this.#workers.restore(mesh)
    // One may stay down for ever: I6, everybody must have noticed.
    const isOneLeft = mesh.up.length > 1 && this.prng.chance(0.3)
    const down = mesh.ids.filter(id => !mesh.up.includes(id)).slice(isOneLeft ? 1 : 0)
    for (const id of this.acquaintance.neededOf(mesh.ids))
      if (!mesh.up.includes(id) && !down.includes(id)) down.push(id)
    for (const id of down) await mesh.start(id)
    // Before those that are emptied take work again: what leaves them goes on leaving.
    always.check(this.#net.soundSinceMs)
    this.#resume(mesh)
    await this.#calm(mesh, always)
    const isOpen = (): boolean =>
      this.world.streams.some(stream => !stream.isOrphan && !stream.isDone && stream.error === undefined)
    await mesh.until('all streams end', () => !isOpen() && !this.belt.isOpen, 60_000)
    await this.#sick.recover(mesh)
    await this.#workers.restart(mesh)
    await this.#groups.checkRecovery(mesh)
  }

  /** All nodes take work again, but for one at most: it may stay empty for ever. */
  #resume(mesh: SimulatedMesh): void {
    const isOneLeft = mesh.up.length > 1 && this.prng.chance(0.3)
    const drained = mesh.up.filter(id =>
      mesh
        .node(id)
        .members()
        .some(each => each.isSelf && each.isDraining),
    )
    for (const id of drained.slice(isOneLeft ? 1 : 0)) mesh.node(id).resume()
  }

  /**
   * Waits until all have found each other, know the same and run what is to run (I9, I18). Where all is well before it
   * must be, nothing but probes is left to simulate: most schedules end there, and some wait on, to see that it stays so.
   */
  async #calm(mesh: SimulatedMesh, always: AlwaysChecker): Promise<void> {
    const enoughMs = this.prng.chance(PATIENT_SHARE) ? Infinity : CALM_MS
    const healing = new Healing(mesh, this.world, slot => this.#sick.owns(slot))
    for (let calmMs = 0; healing.forMs < settleMs(mesh) && calmMs < enoughMs;) {
      await this.#pass(mesh, always, CALM_LOOK_MS)
      if (healing.forMs >= CONTACT_MS) checkConnected(mesh)
      calmMs = healing.haveAgreed() ? calmMs + CALM_LOOK_MS : 0
    }
    while (!healing.areAllLiving()) await this.#pass(mesh, always, CALM_LOOK_MS)
  }

  #countSeen(seen: Readonly<Record<string, number>>): void {
    for (const [kind, times] of Object.entries(seen)) if (times > 0) this.counts[kind] = times
  }

  #count(kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
  }
}

/** A node that was started alone, or has just come, may not have heard of everything. */
function knows(mesh: SimulatedMesh, node: string, spec: string): boolean {
  return mesh
    .node(node)
    .snapshot()
    .specs.some(({ id }) => id === spec)
}
