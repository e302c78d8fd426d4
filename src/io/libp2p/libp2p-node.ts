// shell
/**
 * libp2p as a mesh of one cluster needs it: TCP, Noise, yamux, gossipsub, and nothing that dials, pings or prunes on
 * its own. Many defaults of libp2p are for the open internet and would quietly break a cluster: each line says how.
 */

import { type GossipSub, gossipsub } from '@libp2p/gossipsub'
import type {
  ComponentLogger,
  ConnectionGater,
  Libp2p,
  Logger as Libp2pLogger,
  MultiaddrConnection,
  PrivateKey,
} from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'

import { nodeId } from '../../ids.ts'
import { DIAL_ADDRESSES_MAX, type Logger } from '../../ports.ts'
import { NotLetInError, textOf } from './dial-failure.ts'
import { forgetThoseApart } from './forgetting.ts'
import type { Gate } from './gate.ts'
import { MESSAGE_ID_BYTES } from './gossip.ts'
import { handshakeFailure } from './handshake-failure.ts'
import { Introduction, type IntroductionComponents } from './introduction.ts'
import { KnownHosts } from './known-hosts.ts'
import { Listening, type ListeningComponents } from './listening.ts'
import { deriveMeshKeys } from './mesh-keys.ts'
import { meshNoise } from './mesh-noise.ts'
import { ADDRESS_TIMEOUT_MS, HANDSHAKES_MAX, HANDSHAKE_TIMEOUT_MS, meshTcp } from './mesh-tcp.ts'
import { type MulticastHandlers, multicast } from './multicast.ts'
import type { Trouble } from './multicast-sockets.ts'
import type { Processes } from './processes.ts'

export type MeshLibp2p = Libp2p<{ pubsub: GossipSub; introduction: Introduction; listening: Listening }>

export interface Libp2pInit extends Omit<MulticastHandlers, 'onTrouble'> {
  readonly cluster: string
  readonly secret: string
  readonly listen: readonly string[]
  readonly mdns: boolean
  readonly privateKey: PrivateKey
  readonly gate: Gate
  readonly processes: Processes
  /** Told what keeps others from finding this node. */
  readonly logger: Logger
  /** Somebody has not got in: an address without its port, or a node. */
  readonly onRefused: (who: string, reason: string) => void
  readonly boot: () => number
  readonly onTwin: (boot: number) => void
}

/** Dials under way or waiting: far more than there are nodes in a mesh. */
export const DIALS_MAX = 512
/** Dials that are under way at a time; others wait for them. */
export const PARALLEL_DIALS_MAX = 64

const MIB = 1024 * 1024
/** For all addresses of one dial together: half a dozen that do not answer, and one that does. */
export const DIAL_TIMEOUT_MS = 2 * ADDRESS_TIMEOUT_MS
/** libp2p ends connections above this by its own lights; the transport keeps the number far below. */
const CONNECTIONS_MAX = 10_000
const STREAM = {
  // The window must be smaller than the buffer that it fills, or a full window aborts the stream.
  maxStreamWindowSize: MIB,
  maxReadBufferLength: 8 * MIB,
  maxWriteBufferLength: 64 * MIB,
}

/** The default closes sockets that have been idle for two minutes; a quiet mesh is not a dead one. */
const TCP = { inboundSocketInactivityTimeout: 0, outboundSocketInactivityTimeout: 0, backlog: 511 }

const MUTE =
  'multicast does not work here, and is tried on: nodes may not find each other by it; give them seeds where they do not'

