import { decodeJwt } from 'jose'
import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Browser, type Page } from '../../examples/clinic/demo/browser.ts'
import { ask } from '../oauth/app.ts'
import { publishedTxt } from '../server/deployment.ts'
import { itemsOf } from '../server/operations.ts'
import { type Clinic, type Landing, startClinic, startLanding } from './clinic.ts'
import { noLemonLdap, startLemonLdap } from './lemonldap.ts'

/** With what generated secrets are full of; the portal does not decode it (RFC 6749 §2.3.1). */
const clientSecret = 'bad-wolf_7.tardis!'
/** One of the portal's demonstration users; its password is its name. */
const doctor = 'dwho'
const email = 'dwho@badwolf.org'

describe.skipIf(noLemonLdap !== undefined)('LemonLDAP::NG as an organization’s own provider', () => {
  let clinic: Clinic
  let landing: Landing
  let portal: Awaited<ReturnType<typeof startLemonLdap>>
  let app: client.Configuration
  const person = new Browser()
  beforeAll(async () => {
    ;[clinic, landing, portal] = await Promise.all([startClinic(), startLanding(), startLemonLdap()])
    const key = await clinic.makeApp('Rounds', { redirect_uris: [`${landing.origin}/callback`] })
    app = await client.discovery(new URL(clinic.issuer), key.id, key.secret, undefined, {
      execute: [client.allowInsecureRequests],
    })
  })
  afterAll(async () => {
    await portal?.stop()
    landing?.stop()
    await clinic?.stop()
  })

  const atHome = (path: string) => `/organizations/${clinic.organization}${path}`

  /** At the portal: signs in where it asks for it, and lets Latchkey know who it is. */
  async function throughPortal(page: Page): Promise<Page> {
    let here = page
    for (let steps = 0; here.url.startsWith(portal.issuer) && steps < 4; steps++) {
      here = here.fields.includes('password')
        ? await person.press(here, 'Connect', { user: doctor, password: doctor })
        : await person.press(here, 'Accept')
    }
    return here
  }

  test('is connected, tested and activated by an administrator', async () => {
    const { operator } = clinic
    const added = await operator.do('POST', atHome('/domains'), { name: 'badwolf.org' })
    publishedTxt.set(String(added.json['txt_name']), String(added.json['txt_value']))
    await operator.do('POST', atHome(`/domains/${String(added.json['id'])}/verify`))
    const made = await operator.do('POST', atHome('/connections'), {
      ...{ name: 'Portal', issuer: portal.issuer, client_id: 'latchkey', client_secret: clientSecret },
      // It sends no `email_verified`.
      email_trust: 'unless_denied',
      mapping: {
        roles: [{ claim: 'groups', value: 'timelords', service: 'clinic', role: 'front-desk' }],
        tags: [{ claim: 'groups', tag: 'team' }],
        default_roles: [{ service: 'clinic', role: 'patients:read' }],
      },
    })
    const redirectUri = String(made.json['redirect_uri'])
    await portal.restartWith({ clientId: 'latchkey', clientSecret, redirectUri })
    const connection = atHome(`/connections/${String(made.json['id'])}`)
    const begun = await operator.do('POST', `${connection}/test`)
    const done = await throughPortal(await person.open(String(begun.json['url'])))
    expect(done.text).toContain('The connection works')
    expect((await operator.do('GET', `${connection}/test`)).json).toMatchObject({
      ...{ state: 'passed', claims: { groups: expect.arrayContaining(['timelords']) } },
      roles: [{ role: 'front-desk' }],
    })
    await operator.do('POST', `${connection}/activate`, {})
  })

  test('a person’s address leads to it, and they come back with the role that their group has', async () => {
    const { url, checks } = await ask(app, {
      redirectUri: `${landing.origin}/callback`,
      scope: 'openid email patients:read appointments:write',
    })
    const known = await person.press(await person.open(url.href), 'Continue', { email })
    const consent = await throughPortal(known)
    const back = await person.press(consent, 'Allow')
    const tokens = await client.authorizationCodeGrant(app, new URL(back.url), checks)
    expect(tokens.claims()).toMatchObject({ email, email_verified: true })
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      ...{ iss: clinic.issuer, org_id: clinic.organization, roles: ['front-desk'] },
      scope: 'patients:read appointments:write',
    })
    const people = await clinic.operator.do('GET', atHome('/users'))
    const come = itemsOf(people.text).find((one) => one['email'] === email)
    expect(come).toMatchObject({
      name: 'Doctor Who',
      tags: { team: expect.arrayContaining(['timelords', 'users']) },
    })
  })
})
