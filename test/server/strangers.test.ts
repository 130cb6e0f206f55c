import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Browser } from '../oauth/browser.ts'
import { addPerson, codeIn, newestMail } from './people.ts'
import {
  authorizationUrl,
  formOf,
  known,
  openPage,
  type Shown,
  type Site,
  seenBy,
  startSite,
  timed,
  unknown,
  unknownToo,
} from './strangers-site.ts'
import { compareTimes, isTold } from './told-apart.ts'

/** No mailbox gets more than five mails in a quarter of an hour. */
const people = 13
const roundsAtOnce = 60
const stretchesMax = 3

let site: Site
beforeAll(async () => {
  site = await startSite(people)
}, 240_000)
afterAll(() => site?.stop())

/** What is asked of somebody or something: the n-th time, so much slower, and how long that took. */
type Ask = (who: typeof known, n: number, slowerMs?: number) => Promise<number>

interface Question {
  readonly name: string
  readonly begin: () => Promise<Ask>
}

const stranger = ({ domain }: typeof known, n: number) => `s-${String(n).padStart(4, '0')}@${domain}`
const person = (who: typeof known, n: number) => site.address(who, n % people)

/** What is asked first by whoever wants to know who a deployment's customers are. */
const firstQuestions: readonly Question[] = [
  {
    name: 'an address of a known domain, typed',
    begin: async () => {
      const send = formOf(await openPage(site, '/clinic/login'))
      return (who, n, slowerMs) => send({ email: stranger(who, n) }, slowerMs)
    },
  },
  { name: 'login_hint', begin: async () => asking((who, n) => ({ login_hint: person(who, n) })) },
]

const questions: readonly Question[] = [
  {
    name: "a person's address, typed",
    begin: async () => {
      const send = formOf(await openPage(site, '/clinic/login'))
      return (who, n, slowerMs) => send({ email: person(who, n) }, slowerMs)
    },
  },
  {
    name: "a person's address, with which a password was forgotten",
    begin: async () => {
      const { browser, page } = await openPage(site, '/clinic/login')
      const send = formOf({ browser, page: await browser.open(`${page.url.pathname}/forgot`) })
      return (who, n, slowerMs) => send({ email: person(who, n) }, slowerMs)
    },
  },
  { name: 'domain_hint', begin: async () => asking(({ domain }) => ({ domain_hint: domain })) },
  { name: 'organization', begin: async () => asking(({ slug }) => ({ organization: slug })) },
]

/** Authorization requests with these parameters, each to the page that comes. */
function asking(parameters: (who: typeof known, n: number) => Record<string, string>): Ask {
  return async (who, n, slowerMs = 0) => {
    const first = await timed('GET', await authorizationUrl(site, parameters(who, n)))
    const second = await timed('GET', first.location, { cookie: first.cookie, slowerMs })
    return first.ms + second.ms
  }
}

describe('by what they are sent, strangers cannot tell what is known', () => {
  const addresses = [
    ['a domain', stranger],
    ['a person', person],
  ] as const
  const submitted = async ({ browser, page }: Shown, ...forms: Record<string, string>[]): Promise<Shown> => {
    let last = page
    for (const fields of forms) last = await browser.submit(last, fields)
    return { browser, page: last }
  }
  const walks: readonly (readonly [string, (who: typeof known) => Promise<Shown>])[] = [
    ...addresses.flatMap(([what, address]) => [
      [
        `${what}, typed, and codes that are not the mailed one`,
        async (who: typeof known) => {
          const codes = Array.from({ length: 6 }, () => ({ code: 'none' }))
          return submitted(await openPage(site, '/clinic/login'), { email: address(who, 0) }, ...codes)
        },
      ] as const,
      [
        `${what}, with which a password was forgotten`,
        async (who: typeof known) => {
          const { browser, page } = await openPage(site, '/clinic/login')
          const forgot = { browser, page: await browser.open(`${page.url.pathname}/forgot`) }
          return submitted(forgot, { email: address(who, 0) })
        },
      ] as const,
      [`${what}, in login_hint`, (who: typeof known) => requested({ login_hint: address(who, 0) })] as const,
      [
        `${what}, in login_hint beside organization`,
        (who: typeof known) => requested({ login_hint: address(who, 0), organization: who.slug }),
      ] as const,
      [
        `${what}, for which too many codes are asked`,
        async (who: typeof known) => {
          const begun = await openPage(site, '/clinic/login')
          const from = { 'x-forwarded-for': `192.0.2.${who === known ? 1 : 2}` }
          for (let n = 0; n < 60; n += 1)
            await begun.browser.submit(begun.page, { email: address(who, 0) }, from)
          const page = await begun.browser.submit(begun.page, { email: address(who, 0) }, from)
          expect([page.status, page.text]).toEqual([429, expect.stringContaining('Too many codes')])
          return { ...begun, page }
        },
      ] as const,
    ]),
    ['domain_hint', (who) => requested({ domain_hint: who.domain })],
    ['organization', (who) => requested({ organization: who.slug })],
  ]
  const requested = async (more: Record<string, string>): Promise<Shown> => {
    const browser = new Browser(site.operator.address)
    return { browser, page: await browser.open(await authorizationUrl(site, more)) }
  }

  test.each(walks)('%s', async (_what, walk) => {
    await site.nextQuarter()
    const [ofKnown, ofUnknown] = [await walk(known), await walk(unknown)]
    expect(seenBy(ofKnown)).toEqual(seenBy(ofUnknown))
  })

  test('a wrong password of a person who is there, and of one who is gone', async () => {
    const [there, gone] = await thereAndGone()
    const [ofThere, ofGone] = await Promise.all(
      [there, gone].map((one) => submitted(one, { password: 'not theirs' })),
    )
    expect(ofThere?.page.status).toBe(422)
    expect(ofThere && seenBy(ofThere)).toEqual(ofGone && seenBy(ofGone))
  })
})

/** Two people are asked for their password, of whom one is gone by then. */
async function thereAndGone(): Promise<readonly [Shown, Shown]> {
  const { organizationId } = site
  // The token of before is too old by now.
  const operator = site.operator.through(site.operator.address)
  const shown = async (name: string) => {
    const email = `${name}-${randomUUID()}@${known.domain}`
    const { id } = await addPerson(operator, organizationId, email)
    const { browser, page } = await openPage(site, '/clinic/login')
    const codePage = await browser.submit(page, { email })
    const asked = await browser.submit(codePage, { code: codeIn(await newestMail(operator, email)) })
    expect(asked.text).toMatch(/<h1>Enter your password/)
    return { id, browser, page: asked }
  }
  const [there, gone] = [await shown('stays'), await shown('parts')]
  await operator.do('DELETE', `/organizations/${organizationId}/users/${gone.id}`)
  return [there, gone]
}

describe('by its time, strangers cannot tell what is known', () => {
  const asked = process.env['MONGODB_URI'] === undefined ? [...firstQuestions, ...questions] : firstQuestions

  test.each(asked)('$name', { timeout: 600_000 }, async ({ name, begin }) => {
    const compared = await compareTimes(
      async () => {
        await site.nextQuarter()
        const ask = await begin()
        return {
          known: (n) => ask(known, n),
          unknown: (n) => ask(unknown, n),
          slower: (n, byMs) => ask(unknownToo, n, byMs),
        }
      },
      { slowerByMs: [2, 4, 8], roundsAtOnce, stretchesMax },
    )
    const { rounds, slowerByMs } = compared
    console.log(`${name}: ${slowerByMs} ms more are seen in ${rounds} rounds`, compared.known)
    expect(isTold(compared), JSON.stringify(compared)).toBe(false)
  })
})
