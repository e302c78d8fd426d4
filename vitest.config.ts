import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['meshvisor-source'] },
  ssr: { resolve: { conditions: ['meshvisor-source'] } },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
