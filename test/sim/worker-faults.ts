/**
 * What random schedules do to standalone workers that move: calls at all times, stops, restarts and removals from any
 * node, nodes that leave. And what must hold of them: notes are made by the workers themselves.
 */

import { type NodeId, type Run, type SlotId, isSameRun, slotId, specId } from '../../src/ids.ts'
import type { DataPlane } from '../../src/node/data-plane.ts'
import { defineServer } from '../../src/node/workers/behaviours.ts'
import type { ServerContext } from '../../src/node/workers/context.ts'
import { runOutside } from '../../src/node/workers/scope.ts'
import type { Prng } from '../../src/prng.ts'
import { generationOf } from '../../src/protocol/fencing-token.ts'
import { type MemberRow, isOver } from '../../src/protocol/member-row.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { Calls } from './calls.ts'
import { InvariantError } from './invariant-error.ts'
import { TokenLog } from './token-log.ts'
import { type Said, Wishes } from './wishes.ts'
import type { World } from './world.ts'

const IDS = ['m0', 'm1', 'm2', 'm3', 'm4', 'm5']

/** So often, what a mover does as it goes fails: that costs its state, and nothing else. */
const FAULT_SHARE = 0.1

/** I46: 45 s, by a clock that may be slow. */
const LEAVE_MS_MAX = 46_000

interface Leave {
  readonly node: string
  readonly atMs: number
  doneMs: number | undefined
}

/** Made for the worker of that generation, how often it has come to any, and on which run of which node last. */
interface Cast {
  readonly slot: string
  readonly generation: number
  count: number
  run: Run | undefined
}

export class WorkerFaults {
  readonly #world: World
  readonly #prng: Prng
  readonly calls: Calls
  readonly #wishes = new Wishes()
  readonly #tokens = new TokenLog()
  readonly #leaves: Leave[] = []
  readonly #casts: Cast[] = []
  #forkedCount = 0
  #mesh: SimulatedMesh | undefined

