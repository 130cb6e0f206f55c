import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stores } from '../contract/stores.ts'
import { Browser, type Seen } from '../oauth/browser.ts'
import { startTwoNodes, type TwoNodes } from './nodes.ts'
import { addPerson, codeIn, mailsTo, newestMail, password } from './people.ts'

const wrongPassword = 'not the password of anybody'

describe.each(stores.filter(({ isShared }) => isShared))('two nodes on one store: $name', (kind) => {
  let two: TwoNodes
  let organizationId: string
  beforeAll(async () => {
    two = await startTwoNodes(kind)
    await two.operator.importClinic()
    organizationId = await two.operator.makeOrganization()
    // Tries are counted for each quarter of an hour: none begins in the middle of these tests.
    if (Date.now() % 900_000 > 840_000) await two.aMinuteLater()
  })
  afterAll(() => two?.stop())

  /** What a form says when it is sent once to this node, once to that, so many times in all. */
  async function sentByTurns(browser: Browser, page: Seen, fields: Record<string, string>, times: number) {
    const said: string[] = []
    for (let n = 0; n < times; n += 1) {
      const node = two.nodes[n % 2]
      const at = { ...page, url: new URL(page.url.pathname, node?.address) }
      const { text } = await browser.submit(at, fields)
      said.push(/<b>Error:<\/b> ([^.]*\.)/.exec(text)?.[1] ?? 'nothing')
    }
    return said
  }

  test('ten wrong passwords are looked at, at both together, and the right one no more then', async () => {
    const { operator } = two
    const email = 'ann@north.example'
    await addPerson(operator, organizationId, email)
    const browser = new Browser(operator.address)
    const codePage = await browser.submit(await browser.open('/clinic/login'), { email })
    const code = codeIn(await newestMail(operator, email))
    const passwordPage = await browser.submit(codePage, { code })
    const wrong = await sentByTurns(browser, passwordPage, { password: wrongPassword }, 10)
    expect(new Set(wrong)).toEqual(new Set(['That is not the password of this address.']))
    const right = await sentByTurns(browser, passwordPage, { password }, 2)
    expect(right).toEqual(['Too many tries.', 'Too many tries.'])
  })

  test('a mailed code is looked at five times, at both together', async () => {
    const browser = new Browser(two.operator.address)
    const email = 'nobody@north.example'
    const codePage = await browser.submit(await browser.open('/clinic/login'), { email })
    const right = codeIn(await newestMail(two.operator, email))
    const wrong = right === '000000' ? '111111' : '000000'
    const said = await sentByTurns(browser, codePage, { code: wrong }, 5)
    expect(new Set(said)).toEqual(new Set(['That is not the code.']))
    expect(await sentByTurns(browser, codePage, { code: right }, 2)).toEqual(
      Array.from({ length: 2 }, () => 'This code is used up or too old.'),
    )
  })

  test('a mailbox gets five mails, from both together', async () => {
    const browser = new Browser(two.operator.address)
    const email = 'mailbox@north.example'
    const emailPage = await browser.open('/clinic/login')
    await sentByTurns(browser, emailPage, { email }, 8)
    expect(await mailsTo(two.operator, email)).toHaveLength(5)
  })

  test('one that stops first mails the links that it has promised', async () => {
    const email = 'sam@north.example'
    await addPerson(two.operator, organizationId, email)
    const [stopping, staying] = two.nodes
    const left = two.operator.through(staying.address)
    await left.token()
    const before = (await mailsTo(left, email)).length
    const browser = new Browser(stopping.address)
    const { url } = await browser.open('/clinic/login')
    const forgot = await browser.submit(await browser.open(`${url.pathname}/forgot`), { email })
    expect(forgot.text).toContain('Look into your mail')
    expect(await stopping.stop()).toBe(0)
    expect(await mailsTo(left, email)).toHaveLength(before + 1)
    expect(await newestMail(left, email)).toContain('/clinic/login/reset?link=')
  })
})
