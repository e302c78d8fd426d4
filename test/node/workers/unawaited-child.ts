/**
 * Two nodes, and calls that nobody awaits: of workers, or of the program itself. In a process of its own, as a test runner
 * listens to such errors itself. Says what has come of it.
 */

import { randomUUID } from 'node:crypto'

import type { Node, NodeEventOf, WorkerRef } from '../../../src/index.ts'
import { localNode } from '../../local-node.ts'
import { LogBook } from '../../log-book.ts'
import { nextExit } from '../../node-events.ts'
import {
  DEEDS,
  WAYS,
  type Way,
  asked,
  broken,
  callInVain,
  callee,
  caller,
  fickle,
  long,
  patient,
  quick,
  quitter,
  restless,
  waiter,
  slow,
} from './unawaited-behaviours.ts'

const behaviours = [new URL('unawaited-behaviours.ts', import.meta.url)]
const cluster = randomUUID()
const here = await localNode({ cluster, behaviours, labels: { at: 'here' } })
const seeds = [...here.addresses]
asked.node = here
const there = await localNode({
  cluster,
  behaviours,
  labels: { at: 'there' },
  discovery: { mdns: false, seeds },
})
await Promise.all([here.formed(2), there.formed(2)])
const [how = '', calledAt = 'here'] = process.argv.slice(2)

const say = (message: object): void => {
  process.send?.(message)
}

/** The next crash of any worker on either node. */
function nextCrash(): Promise<NodeEventOf<'worker:exit'>> {
  return new Promise(resolve => {
    for (const node of [here, there])
      node.on('worker:exit', event => (event.exit.kind === 'crashed' ? resolve(event) : undefined))
  })
}

async function addCallee(id: string, where: string, isolation: 'inline' | 'thread' = 'inline') {
  const added = await here.addWorker({
    id,
    run: callee,
    isolation,
    placement: { labels: { at: where } },
  })
  await added.call.add(5)
  return added
}

async function forget(way: Way, where: string, by: 'inline' | 'thread' | 'process', of: 'inline' | 'thread') {
  const what = `${way} ${where} by ${by} of ${of}`
  const id = what.replaceAll(' ', '-')
  const called = await addCallee(`callee-${id}`, where, of)
  const calling = await here.addWorker({
    id: `caller-${id}`,
    run: caller,
    isolation: by,
    placement: { labels: { at: 'here' } },
  })
  const crash = nextCrash()
  await calling.call.forget(`callee-${id}`, way)
  if (way === 'ends') await here.restartWorker(`callee-${id}`)
  const { slot, exit } = await crash
  const failure = 'failure' in exit ? exit.failure?.name : undefined
  // It goes on with what it has, and so does who has forgotten it, with nothing.
  say({ what, slot, failure, total: await called.call.add(1), again: await calling.call.get() })
}

/** The worker `by` has begun something that fails: says who has crashed. */
async function tellCrash(what: string, by: string, begin: (ref: WorkerRef<typeof caller>) => Promise<void>) {
  const calling = await here.addWorker({ id: by, run: caller, placement: { labels: { at: 'here' } } })
  const crash = nextCrash()
  await begin(calling)
  const { slot, exit } = await crash
  const failure = 'failure' in exit ? exit.failure?.name : undefined
  say({ what, slot, failure, again: await calling.call.get() })
}

/** A node leaves, and then the last one stops: those that they end have calls under way that end with them. */
async function tellLast(): Promise<void> {
  await there.stop()
  const logger = new LogBook()
  const start = () => localNode({ cluster, behaviours, logger, discovery: { mdns: false, seeds } })
  const leaver = await start()
  await Promise.all([leaver.formed(2), here.formed(2)])
  await here.stop()
  const isolations = ['inline', 'thread', 'process'] as const
  const forgetAll = async (node: Node): Promise<void> => {
    for (const id of isolations) await node.getWorker(id, patient).call.forget(`called-${id}`)
  }
  for (const isolation of isolations) {
    await leaver.addWorker({ id: `called-${isolation}`, run: callee })
    await leaver.addWorker({ id: isolation, run: patient, isolation, rebalance: 'passive' })
  }
  await forgetAll(leaver)
  seeds.splice(0, seeds.length, ...leaver.addresses)
  const last = await start()
  await Promise.all([leaver.formed(2), last.formed(2)])
  await leaver.stop()
  const handoffs = await Promise.all(isolations.map(id => last.getWorker(id, patient).call.handoff()))
  await forgetAll(last)
  await last.stop()
  const terminated = isolations.map(id =>
    [leaver, last].map(node =>
      logger.lines.some(({ message }) => message === `terminated ${id} at ${node.id}`),
    ),
  )
  const warnings = logger.lines.filter(({ message }) => message.includes('has failed'))
  process.send?.({ what: 'ends', handoffs, terminated, warnings: warnings.length }, () =>
    process.disconnect(),
  )
}

