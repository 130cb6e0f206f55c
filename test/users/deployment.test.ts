import { afterAll, expect, test, vi } from 'vitest'
import { startMailServer } from '../mail/mail-server.ts'
import { startDeployment } from '../server/deployment.ts'
import { itemsOf } from '../server/operations.ts'

const linkPattern = /\?link=([^\s]+)/

test('without a mail server the operator reads the link, and the log never tells it', async () => {
  const deployment = await startDeployment()
  afterAll(() => deployment.stop())
  const { operator, lines } = deployment
  const organization = await operator.makeOrganization('Harbour Street')
  const id = await operator.makeUser(organization, { name: 'Sam' })
  const listed = await operator.do('GET', '/mails')
  const [mail] = itemsOf(listed.text)
  expect(mail).toMatchObject({ state: 'waiting', subject: 'Harbour Street has invited you to Latchkey' })
  expect(listed.text).not.toMatch(linkPattern)
  const read = await operator.do('POST', `/mails/${mail?.['id']}/read`)
  const [, link = ''] = linkPattern.exec(String(read.json['text'])) ?? []
  expect(link).toMatch(/^[0-9a-z]{26}\.[\w-]{43}$/)
  const admin = await operator.makeKey(organization, { service: 'latchkey', role: 'organization-admin' })
  const events = await operator.do('GET', `/organizations/${organization}/audit-events`)
  expect(events.text).toContain(id)
  const told = lines.join('\n') + events.text + JSON.stringify(admin)
  for (const secret of [link, link.split('.')[1] ?? '', 'To begin, open']) expect(told).not.toContain(secret)
  expect(lines.join('\n')).toContain(String(mail?.['id']))
})

test('with a mail server the person gets it, and nothing is kept', async () => {
  const server = await startMailServer()
  const from = 'id@clinic.example'
  const deployment = await startDeployment({ smtp: { url: server.url, from, allowWithoutTls: true } })
  afterAll(async () => {
    await deployment.stop()
    await server.stop()
  })
  const { operator, lines } = deployment
  const organization = await operator.makeOrganization()
  const id = await operator.makeUser(organization, { email: 'sam@harbour.example' })
  await vi.waitFor(() => expect(server.received).toHaveLength(1))
  await operator.do('POST', `/organizations/${organization}/users/${id}/invitation`)
  await vi.waitFor(() => expect(server.received).toHaveLength(2))
  expect(server.received[1]).toMatchObject({ to: ['sam@harbour.example'], from })
  await vi.waitFor(async () => expect(itemsOf((await operator.do('GET', '/mails')).text)).toEqual([]))
  expect(lines.join('\n')).not.toContain('link=')
})
