// shell
/** Starts a real node: the only place where the core meets libp2p and the clock of the machine. */

import { randomBytes } from 'node:crypto'

import { ClockError, EngineError, ListenError } from '../errors.ts'
import { DataFolder } from '../io/system/data-folder.ts'
import { SystemDirectory } from '../io/system/directory.ts'
import { addressOfLastRun, notePort } from '../io/system/last-port.ts'
import { silentLogger, stderrLogger } from '../io/system/loggers.ts'
import { systemClock } from '../io/system/system-clock.ts'
import { systemMachine } from '../io/system/system-machine.ts'
import type { Logger } from '../ports.ts'
import { Node } from './node.ts'
import { type NodeInit, type NodeOptions, checkOptions } from './options.ts'
import { noteRunning, takeName } from './running.ts'
import { Registry } from './workers/registry.ts'
import { refuseFenced, runOutside } from './workers/scope.ts'

/** As `engines` in package.json says: npm only warns of it. */
const NODE_MAJOR_MIN = 24

/**
 * Starts a node, and joins a mesh if there is one. Resolves when the node takes work.
 * @throws {OptionsError} naming every bad field; {ListenError} when an address cannot be listened on;
 * {AlreadyRunningError} when a node of the same name and cluster runs in this process; {DataFolderError} when the data folder
 * cannot be used, or another node does and does not give way; {DuplicateIdentityError} when a third one has come meanwhile;
 * {EngineError} when this Node is too old; {ClockError} when the wall clock stands before 1970; {FencedError} from code of a worker that is over;
 * the reason of `signal` when it aborts before the node takes work
 * @example
 * await using node = await createNode({ cluster: 'line-7', behaviours: [counter] })
 */
export async function createNode(init: NodeInit = {}): Promise<Node> {
  refuseOldEngine()
  refuseOldTime()
  refuseFenced()
  const options = checkOptions(init)
  const { cluster, name, signal } = options
  signal?.throwIfAborted()
  const release = takeName(cluster, name)
  try {
    // Where code of a worker starts it, nothing of it is on the account of that worker.
    const node = await runOutside(() => openNode(options))
    if (signal?.aborted === true) await node.stop()
    signal?.throwIfAborted()
    const forget = noteRunning(node, cluster, name)
    const stop = (): void => void node.stop()
    signal?.addEventListener('abort', stop, { once: true })
    void node.stopped.then(forget)
    // The signal may be that of the whole program.
    void node.stopped.then(() => signal?.removeEventListener('abort', stop))
    return node
  } catch (error) {
    release()
    throw error
  }
}

function refuseOldEngine(): void {
  const major = Number(process.versions.node.split('.')[0])
  if (major < NODE_MAJOR_MIN) throw new EngineError(process.versions.node, NODE_MAJOR_MIN)
}

function refuseOldTime(): void {
  const wallMs = systemClock.wallMs()
  if (wallMs < 0) throw new ClockError(wallMs)
}

async function openNode(options: NodeOptions): Promise<Node> {
  const logger = options.logger === false ? silentLogger : (options.logger ?? stderrLogger)
  // Only here, so that a thread that imports a module of behaviours does not load libp2p along with it.
  const { Libp2pTransport } = await import('../io/libp2p/libp2p-transport.ts')
  const { idOf, makeKey, readKey } = await import('../io/libp2p/identity.ts')
  // What can be wrong with this node is found before another one is asked to give way to it.
  Libp2pTransport.refuseUnusable(options.listen)
  const registry = await Registry.of(options.behaviours)
  const folder = await openFolder(options, logger, { makeKey, idOf })
  try {
    const privateKey = folder === undefined ? undefined : readKey(folder.key, folder.path)
    const startAt = async (listen: readonly string[]): Promise<Node> => {
      const transport = await Libp2pTransport.create({
        ...options,
        listen,
        logger,
        privateKey,
        clock: systemClock,
      })
      const directory = new SystemDirectory({ ...options, folder, logger })
      const boot = folder?.boot ?? systemClock.wallMs()
      const ports = { clock: systemClock, transport, logger, directory, machine: systemMachine, boot }
      return Node.start(options, ports, randomBytes(16).toString('hex'), registry)
    }
    return await startWhereItWas(startAt, options.listen, folder?.path, logger)
  } catch (error) {
    await folder?.close()
    throw error
  }
}

/** At the port of the last run, where any will do and that one is free: others that were stopped as well look for it there. */
async function startWhereItWas(
  startAt: (listen: readonly string[]) => Promise<Node>,
  listen: readonly string[],
  folder: string | undefined,
  logger: Logger,
): Promise<Node> {
  if (folder === undefined) return startAt(listen)
  const last = await addressOfLastRun(folder, listen, message => logger.warn({}, message))
  const node = await startAt(last === undefined ? listen : [last]).catch((error: unknown) => {
    if (last === undefined || !(error instanceof ListenError)) throw error
    return startAt(listen)
  })
  await notePort(folder, node.addresses)
  return node
}

async function openFolder(
  { dataFolder, signal }: NodeOptions,
  logger: Logger,
  keys: {
    readonly makeKey: () => Promise<Uint8Array>
    readonly idOf: (bytes: Uint8Array, folder: string) => string
  },
): Promise<DataFolder | undefined> {
  if (dataFolder === undefined) return undefined
  return DataFolder.open({
    path: dataFolder,
    makeKey: keys.makeKey,
    idOf: key => keys.idOf(key, dataFolder),
    signal,
    wallMs: () => systemClock.wallMs(),
    onWarning: message => logger.warn({}, message),
  })
}
