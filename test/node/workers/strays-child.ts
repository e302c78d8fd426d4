/**
 * A node with inline workers whose code fails where nobody looks, and a program whose own code does too: in a process
 * of its own, as a test runner listens to such errors itself. Says what has come of it.
 */

import { setTimeout as wait } from 'node:timers/promises'

import { type WorkerContext, defineServer } from '../../../src/index.ts'
import { server, stage, task } from './cell-behaviours.ts'
import { localNode } from '../../local-node.ts'
import { LogBook } from '../../log-book.ts'
import { nextExit } from '../../node-events.ts'

const listening = defineServer('listening', {
  init: ({ signal }) => {
    signal.addEventListener('abort', () => {
      throw new Error('a listener of its signal')
    })
    return {}
  },
})

const terminated: unknown[] = []

function leaveBehind({ signal }: WorkerContext): object {
  void wait(60_000, undefined, { signal })
  signal.addEventListener('abort', () => {
    throw signal.reason
  })
  return {}
}

/** Is over when that is told of. */
const abrupt = defineServer('abrupt', { init: leaveBehind })

const floating = defineServer('floating', {
  init: leaveBehind,
  // Long enough for what is left running to be told of.
  terminate: async (_state, reason) => {
    await new Promise(resolve => setImmediate(resolve))
    terminated.push(reason)
  },
})

const logger = new LogBook()
const start = () => localNode({ behaviours: [{ server, stage, task, listening, floating, abrupt }], logger })

const say = (message: object): void => {
  process.send?.(message)
}

const exitItself = process.exit
const listenersBefore = process.listenerCount('uncaughtException')
const node = await start()
const other = await start()
const listeners = process.listenerCount('uncaughtException') - listenersBefore

for (const how of ['stray', 'stray-rejection', 'stray-object', 'exit', 'exit-caught'] as const) {
  const worker = await node.addWorker({ id: `server-${how}`, run: server, args: [1] })
  const bystander = await node.addWorker({ id: `bystander-${how}`, run: server, args: [1] })
  await bystander.call.add(1)
  const exit = nextExit(node, `server-${how}`)
  const call = worker.call.die(how).catch((error: unknown) => error)
  say({
    what: `server ${how}`,
    exit: (await exit).exit,
    error: await call,
    again: await worker.call.get(),
    bystander: await bystander.call.get(),
  })
  const runner = await node.addWorker({ id: `task-${how}`, run: task })
  const taskExit = nextExit(node, `task-${how}`)
  runner.send(how)
  say({ what: `task ${how}`, exit: (await taskExit).exit })
  const chain = await node.addChain({ id: `stage-${how}`, attemptsMax: 1, stages: [{ run: stage }] })
  const stageExit = nextExit(node, `stage-${how}`)
  const outcome = chain.call(how).catch((error: unknown) => error)
  say({ what: `stage ${how}`, exit: (await stageExit).exit, error: await outcome })
}

await node.addWorker({ id: 'listening', run: listening })
await node.stopWorker('listening')
// Such an error is told of in the next tick.
await new Promise(resolve => setImmediate(resolve))
say({ what: 'signal', bystander: await node.getWorker('bystander-stray', server).call.get() })

await node.addWorker({ id: 'floating', run: floating })
await node.stopWorker('floating')
await node.addWorker({ id: 'abrupt', run: abrupt })
await node.stopWorker('abrupt')
await new Promise(resolve => setImmediate(resolve))
const heardOf = (what: string) =>
  logger.lines.flatMap(({ facts, message }) =>
    message.startsWith(what) && 'worker' in facts ? [facts.worker] : [],
  )
say({
  what: 'floating',
  terminated,
  failed: heardOf('code of a worker that has ended'),
  brokenOff: heardOf('what nobody waits for'),
})

await other.stop()
const listenersWithOne = process.listenerCount('uncaughtException') - listenersBefore
if (process.argv[2] === 'stop') await node.stop()
const isExitItself = process.exit === exitItself
const listenersLeft = process.listenerCount('uncaughtException') - listenersBefore
say({ what: 'hooks', listeners, listenersWithOne, listenersLeft, isExitItself })
if (process.argv[2] === 'throw') {
  setTimeout(() => {
    throw new Error('a bug of the program itself')
  })
}
if (process.argv[2] === 'exit') process.exit(3)
if (process.argv[2] === 'reject') void Promise.reject(new Error('a bug of the program itself'))
if (process.argv[2] === 'stop') process.disconnect()
