// shell
/** The workers of the demo: read a file, split it into words, count them. */

import { defineStage } from '../../node/workers/behaviours.ts'
import { type Skip, textOf } from './text-file.ts'
import { countWords, wordsOf } from './words.ts'

/** A piece of a file on its way; `skip` says why the file is left out. */
interface Piece<Content> {
  readonly content: Content
  readonly skip: Skip | undefined
}

export type Count = Piece<ReadonlyMap<string, number>>

export const read = defineStage('demo.read', async function* (path: string) {
  for await (const piece of textOf(path)) {
    const isText = typeof piece === 'string'
    yield { content: isText ? piece : '', skip: isText ? undefined : piece.skip } satisfies Piece<string>
  }
})

export const split = defineStage(
  'demo.split',
  ({ content, skip }: Piece<string>): Piece<readonly string[]> => ({ content: wordsOf(content), skip }),
)

export const count = defineStage('demo.count', ({ content, skip }: Piece<readonly string[]>): Count => ({
  content: countWords(content),
  skip,
}))
