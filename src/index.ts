// shell
/** meshvisor: supervised workers over a self-forming peer-to-peer mesh. */

export {
  AbortError,
  CallError,
  CallTimeoutError,
  DeadlockError,
  type Issue,
  NodeLostError,
  OverloadedError,
  RemoteError,
  UnreachableError,
  ValidationError,
  WorkerExitedError,
} from './call-errors.ts'
export {
  AckError,
  AlreadyExistsError,
  AlreadyRunningError,
  BehaviourNotFoundError,
  ClockError,
  ConfigError,
  EngineError,
  type ExecutionOptions,
  ConfigNotFoundError,
  DataFolderError,
  DuplicateIdentityError,
  FencedError,
  DrainError,
  FormationError,
  GivenUpError,
  IsolationError,
  ItemDeadError,
  RouteError,
  ListenError,
  type ListenFailure,
  MeshvisorError,
  NoMemberError,
  NodeStoppedError,
  NotFoundError,
  NotInGroupError,
  NotRunningError,
  OptionsError,
  PayloadError,
  type Problem,
  StartError,
  StopError,
  SupersededError,
} from './errors.ts'
export { type NodeId, type Run, type SlotId, type SpecId } from './ids.ts'
export { type BorderStats } from './node/border.ts'
export { type ChainHandle, type StagePlace } from './node/chain-handle.ts'
export {
  type ChainRef,
  type EntryOptions,
  type RunOptions,
  type SendOptions,
} from './node/chain/chain-ref.ts'
export { type DeadLetter } from './node/chain/dead-letters.ts'
export { type IngressStats } from './node/chain/ingress.ts'
export {
  type FinalOf,
  type InputAt,
  type InputOf,
  type InputsOf,
  type Linked,
  type OutcomeOf,
} from './node/chain/linked.ts'
export {
  type Config,
  type ConfiguredWorker,
  type FittedChains,
  type FittedGroups,
  type FittedWorkers,
  defineConfig,
} from './node/config.ts'
export { createNode } from './node/create-node.ts'
export { getNode, runningNodes } from './node/running.ts'
export {
  type ConfigFailure,
  type ConfigPending,
  type StartOptions,
  type Started,
  loadConfig,
  startConfig,
} from './node/start-config.ts'
export { type Ack, type AddOptions, type DeclareOptions, type Until } from './node/declare-options.ts'
export { type NodeEventOf } from './node/event-bus.ts'
export { type NodeEvent } from './node/events.ts'
export { type GroupHandle } from './node/group-handle.ts'
export { type PartInfo, type PartWorker } from './node/part-info.ts'
export {
  type CallsOf,
  type CastsOf,
  type GroupRef,
  type MemberOf,
  type MessageOf,
  type WorkerRef,
} from './node/messaging/refs.ts'
export { type Node } from './node/node.ts'
export { type NodeInit } from './node/options.ts'
export {
  type ChainSnapshot,
  type GroupSnapshot,
  type Member,
  type Snapshot,
  type SpecSnapshot,
  type StageSnapshot,
  type WorkerSnapshot,
} from './node/snapshot.ts'
export { type ChainSpec, type StageSpec } from './node/specs/chain-spec.ts'
export {
  type ArgsOf,
  type LimitOptions,
  type MailboxOptions,
  type Process,
  type WithArgs,
  type WorkerOptions,
} from './node/specs/child.ts'
export { type Fitted, type GroupSpec, type MemberSpec } from './node/specs/group-spec.ts'
export { type NoOthers, type NoSuchField } from './node/specs/known.ts'
export { type PlacementOption } from './node/specs/placement-option.ts'
export { type WithInput, type WorkerSpec } from './node/specs/worker-spec.ts'
export { type Exit } from './node/supervision/exit.ts'
export { type PartStatus } from './node/supervision/outlook.ts'
export { type SpecStatus } from './node/supervision/spec-status.ts'
export { type Incarnation } from './node/supervision/supervisor.ts'
export {
  type ArgumentsOf,
  type Behaviour,
  type BehaviourOptions,
  type Callback,
  type EmissionOf,
  type Emitted,
  type Key,
  type NoFunctions,
  type SchemasOf,
  type Server,
  type ServerSchemas,
  type ServerSpec,
  type Stage,
  type StageOptions,
  type Task,
  type TaskOptions,
  type TerminateReason,
  defineServer,
  defineStage,
  defineTask,
} from './node/workers/behaviours.ts'
export {
  type GroupContext,
  type HandledItem,
  type ServerContext,
  type StageContext,
  type StopReason,
  type TaskContext,
  type WorkerContext,
} from './node/workers/context.ts'
export { type Contract, type ContractShape, contract } from './node/workers/contract.ts'
export { type Deferred, type Reply, deferred } from './node/workers/deferred.ts'
export { type CellStats } from './node/workers/cell-stats.ts'
export { type HostStats } from './node/workers/host.ts'
export { type Idle, type IdleOptions } from './node/workers/idle-options.ts'
export { type SchemaIssue, type SchemaResult, type StandardSchema } from './node/workers/schema.ts'
export { type WorkerIdentity, currentTraceId, currentWorker, withTrace } from './node/workers/scope.ts'
export { transfer } from './node/workers/transfer.ts'
export { type WaitOptions } from './node/waiting.ts'
export { type BehaviourSource } from './node/workers/registry.ts'
export { type Cancel, type Logger } from './ports.ts'
export { type Prng } from './prng.ts'
export { type Notice } from './protocol/channel.ts'
export { type FencingToken, compareTokens } from './protocol/fencing-token.ts'
export { type Cause, type Failure, type ItemId } from './protocol/failure.ts'
export {
  type MemberRole,
  type MemberRow,
  type MemberStatus,
  type ProtocolRange,
} from './protocol/member-row.ts'
export { type Roots, type Table } from './protocol/messages.ts'
export { type Sharing } from './protocol/placement-wish.ts'
export {
  type AutoShutdown,
  type ChainStrategy,
  type Emission,
  type GroupStrategy,
  type Isolation,
  type ItemErrorPolicy,
  type Rebalance,
  type RestartIntensity,
  type RestartType,
  type Route,
  type SpecKind,
} from './protocol/spec-row.ts'
export { type Profile } from './protocol/timings.ts'
