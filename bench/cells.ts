/** Calls to a worker in a thread of its own, beside a bare message port. */

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

import { createNode } from '../src/index.ts'
import type { Bench } from './bench.ts'
import { echo, payload } from './behaviours.ts'
import { callRate } from './remote.ts'

const item = payload(1)

/** Numbered requests and answers over a port, and nothing else. */
class PortClient {
  readonly #worker = new Worker(new URL('port-child.ts', import.meta.url))
  readonly #waiting = new Map<number, (value: unknown) => void>()
  #asked = 0

  static async start(): Promise<PortClient> {
    const client = new PortClient()
    await once(client.#worker, 'online')
    client.#worker.on('message', ({ id, value }: { id: number; value: unknown }) => {
      client.#waiting.get(id)?.(value)
      client.#waiting.delete(id)
    })
    return client
  }

  call(value: unknown): Promise<unknown> {
    return new Promise(resolve => {
      this.#asked += 1
      this.#waiting.set(this.#asked, resolve)
      this.#worker.postMessage({ id: this.#asked, value }, [])
    })
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}

export const threadCalls: Bench = {
  figures: [
    {
      name: 'thread-call',
      unit: 'calls/s',
      goal: 50_000,
      better: 'more',
      goalRatio: 0.5,
      beside: 'a bare port',
    },
    {
      name: 'thread-call-1',
      unit: 'calls/s',
      goal: 10_000,
      better: 'more',
      goalRatio: 0.5,
      beside: 'a bare port',
    },
  ],
  start: async () => {
    const node = await createNode({
      cluster: `bench ${process.pid}`,
      behaviours: [import.meta.resolve('./behaviours.ts')],
      listen: ['/ip4/127.0.0.1/tcp/0'],
      discovery: { mdns: false },
    })
    const worker = await node.addWorker({ id: 'echo', run: echo, isolation: 'thread' })
    const port = await PortClient.start()
    return {
      round: async () => [
        {
          value: await callRate(() => worker.call.echo(item), 256),
          baseline: await callRate(() => port.call(item), 256),
        },
        {
          value: await callRate(() => worker.call.echo(item), 1),
          baseline: await callRate(() => port.call(item), 1),
        },
      ],
      stop: async () => {
        await port.stop()
        await node.stop()
      },
    }
  },
}
