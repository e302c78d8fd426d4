import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['meshvisor-source'] },
  ssr: { resolve: { conditions: ['meshvisor-source'] } },
  test: {
    include: ['test/**/*.test.ts'],
    // Left to itself, Vitest uses all cores but one: of two, that is half of them.
    maxWorkers: '100%',
    // Far longer than any test takes, also on a busy machine, and than one waits for a single thing
    // (`test/patience.ts`): so what does not come is named by whoever waits for it.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Threads load TypeScript by WebAssembly, and V8 13.6 aborts the process now and then where several threads make their
    // wrappers for that faster at once (`WasmImportWrapperCache::Free`): with this, it does not make them faster.
    execArgv: ['--wasm-wrapper-tiering-budget=1000000000'],
    // A test without an assertion cannot fail. Tests side by side take `expect` from their context, or theirs are not told
    // apart.
    expect: { requireAssertions: true },
  },
})
