/**
 * A node with a data folder in a process of its own, which ends when nothing of the node is left. What happens to it is
 * written to its output, a line for each: `holder-child.ts ORDERS`
 */

import { createNode } from '../../src/index.ts'

const [text = '{}'] = process.argv.slice(2)
const orders: unknown = JSON.parse(text)
const order = (name: string): string =>
  typeof orders === 'object' && orders !== null ? String(Reflect.get(orders, name) ?? '') : ''
const log = (_: object, message: string): void => say({ logged: message })

try {
  const node = await createNode({
    cluster: order('cluster'),
    behaviours: [new URL('behaviours.ts', import.meta.url)],
    listen: [order('listen')],
    dataFolder: order('dataFolder'),
    discovery: { mdns: false, seeds: [order('seed')].filter(Boolean) },
    logger: { debug: () => {}, info: () => {}, warn: log, error: log },
  })
  node.on('node:replaced', ({ by }) => say({ replacedBy: by.boot }))
  process.once('SIGTERM', () => void node.stop())
  const me = node.members().find(({ id }) => id === node.id)
  say({ ready: node.id, boot: me?.boot, addresses: node.addresses })
  await node.stopped
  try {
    node.getWorker('any')
  } catch (error) {
    say({ over: nameOf(error) })
  }
} catch (error) {
  say({ failed: nameOf(error), why: String(error) })
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : String(error)
}
