import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { stores } from '../contract/stores.ts'
import { Browser } from '../oauth/browser.ts'
import type { Key, Reply } from './client.ts'
import { startTwoNodes, type TwoNodes } from './nodes.ts'
import {
  addApp,
  addPerson,
  type Bought,
  buyCode,
  isActive,
  outcomeOf,
  type Person,
  redeem,
  refresh,
} from './people.ts'

const scope = 'openid offline_access patients:read'

describe.each(stores.filter(({ isShared }) => isShared))('two processes on one store: $name', (kind) => {
  let two: TwoNodes
  let app: Key
  let ann: Person
  /** In which Ann stays signed in. */
  let browser: Browser
  beforeAll(async () => {
    two = await startTwoNodes(kind)
    const { operator } = two
    await operator.importClinic()
    app = await addApp(operator, await operator.makeOrganization('Rounds Ltd'))
    browser = new Browser(operator.address)
    ann = await addPerson(operator, await operator.makeOrganization(), 'ann@north.example')
  })
  afterAll(() => two?.stop())

  const addresses = () => two.nodes.map(({ address }) => address)
  /** Ten at once, five to each process. */
  const tenTimes = (ask: (address: string) => Promise<Reply>): Promise<readonly Reply[]> =>
    Promise.all(Array.from({ length: 5 }, () => addresses().map(ask)).flat())
  const granted = (replies: readonly Reply[]) => replies.filter(({ status }) => status === 200)
  /** What is refused as the protocol has it, and is no fault of ours. */
  const refusals = (replies: readonly Reply[]) => [
    ...new Set(replies.filter(({ status }) => status !== 200).map(outcomeOf)),
  ]
  const textIn = ({ json }: Reply, name: string) => String(json[name])
  const activeAtBoth = async (token: string) =>
    Promise.all(addresses().map((address) => isActive(address, app, token)))

  describe('a code that comes ten times at once (RFC 6749 §4.1.2)', () => {
    let bought: Bought
    beforeEach(async () => {
      bought = await buyCode(two.operator, app, ann, { scope, browser })
    })

    test('has one answer, and what it bought is ended: it has leaked', async () => {
      const replies = await tenTimes((address) => redeem(address, app, bought))
      expect(refusals(replies)).toEqual(['400 invalid_grant'])
      const [answer, ...others] = granted(replies)
      expect(others).toEqual([])
      if (answer === undefined) throw new Error('nobody got an answer')
      const [accessToken, refreshToken] = [textIn(answer, 'access_token'), textIn(answer, 'refresh_token')]
      for (const token of [accessToken, refreshToken])
        await expect.poll(() => activeAtBoth(token), { timeout: 1_000 }).toEqual([false, false])
      for (const address of addresses())
        expect(outcomeOf(await refresh(address, app, refreshToken))).toBe('400 invalid_grant')
    })

    test('at one process after the other revokes what it bought there', async () => {
      const [a = '', b = ''] = addresses()
      const answer = await redeem(a, app, bought)
      expect(answer.status).toBe(200)
      expect(await activeAtBoth(textIn(answer, 'access_token'))).toEqual([true, true])
      expect(outcomeOf(await redeem(b, app, bought))).toBe('400 invalid_grant')
      for (const name of ['access_token', 'refresh_token'])
        await expect
          .poll(() => activeAtBoth(textIn(answer, name)), { timeout: 1_000 })
          .toEqual([false, false])
      expect(outcomeOf(await refresh(a, app, textIn(answer, 'refresh_token')))).toBe('400 invalid_grant')
    })
  })

  describe('a refresh token that comes ten times at once (RFC 9700 §4.14.2)', () => {
    let first: string
    beforeEach(async () => {
      const { operator } = two
      const answer = await redeem(
        operator.address,
        app,
        await buyCode(operator, app, ann, { scope, browser }),
      )
      first = textIn(answer, 'refresh_token')
    })

    test('has one successor, which every honest repeat gets; each access token is good', async () => {
      const replies = await tenTimes((address) => refresh(address, app, first))
      expect(refusals(replies)).toEqual([])
      expect(replies).toHaveLength(10)
      for (const reply of replies)
        expect(await activeAtBoth(textIn(reply, 'access_token'))).toEqual([true, true])
      const [successor = '', ...others] = new Set(replies.map((reply) => textIn(reply, 'refresh_token')))
      expect(others).toEqual([])
      for (const address of addresses())
        expect(textIn(await refresh(address, app, first), 'refresh_token')).toBe(successor)
      expect((await refresh(two.operator.address, app, successor)).status).toBe(200)
    })

    test('that is sent again after the grace revokes the family', async () => {
      const [a = '', b = ''] = addresses()
      const second = await refresh(a, app, first)
      await two.aMinuteLater()
      expect(await activeAtBoth(textIn(second, 'access_token'))).toEqual([true, true])
      expect(outcomeOf(await refresh(b, app, first))).toBe('400 invalid_grant')
      for (const address of addresses())
        expect(outcomeOf(await refresh(address, app, textIn(second, 'refresh_token')))).toBe(
          '400 invalid_grant',
        )
      await expect
        .poll(() => activeAtBoth(textIn(second, 'access_token')), { timeout: 1_000 })
        .toEqual([false, false])
    })

    test('that is sent ten times after the grace gets nothing, and it is no fault of ours', async () => {
      const { refresh_token: second } = (await refresh(two.operator.address, app, first)).json
      await two.aMinuteLater()
      const replies = await tenTimes((address) => refresh(address, app, first))
      expect(replies.map(outcomeOf)).toEqual(Array.from({ length: 10 }, () => '400 invalid_grant'))
      expect(outcomeOf(await refresh(two.operator.address, app, String(second)))).toBe('400 invalid_grant')
    })

    test('that is sent again when its successor was used revokes the family', async () => {
      const [a = '', b = ''] = addresses()
      const second = textIn(await refresh(a, app, first), 'refresh_token')
      const third = await refresh(b, app, second)
      expect(third.status).toBe(200)
      expect(outcomeOf(await refresh(a, app, first))).toBe('400 invalid_grant')
      for (const token of [second, textIn(third, 'refresh_token')])
        expect(outcomeOf(await refresh(b, app, token))).toBe('400 invalid_grant')
      await expect
        .poll(() => activeAtBoth(textIn(third, 'access_token')), { timeout: 1_000 })
        .toEqual([false, false])
    })
  })
})
