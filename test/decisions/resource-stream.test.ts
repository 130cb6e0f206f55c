import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { streamRegistrations } from '../../src/decisions/api/resource-stream.ts'
import { DomainError } from '../../src/errors.ts'
import type { Operation } from '../../src/evaluator/model.ts'
import { koaHandler } from '../../src/http/site-map.ts'
import type { Service } from '../../src/services/service.ts'
import { findResource } from '../../src/tags/resource.ts'
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
  stillAuthorized?: () => Promise<Service>,
): Promise<readonly Record<string, unknown>[]> {
  const service = { ...at.clinic, model: { ...at.clinic.model, operations: [getPatient] } }
  const call = { service, by: at.by, stillAuthorized: stillAuthorized ?? (async () => service) }
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

  test('goes by the document as it is: what it does not name any more is refused from then on', async () => {
    let replaced = false
    async function* twice() {
      yield patient(1)
      await pause(50)
      replaced = true
      for (let i = 0; i < 25; i++) {
        await pause(60)
        yield patient(2 + i)
      }
      yield ''
    }
    const model = { ...at.clinic.model, operations: [getPatient] }
    const answers = await streamed(twice(), async () => (replaced ? at.clinic : { ...at.clinic, model }))
    expect(answers[0]).toMatchObject({ outcome: 'registered' })
    expect(answers.at(-1)).toMatchObject({ outcome: 'refused', code: 'invalid_request' })
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
      return at.clinic
    })
    expect(answers[0]).toMatchObject({ outcome: 'registered' })
    expect(answers.at(-1)).toEqual({
      outcome: 'ended',
      code: 'invalid_token',
      detail: 'The token is revoked.',
    })
  })
})

/** A client that sends and takes nothing of what it is answered. Resolves once the server has let the connection go. */
async function unread(
  text: string,
  more: {
    readonly idleMs?: number
    readonly ends?: true
    readonly stillAuthorized?: () => Promise<Service>
  } = {},
): Promise<{ readonly ms: number }> {
  const { idleMs = 60_000, stillAuthorized = async () => at.clinic } = more
  const service = { ...at.clinic, model: { ...at.clinic.model, operations: [getPatient] } }
  const letGo = Promise.withResolvers<void>()
  const { port } = await serve(
    (log) =>
      koaHandler(log, (ctx) => {
        ctx.req.socket.once('close', letGo.resolve)
        return streamRegistrations(at.deps, ctx, { service, by: at.by, stillAuthorized })
      }),
    { timeouts: { ...timeouts, requestMs: 60_000, longBody: { ...timeouts.longBody, idleMs } } },
  )
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  const begunAt = performance.now()
  socket.write(
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n',
  )
  socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n${more.ends ? '0\r\n\r\n' : ''}`)
  await letGo.promise
  socket.destroy()
  return { ms: performance.now() - begunAt }
}

/** Each is answered with more than a hundred times as much: more than any connection holds. */
const manyAnswers = '{}\n'.repeat(80_000)

describe('a stream of resources whose client takes no answers', () => {
  test('is let go within two seconds of the end of its token, and nothing that came with it is registered', async () => {
    const { ms } = await unread(manyAnswers + patient(1), {
      stillAuthorized: async () => {
        throw new DomainError('invalid_token', 'The token is revoked.')
      },
    })
    // It is asked about after one second, and has another to take what it was sent.
    expect(ms).toBeLessThan(3_000)
    expect(await findResource(at.deps.records, at.clinic.id, '/patients/{1}')).toBeUndefined()
  })

  test('is let go when its token ends, too, though it has sent nothing that is answered', async () => {
    const { ms } = await unread('\n', {
      stillAuthorized: async () => {
        throw new DomainError('invalid_token', 'The token is revoked.')
      },
    })
    expect(ms).toBeLessThan(3_000)
  })

  test('is let go at the idle limit, though it has sent all that it had', async () => {
    const { ms } = await unread(manyAnswers, { idleMs: 300, ends: true })
    expect(ms).toBeLessThan(5_000)
  })
})
