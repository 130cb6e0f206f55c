import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import type { Authenticate } from '../../src/http/authenticate.ts'
import { routeFinder } from '../../src/http/find-route.ts'
import type { Principal } from '../../src/http/route.ts'
import { mailRoutes } from '../../src/mail/api.ts'
import { keptMails, openMail } from '../../src/mail/mail.ts'
import { createOutbox, type Deliver, type Delivery, type Outbox } from '../../src/mail/outbox.ts'
import { rewrapMails } from '../../src/mail/rewrap-mails.ts'
import { smtpDelivery } from '../../src/mail/smtp.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { memoryLog, problem, type Served, serveApi } from '../http/serving.ts'
import { type Deployment, dayMs, openDeployment } from '../organizations/deployment.ts'
import { startMailServer } from './mail-server.ts'

const canary = 'https://id.example/clinic/login/reset?link=canary-7f3a'
const mail = { to: 'sam@harbour.example', subject: 'Set a new password', text: `Open\n\n${canary}\n` }
const from = 'Clinic <id@clinic.example>'

let at: Deployment
let log: ReturnType<typeof memoryLog>
const opened: Outbox[] = []
beforeEach(async () => {
  at = await openDeployment()
  log = memoryLog()
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()))
  await at.store.close()
})

function outbox(deliver?: Deliver, retryAfterMs: readonly number[] = [1, 1]): Outbox {
  const operatorId = async () => at.operator.id
  const made = createOutbox({
    ...{ ...at.deps, commit: at.store.commit, operatorId, deliver, log, retryAfterMs },
  })
  opened.push(made)
  return made
}

const kept = () => at.deps.records.list(at.operator.id, keptMails, 'all', '', { limit: 100 })
const via = (url: string, allowWithoutTls = true) => smtpDelivery({ url, from, allowWithoutTls })

describe('a mail, with a mail server', () => {
  test('arrives as plain text and is then let go of', async () => {
    const server = await startMailServer()
    await outbox(via(server.url)).send({ ...mail, subject: 'Grüße', text: `Schön\n\n${canary}\n` })
    await vi.waitFor(async () => expect(await kept()).toEqual([]))
    const [one] = server.received
    expect(one).toMatchObject({ to: ['sam@harbour.example'], from: 'id@clinic.example' })
    expect(one?.raw).toContain('From: Clinic <id@clinic.example>')
    expect(one?.raw).toContain('Content-Type: text/plain; charset=utf-8')
    expect(one?.raw.replaceAll('=\r\n', '').replaceAll('=3D', '=')).toContain(canary)
    await server.stop()
  })

  test('goes to one address, whatever is written in it', async () => {
    const server = await startMailServer()
    await outbox(via(server.url)).send({ ...mail, to: '"a@b.example, c"@d.example' })
    await vi.waitFor(() => expect(log.lines).not.toEqual([]))
    expect(server.received.flatMap(({ to }) => to)).not.toContain('a@b.example')
    await server.stop()
  })

  test('that is refused is kept, with what the server said', async () => {
    const server = await startMailServer({
      onRcptTo: (_, __, done) => done(Object.assign(new Error('No such mailbox'), { responseCode: 550 })),
    })
    await outbox(via(server.url)).send(mail)
    await vi.waitFor(async () =>
      expect(await kept()).toMatchObject([
        { state: { kind: 'refused', why: expect.stringContaining('No such mailbox') } },
      ]),
    )
    await server.stop()
  })

  test('is tried again where the server is busy, and arrives once', async () => {
    let asked = 0
    const server = await startMailServer({
      onRcptTo: (_, __, done) =>
        done(++asked < 3 ? Object.assign(new Error('Try later'), { responseCode: 451 }) : null),
    })
    await outbox(via(server.url)).send(mail)
    await vi.waitFor(async () => expect(await kept()).toEqual([]))
    expect(server.received).toHaveLength(1)
    await server.stop()
  })

  test('is kept where there is no server at the address', async () => {
    const server = await startMailServer()
    await server.stop()
    await outbox(via(server.url)).send(mail)
    await vi.waitFor(async () => expect(await kept()).toMatchObject([{ state: { kind: 'refused' } }]))
  })

  test('never crosses the network in clear unless that is allowed', async () => {
    const server = await startMailServer()
    await outbox(via(server.url, false)).send(mail)
    await vi.waitFor(async () => expect(await kept()).toMatchObject([{ state: { kind: 'refused' } }]))
    expect(server.received).toEqual([])
    await server.stop()
  })

  test('goes to no server that cannot show who it is', async () => {
    // The certificate that comes with the server is signed by nobody.
    const server = await startMailServer({ hideSTARTTLS: false, disabledCommands: [] })
    await outbox(via(server.url, false)).send(mail)
    await vi.waitFor(async () => expect(await kept()).toMatchObject([{ state: { kind: 'refused' } }]))
    expect(server.received).toEqual([])
    await server.stop()
  })

  test('stays kept when the server stops in the middle', async () => {
    const busy: Delivery = { kind: 'not_now', why: 'busy' }
    const box = outbox(async () => busy, [60_000])
    await box.send(mail)
    await box.close()
    expect(await kept()).toMatchObject([{ state: { kind: 'waiting' } }])
  })

  describe('that a node left when it ended', () => {
    const minuteMs = 60_000
    const busy: Deliver = async () => ({ kind: 'not_now', why: 'busy' })
    const taken: string[] = []
    const taking: Deliver = async ({ text }) => {
      taken.push(text)
      return { kind: 'delivered' }
    }
    beforeEach(() => {
      taken.length = 0
    })

    test('is delivered by the next one', async () => {
      const box = outbox(busy, [60_000])
      await box.send(mail)
      await box.close()
      await outbox(taking).sweep()
      await vi.waitFor(async () => expect(await kept()).toEqual([]))
      expect(taken).toEqual([mail.text])
    })

    test('is delivered by one of many, minutes after a crash', async () => {
      await outbox(busy, [60_000]).send(mail)
      const others = [outbox(taking), outbox(taking), outbox(taking)]
      const sweepAll = () => Promise.all(others.map((one) => one.sweep()))
      at.time.nowMs += 4 * minuteMs
      await sweepAll()
      expect(taken).toEqual([])
      at.time.nowMs += minuteMs
      await sweepAll()
      await vi.waitFor(async () => expect(await kept()).toEqual([]))
      expect(taken).toEqual([mail.text])
    })

    test('is not delivered after a day', async () => {
      await outbox().send(mail)
      at.time.nowMs += dayMs
      await outbox(taking).sweep()
      expect(await kept()).toMatchObject([
        { state: { kind: 'refused', why: expect.stringContaining('day') } },
      ])
      expect(taken).toEqual([])
    })
  })

  test('is handed over after `send` has answered, so that the time tells nothing', async () => {
    const { promise, resolve } = Promise.withResolvers<Delivery>()
    await outbox(() => promise).send(mail)
    expect(await kept()).toHaveLength(1)
    resolve({ kind: 'delivered' })
    await vi.waitFor(async () => expect(await kept()).toEqual([]))
  })
})

