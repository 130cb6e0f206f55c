import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { streamRegistrations } from '../../src/decisions/api/resource-stream.ts'
import { DomainError } from '../../src/errors.ts'
import type { Operation } from '../../src/evaluator/model.ts'
import { koaHandler } from '../../src/http/site-map.ts'
import { serve } from '../http/serving.ts'
import { type Deployment, openDeployment } from '../organizations/deployment.ts'

let at: Deployment
beforeEach(async () => {
  at = await openDeployment()
})
afterEach(() => at.store.close())

const timeouts = {
  headersMs: 200,
  requestMs: 200,
  checkMs: 10,
  longBody: { idleMs: 200, totalMs: 60_000 },
}

const getPatient: Operation = {
  ...{ id: 'getPatient', method: 'GET', path: '/patients/{patientId}', parameters: {}, alternatives: [] },
  resourceParameter: 'patientId',
}

/** Sends lines as they come, and answers the lines that came back until the connection ended. */
async function streamed(
  lines: AsyncIterable<string>,
  stillAuthorized = async (): Promise<void> => undefined,
): Promise<readonly Record<string, unknown>[]> {
  const service = { ...at.clinic, model: { ...at.clinic.model, operations: [getPatient] } }
  const call = { service, by: at.by, stillAuthorized }
  const { port } = await serve((log) => koaHandler(log, (ctx) => streamRegistrations(at.deps, ctx, call)), {
    timeouts,
  })
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk
  })
  socket.on('error', () => undefined)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
  )
  for await (const line of lines) socket.write(`${Buffer.byteLength(line).toString(16)}\r\n${line}\r\n`)
  await closed
  return answer
    .split(/\r?\n/)
    .filter((line) => line.startsWith('{'))
    .map((line): Record<string, unknown> => JSON.parse(line))
}

const patient = (i: number) => `${JSON.stringify({ path: `/patients/${i}`, organization: at.customer.id })}\n`
const outcomes = (answers: readonly Record<string, unknown>[]) => answers.map(({ outcome }) => outcome)

describe('a stream of resources', () => {
  test('goes on for as long as lines come', async () => {
    async function* slowly() {
      for (let i = 0; i < 10; i++) {
        yield patient(i)
        await pause(60)
      }
      yield ''
    }
    expect(outcomes(await streamed(slowly()))).toEqual(Array.from({ length: 10 }, () => 'registered'))
  })

  test('that stands still is ended with a line that says so, after all answers', async () => {
    async function* twoAndNoMore() {
      yield patient(1)
      yield patient(2)
    }
    const answers = await streamed(twoAndNoMore())
    expect(outcomes(answers)).toEqual(['registered', 'registered', 'ended'])
    expect(answers[2]).toEqual({
      outcome: 'ended',
      code: 'request_timeout',
      detail: 'Nothing was sent or taken for 0.2 seconds.',
    })
  })

  test('is told of a line that is too long, though its sender has not finished', async () => {
    async function* tooLong() {
      yield patient(1)
      await pause(50)
      yield `${'x'.repeat(70_000)}`
      for (let i = 0; i < 10; i++) {
        yield patient(i)
        await pause(20)
      }
    }
    const answers = await streamed(tooLong())
    expect(outcomes(answers)).toEqual(['registered', 'ended'])
    expect(answers[1]).toMatchObject({ code: 'body_too_large' })
  })

  test.each([
    ['lines', () => patient(2)],
    ['blank lines', () => '\n'],
    ['single bytes of a line', () => '{'],
  ])('whose token is revoked is ended with a line that says so, though %s still come', async (_, text) => {
    let revoked = false
    async function* dripping() {
      yield patient(1)
      await pause(50)
      revoked = true
      for (let i = 0; i < 30; i++) {
        yield text()
        await pause(60)
      }
    }
    const answers = await streamed(dripping(), async () => {
      if (revoked) throw new DomainError('invalid_token', 'The token is revoked.')
    })
    expect(answers[0]).toMatchObject({ outcome: 'registered' })
    expect(answers.at(-1)).toEqual({
      outcome: 'ended',
      code: 'invalid_token',
      detail: 'The token is revoked.',
    })
  })
})
