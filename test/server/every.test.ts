import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { every } from '../../src/compose/every.ts'
import { memoryLog } from '../http/serving.ts'

const minuteMs = 60_000

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('work that lasts longer than until its next turn is never under way twice', async () => {
  const first = Promise.withResolvers<void>()
  const work = vi.fn(async () => {}).mockImplementationOnce(() => first.promise)
  const stop = every(minuteMs, work, memoryLog(), 'it failed')
  await vi.advanceTimersByTimeAsync(10 * minuteMs)
  expect(work).toHaveBeenCalledTimes(1)
  first.resolve()
  await vi.advanceTimersByTimeAsync(2 * minuteMs)
  expect(work).toHaveBeenCalledTimes(3)
  stop()
  await vi.advanceTimersByTimeAsync(2 * minuteMs)
  expect(work).toHaveBeenCalledTimes(3)
})

test('work that fails is done again at its next turn, and the log tells of it', async () => {
  const log = memoryLog()
  const work = vi.fn(() => Promise.reject(new Error('no luck')))
  const stop = every(minuteMs, work, log, 'it failed')
  await vi.advanceTimersByTimeAsync(2 * minuteMs)
  expect(work).toHaveBeenCalledTimes(3)
  expect(log.lines).toHaveLength(3)
  stop()
})