describe('a mail, without a mail server', () => {
  test('is kept sealed, and the log says that it is there but not what it says', async () => {
    await outbox().send(mail)
    const [one] = await kept()
    expect(one && openMail(at.deps.secrets, one)).toEqual(mail)
    const told = JSON.stringify([log.lines, one])
    for (const secret of [canary, 'canary-7f3a', mail.to, mail.subject]) expect(told).not.toContain(secret)
    expect(log.lines).toMatchObject([{ level: 'warn', data: { mail: one?.id } }])
  })

  test('is forgotten after 30 days', async () => {
    const box = outbox()
    await box.send(mail)
    at.time.nowMs += 29 * dayMs
    await box.send(mail)
    await box.sweep()
    expect(await kept()).toHaveLength(2)
    at.time.nowMs += 2 * dayMs
    await box.sweep()
    expect(await kept()).toHaveLength(1)
  })

  test('opens when the deployment secret is exchanged', async () => {
    await outbox().send(mail)
    const { records, random, secrets: before } = at.deps
    // What sealed it is not known as text here, so one more exchange is made.
    const [older, newer] = [0, 1].map(() => randomBytes(32).toString('base64url')) as [string, string]
    const both = deploymentSecrets([newer, older], random)
    const [one] = await kept()
    if (one === undefined) throw new Error('there is none')
    const underOlder = deploymentSecrets([older], random)
    const sealed = underOlder.seal('mails', one.id, before.open('mails', one.id, one.sealed))
    const moved = { ...one, sealed, version: one.version + 1 }
    await at.store.commit([{ kind: 'update', collection: keptMails, before: one, after: moved }])
    const rewrap = rewrapMails({ records, commit: at.store.commit, secrets: both })
    const [, olderId = ''] = both.ids
    expect(await rewrap.rewrap(olderId, 10)).toBe(1)
    const [now] = await kept()
    expect(now && openMail(deploymentSecrets([newer], random), now)).toEqual(mail)
  })
})

describe('/mails', () => {
  let api: Served
  beforeEach(async () => {
    const routes = mailRoutes(at.deps)
    const find = routeFinder(routes)
    const asOperator: Authenticate = async ({ method, path, address, requestId }) => {
      const principal: Principal = {
        ...{ kind: 'key', id: at.by.id, organizationId: at.operator.id, requestId, address },
        holds: () => true,
      }
      const operationId = find(method, path).route?.operationId ?? ''
      return { kind: 'allowed', operationId, principal }
    }
    api = await serveApi(routes, { authenticate: asOperator })
  })

  test('lists them without what they say', async () => {
    await outbox().send(mail)
    const listed = await api.call('/mails')
    const body = await listed.text()
    expect(body).not.toContain('canary')
    expect(JSON.parse(body)).toMatchObject({
      items: [{ to: mail.to, subject: mail.subject, state: 'waiting', why: null }],
    })
    const [{ id }] = JSON.parse(body).items
    const one = await (await api.call(`/mails/${id}`)).text()
    expect(one).toContain(id)
    expect(one).not.toContain('canary')
  })

  test('shows what one says to who may do more than view, and tells of it', async () => {
    await outbox().send(mail)
    const [one] = await kept()
    const read = await api.call(`/mails/${one?.id}/read`, { method: 'POST' })
    expect(await read.json()).toMatchObject({ text: mail.text })
    const events = await at.deps.records.list(at.operator.id, auditEvents, 'type', 'mail.read', { limit: 10 })
    expect(events).toMatchObject([{ target: one?.id, details: { to: mail.to } }])
    expect(JSON.stringify([events, api.log.lines])).not.toContain('canary')
  })

  test('deletes one', async () => {
    await outbox().send(mail)
    const [one] = await kept()
    expect((await api.call(`/mails/${one?.id}`, { method: 'DELETE' })).status).toBe(204)
    const again = await api.call(`/mails/${one?.id}`)
    expect([again.status, (await problem(again))['code']]).toEqual([404, 'mail_not_found'])
  })
})