/** What a worker has called, and no node could run, is removed while that hands over. */
async function tellRemoved(): Promise<void> {
  await there.stop()
  const nowhere = { labels: { at: 'nowhere' } }
  await here.addWorker({ id: 'removed', run: callee, placement: nowhere }, { until: 'declared' })
  await here.addWorker({ id: 'patient', run: patient, rebalance: 'passive' })
  await here.getWorker('patient', patient).call.forget('removed')
  const last = await localNode({ cluster, behaviours, discovery: { mdns: false, seeds } })
  await Promise.all([here.formed(2), last.formed(2)])
  asked.onHandoff = () => void last.removeWorker('removed')
  await here.stop()
  const handoff = await last.getWorker('patient', patient).call.handoff()
  process.send?.({ what: 'removed', handoff }, () => process.exit())
}

/** A chain that no node could run is stopped while a worker hands over that has an item in it. */
async function tellStopped(): Promise<void> {
  await there.stop()
  const stage = { run: broken, placement: { labels: { at: 'nowhere' } } }
  await here.addChain({ id: 'stopped', stages: [stage] }, { until: 'declared' })
  await here.addWorker({ id: 'patient', run: patient, rebalance: 'passive' })
  await here.getWorker('patient', patient).call.forgetItem('stopped')
  const last = await localNode({ cluster, behaviours, discovery: { mdns: false, seeds } })
  await Promise.all([here.formed(2), last.formed(2)])
  asked.onHandoff = () => void last.stopChain('stopped')
  await here.drain()
  const handoff = await last.getWorker('patient', patient).call.handoff()
  process.send?.({ what: 'stopped', handoff }, () => process.exit())
}

/** Workers that end of their own accord, and one that they have called ends before they are through with that. */
async function tellQuits(): Promise<void> {
  await there.stop()
  const logger = new LogBook()
  const last = await localNode({
    cluster,
    behaviours,
    logger,
    labels: { at: 'last' },
    discovery: { mdns: false, seeds },
  })
  await Promise.all([here.formed(2), last.formed(2)])
  const placement = { labels: { at: 'last' } }
  for (const isolation of ['inline', 'thread', 'process'] as const) {
    await last.addWorker({ id: `fickle-${isolation}`, run: fickle, placement })
    await last.addWorker({ id: isolation, run: quitter, isolation, placement, restart: 'transient' })
    const exited = nextExit(last, isolation)
    await last.getWorker(isolation, quitter).call.quit(`fickle-${isolation}`)
    const { exit } = await exited
    const isTerminated = logger.lines.some(({ message }) => message === `terminated ${isolation}`)
    say({ what: isolation, exit: exit.kind, isTerminated })
  }
  process.send?.({ what: 'end' }, () => process.exit())
}

/** Members of groups stop one after the other: what one has called is gone before it is its turn. */
async function tellTurns(): Promise<void> {
  await there.stop()
  const kinds = [
    ['one_for_one', 'inline', 'inline'],
    ['one_for_all', 'inline', 'thread'],
    ['one_for_one', 'thread', 'inline'],
    ['one_for_one', 'process', 'inline'],
  ] as const
  const ids: string[] = []
  for (const [strategy, by, of] of kinds) {
    const id = `${strategy} ${by} of ${of}`
    ids.push(id)
    const members = [
      { id: 'patient', run: patient, isolation: by },
      { id: 'waiter', run: waiter, isolation: by },
      { id: 'slow', run: slow },
      { id: 'callee', run: callee, isolation: of },
    ]
    await here.addGroup({ id: id.replaceAll(' ', '-'), strategy, members })
  }
  type Askers = readonly [{ id: 'patient'; run: typeof patient }, { id: 'waiter'; run: typeof waiter }]
  const groupOf = (node: Node, id: string) => node.getGroup<Askers>(id.replaceAll(' ', '-'))
  const forgetAll = async (node: Node): Promise<void> => {
    for (const id of ids) {
      const called = `${id.replaceAll(' ', '-')}/callee`
      await groupOf(node, id).getMember('patient').call.forget(called)
      groupOf(node, id).getMember('waiter').cast.ask(called)
    }
  }
  await forgetAll(here)
  const last = await localNode({ cluster, behaviours, discovery: { mdns: false, seeds } })
  await Promise.all([here.formed(2), last.formed(2)])
  await here.stop()
  for (const id of ids) {
    const group = groupOf(last, id)
    const handoff = await group.getMember('patient').call.handoff()
    say({ what: id, handoff, awaited: await group.getMember('waiter').call.handoff() })
  }
  await forgetAll(last)
  await last.stop()
  process.disconnect()
}

