/** The input of a task whose code runs in a thread or process of its own. */

import { expect, test } from 'vitest'

import { notebook, reader } from '../../input-workers.ts'
import { localNode } from '../../local-node.ts'

test.each(['thread', 'process'] as const)(
  'a task in a %s reads its input, and goes on with the next item when it restarts',
  async isolation => {
    await using node = await localNode({
      behaviours: [new URL('../../input-workers.ts', import.meta.url).href],
    })
    const book = await node.addWorker({ id: 'book', run: notebook })
    const done = new Promise<void>(resolve => {
      node.on('spec:status', ({ id, status }) => {
        if (id === 'reader' && status.kind === 'done') resolve()
      })
    })
    async function* input(): AsyncGenerator<number> {
      for (let n = 0; n < 50; n += 1) yield n
    }
    await node.addWorker({ id: 'reader', run: reader, args: [20, 0], isolation, input: input() })
    await done
    const numbers = Array.from({ length: 50 }, (_, n) => n).filter(n => n !== 20)
    expect(await book.call.notes()).toEqual([...numbers, 'end'])
  },
)