export async function createMeshLibp2p(init: Libp2pInit): Promise<MeshLibp2p> {
  const { tag, prologue } = await deriveMeshKeys(init.cluster, init.secret)
  const known = new WeakSet<object>()
  const hosts = new KnownHosts()
  const libp2p: MeshLibp2p = await createLibp2p({
    start: false,
    privateKey: init.privateKey,
    addresses: { listen: [...init.listen] },
    transports: [meshTcp(TCP, refusalTeller(init, known, hosts))],
    // Who does not know the name and the secret fails here, before the first frame.
    connectionEncrypters: [meshNoise({ ...init, prologueBytes: prologue, known })],
    streamMuxers: [yamux({ streamOptions: STREAM })],
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      // The default refuses the sixth connection of a second from one host: a mesh on one machine would not form.
      inboundConnectionThreshold: HANDSHAKES_MAX,
      // The transport counts them itself: libp2p would refuse the one that comes, however long others have been silent.
      maxIncomingPendingConnections: Infinity,
      maxParallelDials: PARALLEL_DIALS_MAX,
      addressSorter: asGiven,
      // Of one that has more than the default, 25, libp2p would dial none.
      maxPeerAddrsToDial: DIAL_ADDRESSES_MAX,
      // The transport counts them, and says so: the default would be full before.
      maxDialQueueLength: DIALS_MAX,
      dialTimeout: DIAL_TIMEOUT_MS,
      addressDialTimeout: ADDRESS_TIMEOUT_MS,
      inboundUpgradeTimeout: HANDSHAKE_TIMEOUT_MS,
      inboundStreamProtocolNegotiationTimeout: HANDSHAKE_TIMEOUT_MS,
      outboundStreamProtocolNegotiationTimeout: HANDSHAKE_TIMEOUT_MS,
    },
    // It aborts connections after one late pong: the mesh has a failure detector of its own, and only one.
    connectionMonitor: { enabled: false },
    connectionGater: gater(init),
    logger: silent,
    services: {
      ...(init.mdns && { multicast: multicast(tag, { ...init, onTrouble: troubleTeller(init) }) }),
      introduction: (components: IntroductionComponents) => new Introduction(components),
      listening: (components: ListeningComponents) => new Listening(components, init),
      pubsub: gossipsub({
        // Links are authenticated and members trusted; verifying signatures would cost more than everything else.
        globalSignaturePolicy: 'StrictNoSign',
        msgIdFn: message => message.data.subarray(0, MESSAGE_ID_BYTES),
        fastMsgIdFn: message =>
          Buffer.from(message.data ?? new Uint8Array()).toString('latin1', 0, MESSAGE_ID_BYTES),
        allowPublishToZeroTopicPeers: true,
        ignoreDuplicatePublishError: true,
        emitSelf: false,
        floodPublish: true,
        batchPublish: true,
        fallbackToFloodsub: false,
        doPX: false,
        D: 4,
        Dlo: 3,
        Dhi: 8,
        Dout: 1,
        Dlazy: 4,
        // Messages are remembered for ten heartbeats, and told of for six.
        heartbeatInterval: 1_000,
        mcacheLength: 10,
        mcacheGossip: 6,
        // The default keeps a node that has just restarted out of the mesh for a minute.
        pruneBackoff: 5_000,
        graftFloodThreshold: 1_000,
        maxInboundDataLength: 4 * MIB,
        maxOutboundBufferSize: 32 * MIB,
        // By default more than ten peers of one address are ignored, without a word.
        // Scores matter to nobody here: they need not be worked out every second.
        scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0, decayInterval: 60_000 },
      }),
    },
  })
  forgetThoseApart(libp2p)
  libp2p.addEventListener('connection:open', ({ detail }) => hosts.note(hostOf(detail)))
  return libp2p
}

/**
 * One after the other: the default puts public addresses first, also those that a stranger has claimed, and whatever is
 * silent there uses up the time of the dial.
 */
function asGiven(): 0 {
  return 0
}

/** Tells of those who have come and did not get through the handshake. `known`: connections of those who did. */
function refusalTeller({ onRefused }: Libp2pInit, known: WeakSet<object>, hosts: KnownHosts) {
  return (connection: MultiaddrConnection, error: unknown): void => {
    // Those beyond the rate get no handshake at all.
    if (known.has(connection) || textOf(error).startsWith('ConnectionDenied')) return
    const host = hostOf(connection)
    onRefused(host, handshakeFailure(error, hosts.has(host)))
  }
}

function troubleTeller({ logger }: Libp2pInit) {
  return ({ at, error, isPartial }: Trouble): void => {
    const facts = { ...(at !== undefined && { at }), cause: String(error) }
    if (isPartial)
      logger.info(facts, 'multicast does not work in one of the networks of this machine, and is tried on')
    else logger.warn(facts, MUTE)
  }
}

/** Asks the gate, and tells of those who know the secret and were not let in. */
function gater({ gate, onRefused }: Libp2pInit): ConnectionGater {
  return {
    // libp2p refuses private addresses in browsers only; said here so that it stays so.
    denyDialMultiaddr: () => false,
    denyInboundEncryptedConnection: peer => {
      const objection = gate.objection(nodeId(peer.toString()))
      if (objection !== undefined) onRefused(peer.toString(), objection)
      return objection !== undefined
    },
    denyOutboundEncryptedConnection: peer => {
      const objection = gate.objection(nodeId(peer.toString()))
      // For true, libp2p would fail the dial with an error that does not say why.
      if (objection !== undefined) throw new NotLetInError(objection)
      return false
    },
  }
}

/** `/ip4/10.0.0.7/tcp/50000` → `10.0.0.7` */
function hostOf({ remoteAddr }: Pick<MultiaddrConnection, 'remoteAddr'>): string {
  return remoteAddr.toString().split('/')[2] ?? remoteAddr.toString()
}

const log: Libp2pLogger = Object.assign(() => {}, {
  enabled: false,
  trace: () => {},
  error: () => {},
  newScope: () => log,
})

const silent: ComponentLogger = { forComponent: () => log }
