// shell
/** Where to look for a mesh, besides multicast: seeds, and the addresses of earlier runs. */

import type { NodeId } from '../../ids.ts'
import { isNodeId } from '../../ids.ts'
import type { Directory, DirectoryHandlers, Logger } from '../../ports.ts'
import type { DataFolder } from './data-folder.ts'
import { Seeds } from './seeds.ts'

export interface SystemDirectoryInit {
  readonly seeds: readonly string[]
  readonly peersFile: string | undefined
  readonly folder: DataFolder | undefined
  readonly logger: Logger
}

export class SystemDirectory implements Directory {
  readonly #init: SystemDirectoryInit
  #seeds: Seeds | undefined

  constructor(init: SystemDirectoryInit) {
    this.#init = init
  }

  start(handlers: DirectoryHandlers): void {
    const { seeds, peersFile, folder, logger } = this.#init
    folder?.onReplaced(boot => handlers.onReplaced(boot))
    for (const { id, addresses } of folder?.peers() ?? []) {
      if (isNodeId(id)) handlers.onKnown(id, addresses)
    }
    this.#seeds = new Seeds({
      seeds,
      file: peersFile,
      onAwaited: name => handlers.onAwaited(name),
      onSeed: (address, name) => handlers.onSeed(address, name),
      onSeedGone: address => handlers.onSeedGone(address),
      onWarning: message => logger.warn({}, message),
    })
    this.#seeds.start()
  }

  remember(peer: NodeId, addresses: readonly string[]): void {
    this.#init.folder?.remember(peer, addresses)
  }

  part(peer: NodeId): void {
    this.#init.folder?.part(peer)
  }

  async stop(): Promise<void> {
    this.#seeds?.stop()
    await this.#init.folder?.close()
  }
}
