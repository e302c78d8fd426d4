/**
 * How long tests wait for what must come. Much longer than it takes: the machine may be busy, and half a minute without
 * the processor has been seen. Only a test that fails waits as long; how fast things are, `bench` measures.
 */

export const PATIENCE_MS = 60_000

/** The same for `expect.poll` and `vi.waitFor`, which look again and again. */
export const PATIENCE = { timeout: PATIENCE_MS, interval: 10 }
