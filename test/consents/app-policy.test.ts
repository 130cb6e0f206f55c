import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AppPolicy, appPolicies } from '../../src/consents/app-policy.ts'
import { consents } from '../../src/consents/consent.ts'
import type { OrganizationId } from '../../src/ids.ts'
import { appOf, appUri, ask, signIn } from '../oauth/app.ts'
import { Browser, type Seen } from '../oauth/browser.ts'
import { startWorld, type World } from '../oauth/fixture.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

/** A person of an organization with this policy. */
async function personUnder(policy: Partial<AppPolicy>) {
  const { id: organizationId } = await world.addOrganization({ name: 'Strict practice' })
  const user = await world.addUser({ organizationId, email: `${randomUUID()}@strict.example` })
  await world.add<AppPolicy>(appPolicies, {
    ...{ id: organizationId, organizationId, version: 1, mode: 'all', unverified: 'ask', approved: [] },
    ...policy,
  })
  return user
}

const appOfOrganization = async (organizationId: OrganizationId) =>
  world.addKey({ name: 'Calendar', redirectUris: [appUri], organizationId })

/** What a person of that organization sees once they have signed in for the app. */
async function seenBy(policy: Partial<AppPolicy>, whose: 'another' | 'own' | "the service's") {
  const user = await personUnder(policy)
  const { organization, operator } = world
  const maker = { another: organization.id, own: user.organizationId, "the service's": operator.id }[whose]
  const config = await appOf(world, await appOfOrganization(maker))
  const { url } = await ask(config)
  const browser = new Browser(world.origin)
  const seen = await signIn(browser, await browser.open(url), user.email)
  return { user, browser, seen, config }
}

const saidBy = ({ text }: Seen) =>
  text.includes('value="allow"')
    ? 'allowed'
    : text.includes('has to approve')
      ? 'ask'
      : text.includes('does not allow')
        ? 'denied'
        : text

describe('an app of another organization', () => {
  test.each([
    ['all', 'allowed'],
    ['approved', 'denied'],
    ['ask', 'ask'],
  ] as const)('under the mode %s is %s', async (mode, said) => {
    expect(saidBy((await seenBy({ mode, unverified: 'deny' }, 'another')).seen)).toBe(said)
  })

  test.each(['approved', 'ask'] as const)(
    'under the mode %s is allowed once it is approved',
    async (mode) => {
      const { browser, seen, user, config } = await seenBy({ mode }, 'another')
      const policy = await world.records.find(user.organizationId, appPolicies, user.organizationId)
      if (policy === undefined) throw new Error('no policy')
      const { client_id: clientId } = config.clientMetadata()
      await world.change(appPolicies, policy, { approved: [clientId] })
      expect(saidBy(await browser.open(seen.url))).toBe('allowed')
    },
  )

  test.each(['own', "the service's"] as const)(
    'is no third party’s where it is %s, whatever the mode',
    async (whose) => {
      expect(saidBy((await seenBy({ mode: 'approved' }, whose)).seen)).toBe('allowed')
    },
  )

  test('that is not allowed any more asks again, though consent was remembered', async () => {
    const { browser, seen, user, config } = await seenBy({ mode: 'all' }, 'another')
    await browser.submit(seen, { decision: 'allow' })
    const { url } = await ask(config)
    expect((await browser.open(url)).url.origin).toBe('https://app.example')
    const policy = await world.records.find(user.organizationId, appPolicies, user.organizationId)
    if (policy === undefined) throw new Error('no policy')
    await world.change(appPolicies, policy, { mode: 'approved' })
    expect(saidBy(await browser.open((await ask(config)).url))).toBe('denied')
  })

  test('cannot be let in by the form of a page that was shown before', async () => {
    const { browser, seen, user } = await seenBy({ mode: 'all' }, 'another')
    const policy = await world.records.find(user.organizationId, appPolicies, user.organizationId)
    if (policy === undefined) throw new Error('no policy')
    await world.change(appPolicies, policy, { mode: 'ask' })
    const answer = await browser.submit(seen, { decision: 'allow' })
    expect(answer.status).toBe(403)
    expect(await given(user.organizationId)).toEqual([])
  })
})

const given = (organizationId: OrganizationId) =>
  world.store.records.list(organizationId, consents, 'all', '', { limit: 5 })

describe('a page of consent is answered by the browser of the session that it asks', () => {
  /** The cookie of one sign-in under way, planted in another browser together with its form. */
  async function plant(from: Browser, page: Seen, into: Browser) {
    for (const cookie of await from.jar.getCookies(page.url.href))
      if (cookie.key.startsWith('latchkey_interaction'))
        await into.jar.setCookie(cookie.toString(), page.url.href)
  }

  test('not by that of somebody else, nor by one without a session: no consent is written', async () => {
    const anns = await seenBy({}, 'another')
    const bobs = await seenBy({}, 'another')
    const nobodys = new Browser(world.origin)
    for (const browser of [bobs.browser, nobodys]) {
      await plant(anns.browser, anns.seen, browser)
      const forged = await browser.submit(anns.seen, { decision: 'allow' })
      expect([forged.status, forged.text]).toEqual([404, expect.stringContaining('another browser')])
      const shown = await browser.open(anns.seen.url)
      expect(shown.text).not.toContain(anns.user.email)
    }
    expect(await given(anns.user.organizationId)).toEqual([])
    await anns.browser.submit(anns.seen, { decision: 'allow' })
    expect(await given(anns.user.organizationId)).toHaveLength(1)
  })

  test('not after the person has signed out', async () => {
    const { browser, seen, user } = await seenBy({}, 'another')
    const own = await browser.open(`${world.issuer}/login`)
    const session = /name="session" value="([^"]+)"/.exec(own.text)?.[1] ?? ''
    await browser.submit(own, { session })
    expect((await browser.submit(seen, { decision: 'allow' })).status).toBe(404)
    expect(await given(user.organizationId)).toEqual([])
  })
})
