import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Guard } from '../../src/sdk/index.ts'
import { stores } from '../contract/stores.ts'
import { Browser } from '../oauth/browser.ts'
import { type Key, send } from './client.ts'
import { startTwoNodes, type TwoNodes } from './nodes.ts'
import { itemsOf } from './operations.ts'
import {
  addApp,
  addPerson,
  buyCode,
  linkIn,
  newestMail,
  openLink,
  outcomeOf,
  type Person,
  redeem,
  refresh,
} from './people.ts'

const seenWithinMs = 1_000

describe.each(stores.filter(({ isShared }) => isShared))('what a person has given an app: $name', (kind) => {
  let two: TwoNodes
  let guards: readonly Guard[]
  let app: Key
  beforeAll(async () => {
    two = await startTwoNodes(kind)
    const { operator, nodes } = two
    await operator.importClinic()
    app = await addApp(operator, await operator.makeOrganization('Rounds Ltd'))
    const key = await operator.makeGuardKey()
    guards = await Promise.all(nodes.map(({ address }) => operator.guard(key, 'clinic', address)))
  })
  afterAll(async () => {
    for (const guard of guards ?? []) guard.close()
    await two?.stop()
  })

  interface Given {
    readonly person: Person
    readonly browser: Browser
    readonly refreshToken: string
    /** What guards of both nodes answer to the app, and what each node's userinfo does. */
    answers(): Promise<readonly number[]>
  }

  async function given(email: string): Promise<Given> {
    const { operator, nodes } = two
    const person = await addPerson(operator, await operator.makeOrganization(), email)
    const browser = new Browser(operator.address)
    const bought = await buyCode(operator, app, person, {
      browser,
      scope: 'openid offline_access patients:read',
    })
    const { json } = await redeem(operator.address, app, bought)
    const identity = await buyCode(operator, app, person, { browser, scope: 'openid' })
    const forUserinfo = await redeem(operator.address, app, identity)
    const authorization = `Bearer ${String(json['access_token'])}`
    const answers = async () => [
      ...(await Promise.all(
        guards.map(
          async (guard) => (await guard.check({ method: 'GET', url: '/patients', authorization })).status,
        ),
      )),
      ...(await Promise.all(
        nodes.map(async ({ address }) => {
          const token = String(forUserinfo.json['access_token'])
          return (await send(address, 'GET', '/clinic/oauth/userinfo', { token })).status
        }),
      )),
    ]
    await expect.poll(answers).toEqual([200, 200, 200, 200])
    return { person, browser, refreshToken: String(json['refresh_token']), answers }
  }

  const at = ({ organizationId, id }: Person, what = '') =>
    `/organizations/${organizationId}/users/${id}${what}`

  const ends: readonly (readonly [string, (given: Given) => Promise<unknown>])[] = [
    [
      'taken back by the person',
      async ({ browser, person }) => {
        const [consent] = itemsOf(
          (await two.operator.do('GET', `/organizations/${person.organizationId}/consents`)).text,
        )
        const page = await browser.open('/clinic/login')
        const csrf = /name="csrf" value="([^"]*)"/.exec(page.text)?.[1] ?? ''
        await browser.post(page.url, { csrf, consent: String(consent?.['id']) })
      },
    ],
    [
      'ended by an administrator',
      async ({ person }) => {
        const path = `/organizations/${person.organizationId}/consents`
        const [consent] = itemsOf((await two.operator.do('GET', path)).text)
        await two.operator.do('DELETE', `${path}/${String(consent?.['id'])}`)
      },
    ],
    ['of one who is disabled', ({ person }) => two.operator.do('POST', at(person, '/disable'))],
    ['of one who is deleted', ({ person }) => two.operator.do('DELETE', at(person))],
    [
      'of an organization that is suspended',
      ({ person }) =>
        two.operator.do('POST', `/organizations/${person.organizationId}/suspend`, { reason: 'unpaid' }),
    ],
    [
      'of one whose password was reset',
      async ({ person }) => {
        await two.operator.do('POST', at(person, '/password-reset'), { service: 'clinic' })
        await openLink(
          two.operator,
          linkIn(await newestMail(two.operator, person.email)),
          'eight teal kettles sing',
        )
      },
    ],
  ]

  test.each(ends)('%s is refused at both nodes, by their guards too, within a second', async (what, end) => {
    const one = await given(`${what.replaceAll(' ', '-')}@north.example`)
    await end(one)
    const startMs = performance.now()
    await expect.poll(one.answers, { timeout: 5_000, interval: 5 }).toEqual([401, 401, 401, 401])
    expect(performance.now() - startMs).toBeLessThan(seenWithinMs)
    for (const { address } of two.nodes)
      expect(outcomeOf(await refresh(address, app, one.refreshToken))).toBe('400 invalid_grant')
  })
})