/** A node leaves that waits for an item, and workers there go on meanwhile. */
async function tellRestless(): Promise<void> {
  await here.addChain({ id: 'long', stages: [{ run: long }] })
  await here.addChain({ id: 'quick', stages: [{ run: quick }] })
  await here.addWorker({ id: 'called', run: callee })
  await here.addGroup({ id: 'heard', members: [{ id: 'a', run: callee }] })
  await there.stop()
  asked.nodes = new Map([[here.id, here]])
  const isolations = ['inline', 'thread', 'process'] as const
  const intensity = { restarts: 2, withinMs: 60_000 }
  for (const isolation of isolations) {
    await here.addWorker({ id: isolation, run: restless, isolation, rebalance: 'passive', intensity })
    const members = [{ id: 'a', run: restless, isolation }] as const
    await here.addGroup({ id: `of-${isolation}`, members, intensity })
  }
  const last = await localNode({ cluster, behaviours, discovery: { mdns: false, seeds } })
  asked.nodes.set(last.id, last)
  await Promise.all([here.formed(2), last.formed(2)])
  const crashes: string[] = []
  for (const node of [here, last])
    node.on('worker:exit', ({ slot, exit }) => void (exit.kind === 'crashed' && crashes.push(slot)))
  const outcome = here.getChain('long').call(7)
  const stopping = here.stop()
  say({ what: 'outcome', outcome: await outcome })
  await stopping
  const refs = isolations.flatMap(id => [
    last.getWorker(id, restless),
    last.getGroup<readonly [{ id: 'a'; run: typeof restless }]>(`of-${id}`).member('a'),
  ])
  const areThere = refs.map(async ref => (await ref.call.node()) === last.id)
  say({ what: 'restless', areThere: await Promise.all(areThere), crashes })
  await last.stop()
  process.disconnect()
}

async function onUnhandled(error: string): Promise<void> {
  say({ what: 'unhandled', error, total: await here.getWorker('callee', callee).call.add(1) })
  process.exit(7)
}

if (how === 'workers') {
  for (const way of WAYS) {
    await forget(way, 'here', 'inline', 'inline')
    await forget(way, 'there', 'inline', 'inline')
  }
  await forget('unknown', 'here', 'inline', 'thread')
  await forget('unknown', 'here', 'thread', 'inline')
  await forget('unknown', 'there', 'process', 'inline')
  for (const at of ['here', 'there']) {
    await addCallee(`traced-${at}`, at)
    await tellCrash(`trace ${at}`, `tracer-${at}`, ref => ref.call.trace(`traced-${at}`))
    const stage = { run: broken, onItemError: 'deadLetter', placement: { labels: { at } } } as const
    await here.addChain({ id: 'broken', stages: [stage] })
    for (const deed of DEEDS) await tellCrash(`${deed} ${at}`, `${deed}-${at}`, ref => ref.call.do(deed))
    await here.removeChain('broken')
  }
  await there.stop()
  await here.stop()
  process.disconnect()
} else if (how === 'leaves') {
  await tellLast()
} else if (how === 'removed') {
  await tellRemoved()
} else if (how === 'stopped') {
  await tellStopped()
} else if (how === 'quits') {
  await tellQuits()
} else if (how === 'restless') {
  await tellRestless()
} else if (how === 'turns') {
  await tellTurns()
} else if (how === 'stops') {
  await there.stop()
  // No node can run it: whoever calls it waits.
  await here.addWorker(
    { id: 'callee', run: callee, placement: { labels: { at: 'there' } } },
    { until: 'declared' },
  )
  const calling = await here.addWorker({ id: 'caller', run: caller })
  await calling.call.waitForEver('callee')
  await here.stop()
  process.send?.({ what: 'stopped' }, () => process.disconnect())
} else {
  await addCallee('callee', calledAt)
  for (const node of [here, there])
    node.on('worker:exit', ({ slot }) => process.send?.({ what: 'exit', slot }, () => process.exit(8)))
  if (how === 'listens') {
    process.on('unhandledRejection', error => void onUnhandled(String(error)))
  }
  const { promise, resolve } = Promise.withResolvers<void>()
  // Whoever it was that has asked for it last: the program.
  setImmediate(() => {
    void callInVain(here.getWorker('callee', callee), 'unknown')
    resolve()
  })
  await promise
}
