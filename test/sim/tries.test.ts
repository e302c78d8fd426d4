/** What is tried again, and what is lost when it is not. */

import { expect, test } from 'vitest'

import { type NodeEventOf, type TaskContext, defineStage, defineTask } from '../../src/index.ts'
import { simulate } from '../../src/testing.ts'

const attempts: number[] = []
const finished: number[] = []

const third = defineStage('third', (n: number, context) => {
  attempts.push(context.attempt)
  if (context.attempt < 3) throw new Error(`not yet: ${context.attempt}`)
  return n
})
const thirdLater = defineStage('thirdLater', async (n: number, context) => {
  await context.sleep(5)
  attempts.push(context.attempt)
  if (context.attempt < 3) throw new Error(`not yet: ${context.attempt}`)
  return n
})
const finish = defineStage('finish', (n: number) => void finished.push(n))

test.each([
  ['at once', third],
  ['later', thirdLater],
])('each try of a stage that throws %s has its number, and each item begins with 1', async (_when, run) => {
  attempts.length = 0
  const mesh = await simulate({ nodes: 1, behaviours: [run, finish] })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(1))
  const chain = await mesh.settle(
    node.addChain({ id: 'c', stages: [{ run, onItemError: 'retry' }], onFinish: finish }),
  )
  expect(await mesh.settle(chain.call(7))).toBe(7)
  expect(await mesh.settle(chain.call(8))).toBe(8)
  expect(attempts).toEqual([1, 2, 3, 1, 2, 3])
})

test('a crash of the chain counts as a try as well', async () => {
  attempts.length = 0
  const mesh = await simulate({ nodes: 1, behaviours: [third] })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(1))
  const chain = await mesh.settle(node.addChain({ id: 'c', attemptsMax: 5, stages: [{ run: third }] }))
  expect(await mesh.settle(chain.call(7))).toBe(7)
  expect(attempts).toEqual([1, 2, 3])
})

const reader = defineTask('reader', async (context: TaskContext<string>) => {
  for await (const message of context.messages) {
    if (message === 'return') return
    if (message === 'wait') await context.sleep(1_000)
    if (message === 'crash') throw new Error('told to crash')
    if (message === 'crash later') {
      await context.sleep(10)
      throw new Error('told to crash')
    }
  }
})

test.each([
  [['crash'], 1],
  [['crash later'], 1],
  [['ok', 'ok', 'crash', 'behind', 'behind'], 3],
  [['ok', 'return', 'behind'], 1],
  [['ok', 'return'], 0],
])('of the messages %j, a task that ends has lost %i', async (messages, lost) => {
  const mesh = await simulate({ nodes: 1, behaviours: [reader] })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(1))
  const exits: NodeEventOf<'worker:exit'>[] = []
  node.on('worker:exit', event => exits.push(event))
  const worker = await mesh.settle(node.addWorker({ id: 't', run: reader, restart: 'temporary' }))
  for (const message of messages) worker.send(message)
  await mesh.until('it has ended', () => exits.length > 0)
  expect(exits).toMatchObject([{ lost }])
  expect(node.snapshot().lostMessages).toBe(lost)
})
