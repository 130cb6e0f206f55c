import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Browser } from '../../examples/clinic/demo/browser.ts'
import { type Clinic, type Landing, startClinic, startLanding } from './clinic.ts'
import { lacking, runs } from './on-this-machine.ts'

const python = process.env['PYTHON'] ?? 'python3'
const noAuthlib = lacking(
  'Authlib',
  () => runs(python, '-c', 'import authlib, joserfc, requests'),
  'pip install authlib joserfc requests; the variable PYTHON names another interpreter',
)

describe.skipIf(noAuthlib !== undefined)('an app made with Authlib', () => {
  let clinic: Clinic
  let landing: Landing
  beforeAll(async () => {
    clinic = await startClinic()
    landing = await startLanding()
  })
  afterAll(async () => {
    landing?.stop()
    await clinic?.stop()
  })

  test('gets, verifies, renews and revokes tokens of a machine and of a person', async () => {
    const redirectUri = `${landing.origin}/callback`
    const app = await clinic.makeApp('Ward board', { redirect_uris: [redirectUri] })
    const script = new URL('authlib_client.py', import.meta.url).pathname
    const args = [script, clinic.issuer, app.id, app.secret, redirectUri, 'http://localhost:7701']
    const child = spawn(python, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = once(child, 'exit')
    const told: Record<string, unknown> = {}
    for await (const line of createInterface(child.stdout)) {
      Object.assign(told, JSON.parse(line))
      if (!line.startsWith('{"url"')) continue
      const person = new Browser()
      const consent = await clinic.signIn(person, await person.open(String(told['url'])))
      const back = await person.press(consent, 'Allow')
      child.stdin.end(`${back.url}\n`)
    }
    expect((await ended)[0]).toBe(0)
    const person = { sub: clinic.ines, client_id: app.id, scope: 'patients:read', roles: ['front-desk'] }
    expect(told).toMatchObject({
      machine: { header: { typ: 'at+jwt', alg: 'ES256' }, claims: { scope: 'patients:read' } },
      id_token: { claims: { sub: clinic.ines, email: 'ines@harbour-street.example', email_verified: true } },
      access_token: { header: { typ: 'at+jwt' }, claims: person },
      renewed: { claims: person },
      ...{ is_rotated: true, is_active: false },
    })
  })
})