  /** Moves with its state, and fences itself: what is written with a smaller token than an earlier one is refused. */
  readonly mover = defineServer('mover', {
    init: context => {
      const { node, worker, token } = context
      const key = `${node} ${worker} ${token.generation} ${context.random.uint32()}`
      // Not of the node itself: workers may run from the very moment it takes work, before its user has it in hand.
      const run = this.#mesh?.runOf(node) ?? 0
      this.#tokens.issue(worker, node, { run, token })
      if (this.#mesh !== undefined) this.#world.violation ??= this.#wishes.onStart(this.#mesh, node, worker)
      this.#world.living.set(key, { worker, node, generation: generationOf(token).number })
      return { key, context, total: typeof context.handoff === 'number' ? context.handoff : 0 }
    },
    call: {
      add: async (state, id: number, tookMs: number) => {
        this.calls.onExecuted(id)
        state.total += 1
        if (tookMs > 0) await state.context.sleep(tookMs)
        return id
      },
    },
    cast: { heed: ({ context }, id: number) => this.#onCast(id, context) },
    handoff: state => {
      if (state.context.random.chance(FAULT_SHARE)) throw new Error('the handoff fails')
      return state.total
    },
    terminate: state => {
      this.#world.living.delete(state.key)
      if (state.context.random.chance(FAULT_SHARE)) throw new Error('it cannot put its things away')
      // Some node casts, not this worker.
      runOutside(() => queueMicrotask(() => this.#castAfter(state.context.worker)))
    },
  })

  constructor(world: World, prng: Prng) {
    this.#world = world
    this.#prng = prng
    this.calls = new Calls(prng.fork('calls'))
  }

  /** What the checkers of words and tokens have seen. */
  get counts(): Readonly<Record<string, number>> {
    return {
      'word-done': this.#wishes.doneCount,
      'word-outlived': this.#wishes.outlivedCount,
      'token-outlived': this.#tokens.outlivedCount,
      'cast-forked': this.#forkedCount,
    }
  }

  async declare(mesh: SimulatedMesh): Promise<void> {
    this.#mesh = mesh
    await Promise.all(IDS.map(id => this.#add(mesh, 'n1', id)))
  }

  /** Some node calls some worker. @returns whether it could */
  callOne(mesh: SimulatedMesh): boolean {
    const node = this.#prng.pick(mesh.awake)
    const name = this.#prng.pick(IDS)
    const worker = mesh.node(node).findWorker(name, this.mover)
    if (worker === undefined) return false
    if (this.#prng.chance(0.5)) this.#cast(mesh, node, slotId(specId(name)), id => worker.cast.heed(id))
    this.calls.make(mesh, node, (options, id, tookMs) => worker.with(options).call.add(id, tookMs))
    return true
  }

  /** A worker has just ended: some do not know yet, and what they cast goes after it, where it has moved. */
  #castAfter(name: string): void {
    const mesh = this.#mesh
    if (mesh === undefined || mesh.awake.length === 0 || this.#prng.chance(0.5)) return
    const node = this.#prng.pick(mesh.awake)
    const worker = mesh.node(node).findWorker(name, this.mover)
    if (worker !== undefined) this.#cast(mesh, node, slotId(specId(name)), id => worker.cast.heed(id))
  }

  #cast(mesh: SimulatedMesh, node: string, slot: SlotId, cast: (id: number) => void): void {
    const route = mesh.node(node).inspect().plane.router.find(slot)
    if (route === undefined) return
    const id = this.#casts.length
    this.#casts.push({ slot, generation: route.generation.number, count: 0, run: undefined })
    cast(id)
  }

  /**
   * I44: it is not sent on to an older worker than the one that it was for; and it comes once, or never. But where the heir
   * of a worker is cut off, or dies, just as it was given what was left behind, its mailbox goes to the next one as well,
   * as its state does.
   */
  #onCast(id: number, { node, token }: ServerContext): void {
    const cast = this.#casts[id]
    if (cast === undefined || this.#mesh === undefined) return
    cast.count += 1
    const { number: generation } = generationOf(token)
    const { self, ledger } = this.#mesh.node(node).inspect().core
    const isForked = cast.run !== undefined && isRunOver(cast.run, ledger.tables.members)
    cast.run = { id: self.id, boot: self.boot }
    if (isForked) this.#forkedCount += 1
    if (generation < cast.generation || (cast.count > 1 && !isForked))
      this.#world.violation ??= `I44: ${JSON.stringify(cast)} came to generation ${generation}`
  }

  /** A user stops, restarts, removes or adds a worker; nobody waits for it. @returns whether there was anything to do */
  editOne(mesh: SimulatedMesh): boolean {
    const name = this.#prng.pick(mesh.awake)
    const id = this.#prng.pick(IDS)
    const node = mesh.node(name)
    const isThere = node.findWorker(id) !== undefined
    const kind = this.#prng.pick(['restart', 'restart', 'stop', 'remove'])
    const doing = isThere ? this.#edit(mesh, name, { id, kind }) : this.#add(mesh, name, id)
    doing.catch(() => {})
    return true
  }

  /** A node says good-bye, in its own time. */
  leave(mesh: SimulatedMesh, node: string): void {
    const leave: Leave = { node, atMs: mesh.nowMs, doneMs: undefined }
    this.#leaves.push(leave)
    this.#world.onLeave(node)
    void this.#follow(mesh, leave)
  }

  async #follow(mesh: SimulatedMesh, leave: Leave): Promise<void> {
    const { plane } = mesh.node(leave.node).inspect()
    const dead = new Map<string, number>()
    const note = mesh.node(leave.node).on('item:dead', ({ chain, reason }) => {
      if (reason.name === 'NodeStoppedError') dead.set(chain, (dead.get(chain) ?? 0) + 1)
    })
    await mesh.leave(leave.node)
    note()
    // It has crashed meanwhile: nothing is known of its items.
    if (leave.doneMs === undefined) this.#checkItems(leave.node, plane, dead)
    // It has crashed meanwhile, and may be up again.
    if (leave.doneMs !== undefined) return
    leave.doneMs = mesh.nowMs
    this.#onEnd(mesh)
    this.#world.onCrash(leave.node)
  }

  /** I46: what was accepted has come out, or was told of as dead: nothing has gone without a word. */
  #checkItems(node: string, plane: DataPlane, told: ReadonlyMap<string, number>): void {
    for (const id of ['pipe', 'belt']) {
      const { size, stats } = plane.chain(specId(id)).ingress
      const { accepted, finished, dead, dropped } = stats
      const isRight = size === 0 && accepted === finished + dead + dropped
      if (!isRight || dropped !== (told.get(id) ?? 0))
        this.#world.violation ??= `I46: ${node} left with ${size} items of ${JSON.stringify(stats)}, ${told.get(id)} told`
    }
  }

  /** The process of a node is gone, and perhaps what was said there last. */
  onCrash(node: string): void {
    if (this.#mesh !== undefined) this.#onEnd(this.#mesh)
    for (const leave of this.#leaves) if (leave.node === node) leave.doneMs ??= leave.atMs
    this.calls.onCrash(node)
  }

  #onEnd(mesh: SimulatedMesh): void {
    this.#wishes.onEnd(mesh)
    this.#tokens.note(mesh)
  }

  /** At every look. */
  watch(mesh: SimulatedMesh): void {
    this.calls.check(mesh)
    const violation = this.#wishes.watch(mesh)
    if (violation !== undefined) throw new InvariantError(violation)
  }

  /** The faults have ended: whoever leaves does so, and all that is declared shall run. */
  async restore(mesh: SimulatedMesh): Promise<void> {
    await mesh.until('all who leave have left', () => mesh.leaving.length === 0, 60_000)
    for (const { node, atMs, doneMs } of this.#leaves) {
      // I46
      if (doneMs === undefined || doneMs - atMs > LEAVE_MS_MAX)
        throw new InvariantError(`I46: ${node} has left after ${(doneMs ?? Number.NaN) - atMs} ms`)
    }
  }

  /** Once all agree on what is declared. */
  async restart(mesh: SimulatedMesh): Promise<void> {
    const node = mesh.node(this.#prng.pick(mesh.up))
    this.#wishes.check(mesh, node.id)
    for (const { id, status } of node.listWorkers())
      if (status.kind === 'stopped') await mesh.settle(node.restartWorker(id))
    const isPlaced = (id: string): boolean => {
      const { ledger } = node.inspect().core
      const claim = ledger.tables.claims.get(id)
      return claim?.state === 'running' && claim.owner.id === ledger.ownerOf(slotId(specId(id)))
    }
    const known = IDS.filter(id => node.findWorker(id) !== undefined)
    await mesh.until('all workers are where placement wants them', () => known.every(isPlaced), 120_000)
    await mesh.until('all calls have ended', () => !this.calls.isOpen)
    await mesh.run(3_000)
  }

  /** What holds when all is quiet. */
  check(mesh: SimulatedMesh): void {
    this.calls.checkSettled()
    for (const id of mesh.up) {
      const { core } = mesh.node(id).inspect()
      for (const claim of core.ledger.tables.claims.rows()) {
        // I22: nothing that has happened to a mover was its own fault.
        if (!IDS.includes(claim.slot) || claim.restarts.length === 0) continue
        throw new InvariantError(`I22: for ${id}, ${claim.slot} has been restarted: ${JSON.stringify(claim)}`)
      }
    }
    for (const living of this.#world.living.values()) {
      if (IDS.includes(living.worker)) this.#tokens.check(mesh, living)
    }
  }

  async #add(mesh: SimulatedMesh, node: string, id: string): Promise<void> {
    const intensity = { restarts: 1_000, withinMs: 1_000 }
    const adding = mesh.node(node).addWorker({ id, run: this.mover, intensity })
    try {
      await this.#told(mesh, { id, wish: 'running', node }, adding)
    } catch (error) {
      this.#wishes.doubt(mesh, { id, node })
      throw error
    }
  }

  #edit(
    mesh: SimulatedMesh,
    name: string,
    what: { readonly id: string; readonly kind: string },
  ): Promise<void> {
    const node = mesh.node(name)
    const { id, kind } = what
    switch (kind) {
      case 'stop':
        return this.#told(mesh, { id, wish: 'stopped', node: name }, node.stopWorker(id))
      case 'remove':
        return this.#told(mesh, { id, wish: 'removed', node: name }, node.removeWorker(id))
      default:
        return this.#told(mesh, { id, wish: 'running', node: name }, node.restartWorker(id))
    }
  }

  /** It was just asked for. */
  async #told(
    mesh: SimulatedMesh,
    what: Pick<Said, 'id' | 'wish' | 'node'>,
    doing: Promise<unknown>,
  ): Promise<void> {
    const said = this.#wishes.say(mesh, what)
    await doing
    this.#world.violation ??= this.#wishes.done(mesh, said)
  }
}

/** Whether a run of a node is over, as far as another one knows. */
function isRunOver(run: Run, members: { get(id: NodeId): MemberRow | undefined }): boolean {
  const row = members.get(run.id)
  return row !== undefined && (row.boot > run.boot || (isSameRun(row, run) && isOver(row)))
}
