// shell
/**
 * A whole mesh in one process, on virtual time, with faults, from one seed: production nodes on a simulated network.
 * The same seed gives the same run, to the byte.
 */

import { type NodeId, nodeId } from '../ids.ts'
import type { NodeClock, Pause } from '../io/memory/node-clock.ts'
import type { NetworkConditions } from '../io/memory/network-conditions.ts'
import { SimulatedNetwork } from '../io/memory/simulated-network.ts'
import { VirtualClock } from '../io/memory/virtual-clock.ts'
import { silentLogger } from '../io/system/loggers.ts'
import { Node } from '../node/node.ts'
import type { NodeOptions } from '../node/options.ts'
import type { Directory } from '../ports.ts'
import { Prng } from '../prng.ts'
import { PUSHED_MAX } from '../protocol/limits.ts'
import { PROTOCOL } from '../protocol/messages.ts'
import { TIMINGS } from '../protocol/timings.ts'
import { type SimulationInit, checkConditions, checkSimulation } from './simulation-options.ts'
import { TraceHash } from './trace-hash.ts'

/** Something that did not happen in time; the message has the seed that replays it. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError'
}

interface Machine {
  readonly id: NodeId
  readonly clock: NodeClock
  readonly node: Node
  isLeaving: boolean
}

const DEFAULT_PATIENCE_MS = 60_000

export class SimulatedMesh implements AsyncDisposable {
  readonly seed: number | string
  /** The names of all nodes, also of those that are down. */
  readonly ids: readonly NodeId[]
  readonly #init: SimulationInit
  /** What all nodes have otherwise than real ones. */
  readonly #others: Partial<NodeOptions>
  readonly #clock = new VirtualClock()
  readonly #network: SimulatedNetwork
  readonly #machines = new Map<NodeId, Machine>()
  readonly #runs = new Map<NodeId, number>()
  /** What is left on the disks of the nodes: the number of the last run. */
  readonly #boots = new Map<NodeId, number>()
  /** By how much wall clocks are ahead, where they are. */
  readonly #skewsMs = new Map<NodeId, number>()
  /** How fast clocks go, where they do not keep time. */
  readonly #rates = new Map<NodeId, number>()
  readonly #trace = new TraceHash()

  /** @internal */
  constructor(init: SimulationInit, others: Partial<NodeOptions> = {}) {
    this.ids = checkSimulation(init).map(nodeId)
    const { seed = 1 } = init
    this.#init = init
    this.#others = others
    this.seed = seed
    this.#network = new SimulatedNetwork(this.#clock, new Prng(`${seed} network`), (line, bytes) => {
      this.#record(line, bytes)
    })
    this.#network.setConditions(init.conditions ?? {})
  }

  /** Virtual milliseconds since the beginning. */
  get nowMs(): number {
    return this.#clock.nowMs
  }

  /** A hash of everything that has happened on the network, and when: equal for equal seeds. */
  get traceHash(): string {
    return this.#trace.toString()
  }

  /** The nodes that are up. */
  get up(): readonly NodeId[] {
    return this.ids.filter(id => this.#machines.get(id)?.isLeaving === false)
  }

  /** The nodes that are about to leave: they are neither up nor down. */
  get leaving(): readonly NodeId[] {
    return this.ids.filter(id => this.#machines.get(id)?.isLeaving === true)
  }

  /** The nodes that are up and not frozen. */
  get awake(): readonly NodeId[] {
    return this.up.filter(id => !this.isFrozen(id))
  }

  /** @throws {SimulationError} when the node is down, or there is none of that name */
  node(name: string): Node {
    return this.#machineOf(name).node
  }

  /** The how-manieth run of the node this is: 1 for the first, 0 before. */
  runOf(name: string): number {
    return this.#runs.get(nodeId(name)) ?? 0
  }

  /** What the clock of a node shows: virtual milliseconds, but for what its machine has slept, and how fast it goes. */
  timeOf(name: string): number {
    return this.#machineOf(name).clock.nowMs()
  }

  /** Lets virtual time pass. @throws {StandstillError} when it does not: something is due at once without end */
  async run(durationMs: number): Promise<void> {
    await this.#clock.run(durationMs)
  }

  /** Lets time pass until `condition` holds. @throws {SimulationError} when it does not within `withinMs` @default 60_000 */
  async until(what: string, condition: () => boolean, withinMs = DEFAULT_PATIENCE_MS): Promise<void> {
    const untilMs = this.nowMs + withinMs
    await this.#clock.drain()
    while (!condition()) {
      if (this.nowMs > untilMs || !(await this.#clock.step())) {
        throw new SimulationError(`not within ${withinMs} ms: ${what} (seed ${this.seed})`)
      }
    }
  }

  /** Lets time pass until `promise` settles. @returns what it resolves to @throws what it rejects with */
  async settle<T>(promise: Promise<T>, withinMs = DEFAULT_PATIENCE_MS): Promise<T> {
    let isSettled = false
    void Promise.allSettled([promise]).then(() => (isSettled = true))
    await this.until('a promise settles', () => isSettled, withinMs)
    return promise
  }

  /** Starts a node that is down, or was never up, as a new run of it. */
  async start(name: string): Promise<Node> {
    return this.settle(this.#launch(nodeId(name)))
  }

  /** Starts several nodes at the same moment. */
  async startAll(names: readonly string[] = this.ids): Promise<void> {
    await this.settle(Promise.all(names.map(name => this.#launch(nodeId(name)))))
  }

  /**
   * The process is gone from one moment to the next, with everything in its memory. What it had sent may still arrive,
   * and then the ends of its sessions.
   */
  crash(name: string): void {
    const { id, clock } = this.#machineOf(name)
    this.#record(`crash ${id}`)
    this.#machines.delete(id)
    clock.stop()
    this.#network.detach(id)
  }

  /** A graceful end: it says good-bye, and is gone when it has handed over what it had. */
  async stop(name: string): Promise<void> {
    await this.settle(this.leave(name))
  }

  /** The same, in the background: it resolves as time passes. */
  async leave(name: string): Promise<void> {
    const machine = this.#machineOf(name)
    this.#record(`leave ${machine.id}`)
    machine.isLeaving = true
    await machine.node.stop()
    if (this.#machines.get(machine.id) === machine) this.#machines.delete(machine.id)
  }

  /**
   * The process stands still, as by SIGSTOP, a long garbage collection or a closed lid: none of its code runs, its
   * sessions stay open, and what comes for it waits. Do not use its node until it is thawed.
   */
  freeze(name: string): void {
    const { id, clock } = this.#machineOf(name)
    clock.freeze()
    this.#network.freeze(id)
  }

  /**
   * It goes on with everything that has come due and come in meanwhile. `stopped`: only the process stood still;
   * `asleep`: its machine did, so that its timers have as much of their time left as before, and only its wall clock
   * tells. @default 'stopped'
   */
  thaw(name: string, pause: Pause = 'stopped'): void {
    const { id, clock } = this.#machineOf(name)
    clock.thaw(pause)
    this.#network.thaw(id)
  }

  /** Whether the node has been frozen, and not thawed since. */
  isFrozen(name: string): boolean {
    return this.#machineOf(name).clock.isFrozen
  }

  /** Its wall clock is ahead by `skewMs` from now on, or behind where it is negative: of this run and of later ones. */
  setClock(name: string, skewMs: number): void {
    const id = nodeId(name)
    this.#record(`clock ${id} ${skewMs}`)
    this.#skewsMs.set(id, skewMs)
    const machine = this.#machines.get(id)
    if (machine !== undefined) machine.clock.skewMs = skewMs
  }

  /** Its clocks go so fast from now on, in this run and in later ones: 1.01 is a hundredth too fast. */
  setClockRate(name: string, rate: number): void {
    const id = nodeId(name)
    if (!(rate > 0))
      throw new SimulationError(`a clock does not go ${rate} times as fast (seed ${this.seed})`)
    this.#record(`rate ${id} ${rate}`)
    this.#rates.set(id, rate)
    this.#machines.get(id)?.clock.setRate(rate)
  }

  /** Whether something is cut between two nodes, in one direction or both. */
  isCut(a: string, b: string): boolean {
    return this.#network.isCut(nodeId(a), nodeId(b))
  }

  /** Nothing gets from any node of one side to any node of another. Nodes that are not named keep all their links. */
  partition(...sides: readonly (readonly string[])[]): void {
    this.#record(`partition ${sides.map(side => side.join('+')).join(' | ')}`)
    for (const [index, side] of sides.entries()) {
      for (const other of sides.slice(index + 1).flat()) for (const name of side) this.cut(name, other)
    }
  }

  /** Nothing gets through between two nodes, in either direction: not even the end of a session. */
  cut(a: string, b: string): void {
    this.#network.cut(nodeId(a), nodeId(b))
    this.#network.cut(nodeId(b), nodeId(a))
  }

  /** Nothing gets from one node to another; what the other sends arrives. */
  cutOneWay(from: string, to: string): void {
    this.#record(`cut ${from}>${to}`)
    this.#network.cut(nodeId(from), nodeId(to))
  }

  /** Everything gets through again between two nodes. */
  mend(a: string, b: string): void {
    this.#network.mend(nodeId(a), nodeId(b))
    this.#network.mend(nodeId(b), nodeId(a))
  }

  /** Everything gets through again. */
  heal(): void {
    this.#record('heal')
    for (const a of this.ids) for (const b of this.ids) if (a !== b) this.#network.mend(a, b)
  }

  /** The session between two nodes breaks, and what was on its way is lost. They are free to start another one. */
  breakSession(a: string, b: string): void {
    this.#record(`break ${a}-${b}`)
    this.#network.breakSession(nodeId(a), nodeId(b))
  }

  /** From now on: delays, losses, time-outs. @throws {OptionsError} naming every bad field */
  setConditions(conditions: Partial<NetworkConditions>): void {
    checkConditions(conditions)
    this.#network.setConditions(conditions)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#machines.keys()) this.crash(id)
  }

  async #launch(id: NodeId): Promise<Node> {
    if (this.#machines.has(id)) throw new SimulationError(`node ${id} is up already (seed ${this.seed})`)
    const run = (this.#runs.get(id) ?? 0) + 1
    this.#runs.set(id, run)
    this.#record(`start ${id}`)
    const clock = this.#clock.fork(this.#skewsMs.get(id))
    clock.setRate(this.#rates.get(id) ?? 1)
    const boot = Math.max(clock.wallMs(), (this.#boots.get(id) ?? 0) + 1)
    this.#boots.set(id, boot)
    const ports = {
      clock,
      transport: this.#network.transport(id),
      logger: this.#init.logger ?? silentLogger,
      directory: this.#directoryOf(id),
      boot,
    }
    const node = await Node.start(this.#optionsOf(id), ports, `${this.seed} ${id} ${run}`)
    this.#machines.set(id, { id, clock, node, isLeaving: false })
    return node
  }

  #optionsOf(id: NodeId): NodeOptions {
    const { behaviours = [], behavioursOf = {}, weightOf = {}, labelsOf = {}, ...rest } = this.#init
    const { profile = 'lan', timings } = rest
    return {
      cluster: 'simulation',
      secret: '',
      name: id,
      behaviours: behavioursOf[id] ?? behaviours,
      listen: [],
      mdns: false,
      seeds: [],
      peersFile: undefined,
      dataFolder: undefined,
      allow: undefined,
      role: 'member',
      weight: weightOf[id] ?? 1,
      labels: labelsOf[id] ?? {},
      logger: false,
      protocol: PROTOCOL,
      timings: { ...TIMINGS[profile], ...timings },
      pushedMax: PUSHED_MAX,
      ...this.#others,
    }
  }

  /** Every node knows the addresses of others from the beginning. */
  #directoryOf(id: NodeId): Directory {
    const { seeds, seedsOf = {} } = this.#init
    const known = seedsOf[id]?.map(name => nodeId(name)) ?? this.ids.slice(0, seeds)
    const others = known.filter(other => other !== id).map(other => SimulatedNetwork.addressOf(other))
    return {
      start: handlers => others.forEach(address => handlers.onSeed(address)),
      remember: () => {},
      part: () => {},
      stop: async () => {},
    }
  }

  #machineOf(name: string): Machine {
    const machine = this.#machines.get(nodeId(name))
    if (machine === undefined) throw new SimulationError(`node ${name} is not up (seed ${this.seed})`)
    return machine
  }

  #record(what: string, bytes?: Uint8Array): void {
    const { nowMs } = this
    this.#trace.add(nowMs, what, bytes)
    const line = bytes === undefined ? what : `${what} ${bytes.length}b`
    this.#init.onTrace?.(`${nowMs.toFixed(3)} ${line}`)
  }
}

/**
 * Starts a mesh, and waits until its nodes take work. See `SimulatedMesh` for what can be done to it.
 * @throws {OptionsError} naming every bad field
 */
export async function simulate(init: SimulationInit = {}): Promise<SimulatedMesh> {
  const mesh = new SimulatedMesh(init)
  await mesh.startAll()
  return mesh
}
