/**
 * Machines of their own on one machine: network namespaces, each with a link to one of two switches, which a cable
 * joins. What a firewall, a broken switch or a wrong neighbour does to a network can be done to them.
 */

import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A machine on the same switch answers in microseconds. */
const REACH_MS = 2_000

/** The address of the n-th machine, counted from 1. */
export function ipOf(machine: number): string {
  return `10.77.0.${machine}`
}

/** Why there can be no namespaces here; undefined: there can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are of Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const name = `mv${process.pid}try`
  try {
    execFileSync('ip', ['netns', 'add', name], { stdio: 'pipe' })
    execFileSync('ip', ['netns', 'exec', name, 'true'], { stdio: 'pipe' })
    return undefined
  } catch (error) {
    return `network namespaces cannot be made: ${error instanceof Error ? error.message.split('\n')[0] : ''}`
  } finally {
    try {
      execFileSync('ip', ['netns', 'del', name], { stdio: 'pipe' })
    } catch {
      // It was not made.
    }
  }
}

/** Where they are expected, tests that need them fail without them. `.ci/run` says so as root, with `ip` installed. */
export const areNamespacesExpected = process.env['MESHVISOR_NAMESPACES'] === 'expected'

/** Why tests that need them are skipped; undefined: they are not. */
export function whySkipped(): string | undefined {
  return areNamespacesExpected ? undefined : whyNoNamespaces()
}

export class Lab {
  readonly #prefix: string
  readonly #count: number

  private constructor(count: number) {
    this.#prefix = `mv${process.pid}`
    this.#count = count
  }

  /** Machines 1 to `count`: the first two on one switch, the others on the other. */
  static async create(count: number): Promise<Lab> {
    const lab = new Lab(count)
    const hub = lab.#hub
    await ip(['netns', 'add', hub])
    for (const side of ['left', 'right']) {
      await ip(['-n', hub, 'link', 'add', side, 'type', 'bridge'])
      await ip(['-n', hub, 'link', 'set', side, 'up'])
    }
    await ip(['-n', hub, 'link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'socket'])
    await lab.#plug('cable', 'left')
    await lab.#plug('socket', 'right')
    for (let machine = 1; machine <= count; machine++) await lab.#addMachine(machine)
    return lab
  }

  /** The namespace of a machine. */
  nameOf(machine: number): string {
    return `${this.#prefix}n${machine}`
  }

  /** Nothing passes between the switches: no answer, no error. */
  async cut(): Promise<void> {
    await ip(['-n', this.#hub, 'link', 'set', 'cable', 'down'])
  }

  async heal(): Promise<void> {
    await ip(['-n', this.#hub, 'link', 'set', 'cable', 'up'])
  }

  /** What one machine sends to another goes to nobody, although both are well and everybody else reaches both. */
  async blackHole(from: number, to: number): Promise<void> {
    const wrong = ['lladdr', '02:00:00:00:00:99', 'dev', 'eth0', 'nud', 'permanent']
    await ip(['-n', this.nameOf(from), 'neigh', 'replace', ipOf(to), ...wrong])
  }

  async fillHole(from: number, to: number): Promise<void> {
    await ip(['-n', this.nameOf(from), 'neigh', 'del', ipOf(to), 'dev', 'eth0'])
  }

  /** Nothing goes from a machine to any other, or comes from one: no answer, no error, and its link looks well. */
  async isolate(machine: number): Promise<void> {
    for (const other of this.#othersOf(machine)) {
      await Promise.all([this.blackHole(machine, other), this.blackHole(other, machine)])
    }
  }

  async rejoin(machine: number): Promise<void> {
    for (const other of this.#othersOf(machine)) {
      await Promise.all([this.fillHole(machine, other), this.fillHole(other, machine)])
    }
  }

  #othersOf(machine: number): number[] {
    return Array.from({ length: this.#count }, (_, index) => index + 1).filter(other => other !== machine)
  }

  /** Whether a connection can be opened from one machine to a port of another. */
  async canReach(from: number, to: number, port: number): Promise<boolean> {
    const script = `require('node:net').connect(${port}, '${ipOf(to)}').on('connect', () => process.exit(0)).on('error', () => process.exit(1)); setTimeout(() => process.exit(1), ${REACH_MS})`
    try {
      await run('ip', ['netns', 'exec', this.nameOf(from), process.execPath, '-e', script])
      return true
    } catch {
      return false
    }
  }

  /** A cable of their own between two machines, beside the network in which all are, by which the internet would be reached. */
  async join(one: number, other: number): Promise<void> {
    const far = ['peer', 'name', 'eth1', 'netns', this.nameOf(other)]
    await ip(['-n', this.nameOf(one), 'link', 'add', 'eth1', 'type', 'veth', ...far])
    for (const machine of [one, other]) {
      const name = this.nameOf(machine)
      await ip(['-n', name, 'addr', 'add', `10.78.0.${machine}/24`, 'dev', 'eth1'])
      await ip(['-n', name, 'link', 'set', 'eth1', 'up'])
      await ip(['-n', name, 'route', 'add', 'default', 'via', ipOf(254), 'dev', 'eth0'])
    }
  }

  async remove(): Promise<void> {
    for (let machine = 1; machine <= this.#count; machine++) {
      await ip(['netns', 'del', this.nameOf(machine)]).catch(() => {})
    }
    await ip(['netns', 'del', this.#hub]).catch(() => {})
  }

  get #hub(): string {
    return `${this.#prefix}hub`
  }

  async #addMachine(machine: number): Promise<void> {
    const name = this.nameOf(machine)
    const port = `port${machine}`
    await ip(['netns', 'add', name])
    await ip(['-n', this.#hub, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name])
    await this.#plug(port, machine <= 2 ? 'left' : 'right')
    await ip(['-n', name, 'addr', 'add', `${ipOf(machine)}/24`, 'dev', 'eth0'])
    await ip(['-n', name, 'link', 'set', 'eth0', 'up'])
    await ip(['-n', name, 'link', 'set', 'lo', 'up'])
  }

  async #plug(link: string, bridge: string): Promise<void> {
    await ip(['-n', this.#hub, 'link', 'set', link, 'master', bridge])
    await ip(['-n', this.#hub, 'link', 'set', link, 'up'])
  }
}

async function ip(args: readonly string[]): Promise<void> {
  await run('ip', [...args])
}
