import { expect } from 'vitest'
import type { Reply } from './client.ts'

const answeredWithinMs = 5_000

/** A clear 4xx: a status, a problem or an OAuth error that says what, and a request id, soon. */
export function expectClear(reply: Reply, what: string, statuses?: readonly number[]): void {
  expect(reply.status, `${what}: ${reply.text.slice(0, 300)}`).toBeGreaterThanOrEqual(400)
  expect(reply.status, `${what}: ${reply.text.slice(0, 300)}`).toBeLessThan(500)
  if (statuses !== undefined) expect(statuses, `${what}: ${reply.text.slice(0, 300)}`).toContain(reply.status)
  expect(reply.headers.get('x-request-id'), what).toMatch(/^req_/)
  expect(reply.json['code'] ?? reply.json['error'], `${what}: ${reply.text.slice(0, 300)}`).toMatch(
    /^[a-z_]+$/,
  )
}

/** Asks, and fails if the answer is long in coming. */
export async function timed(what: string, ask: () => Promise<Reply>): Promise<Reply> {
  const startMs = performance.now()
  const reply = await ask()
  expect(performance.now() - startMs, `${what} took too long`).toBeLessThan(answeredWithinMs)
  return reply
}
