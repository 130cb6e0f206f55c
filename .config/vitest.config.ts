import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    // Tests start real servers and real processes; a hang is cut off, a slow machine is not.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
