import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WrongTokens } from '../../src/decisions/api/wrong-tokens.ts'
import type { ClientKeyId } from '../../src/ids.ts'
import type { Records } from '../../src/storage/ports.ts'
import { type Deployment, openDeployment } from '../organizations/deployment.ts'

const quota = { requests: 5, windowSeconds: 60 }
const limited = expect.objectContaining({ code: 'rate_limited' })

let at: Deployment
let lookedUp = 0
let limits: WrongTokens
beforeEach(async () => {
  at = await openDeployment()
  lookedUp = 0
  const { records } = at.store
  const counting: Records = {
    find: (...asked) => records.find(...asked),
    list: (...asked) => records.list(...asked),
    locate: (...asked) => {
      lookedUp++
      return records.locate(...asked)
    },
  }
  limits = new WrongTokens({ quota, countedMax: 100 }, counting)
})
afterEach(() => at.store.close())

const naming = (sub: ClientKeyId) => {
  const claims = Buffer.from(JSON.stringify({ sub })).toString('base64url')
  return [`Bearer e30.${claims}.e30`]
}
const fail = (address: string) => {
  for (let i = 0; i < quota.requests; i++) limits.failed(address)
}

describe('wrong tokens from one address', () => {
  test('are refused after so many, from all of a /64 of IPv6, and from no other', async () => {
    fail('2001:db8:1:2::1')
    expect(() => limits.failed('2001:db8:1:2::1')).toThrow(limited)
    await expect(limits.admit('2001:db8:1:2:ffff::9', ['Bearer a.b.c'])).rejects.toEqual(limited)
    await expect(limits.admit('2001:db8:1:3::1', ['Bearer a.b.c'])).resolves.toBeUndefined()
  })

  test('that name keys which there are not ask the store as often, and no oftener', async () => {
    fail('192.0.2.1')
    for (let i = 0; i < 20; i++)
      await expect(limits.admit('192.0.2.1', naming(at.deps.newId('key')))).rejects.toEqual(limited)
    expect(lookedUp).toBe(quota.requests)
  })

  test('keep out no key whose token was good', async () => {
    const known = at.deps.newId('key')
    limits.right(known)
    fail('192.0.2.1')
    for (let i = 0; i < 20; i++)
      await expect(limits.admit('192.0.2.1', naming(at.deps.newId('key')))).rejects.toEqual(limited)
    await expect(limits.admit('192.0.2.1', naming(known))).resolves.toBeUndefined()
  })
})
