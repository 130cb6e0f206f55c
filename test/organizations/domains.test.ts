import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import type { OrganizationId } from '../../src/ids.ts'
import { addDomain } from '../../src/organizations/add-domain.ts'
import { createOrganization } from '../../src/organizations/create-organization.ts'
import { deleteOrganization } from '../../src/organizations/delete-organization.ts'
import {
  type Domain,
  domainName,
  domainOfEmail,
  getDomain,
  locateVerifiedDomain,
} from '../../src/organizations/domain.ts'
import { domainBelongings } from '../../src/organizations/domain-belongings.ts'
import { removeDomain } from '../../src/organizations/remove-domain.ts'
import { sweepDomains } from '../../src/organizations/sweep-domains.ts'
import { verifyDomain } from '../../src/organizations/verify-domain.ts'
import { type Deployment, dayMs, noonMs, openDeployment } from './deployment.ts'

let at: Deployment
let published: Map<string, readonly (readonly string[])[] | string>
let faults: { cause: unknown; name: string }[]
let mails: { organizationId: OrganizationId; subject: string; text: string }[]
beforeEach(async () => {
  at = await openDeployment()
  published = new Map()
  mails = []
  faults = []
})
afterEach(() => at.store.close())

/** Name servers as `node:dns/promises` shows them: what is published, or a code. */
const resolveTxt = async (name: string) => {
  const found = published.get(name) ?? 'ENOTFOUND'
  if (typeof found === 'string') throw Object.assign(new Error(`queryTxt ${found} ${name}`), { code: found })
  return found
}
const deps = () => ({ ...at.deps, resolveTxt })
const sweep = () =>
  sweepDomains({
    ...deps(),
    keep: at.store.commit,
    onFault: (cause, { name }) => faults.push({ cause, name }),
    tellAdministrators: async (organizationId, mail) => {
      if (mail.subject.startsWith('broken')) throw new Error('no mail')
      mails.push({ organizationId, ...mail })
    },
  })

const add = (name = 'clinic.example', organizationId = at.customer.id) =>
  addDomain(at.deps, at.by, organizationId, name)
const verify = ({ id, organizationId }: Domain) => verifyDomain(deps(), at.by, organizationId, id, {})
const stored = ({ id, organizationId }: Domain) => getDomain(at.deps.records, organizationId, id)
const publish = ({ name, proof }: Domain) => published.set(`_latchkey.${name}`, [['v=spf1 -all'], [proof]])

async function verified(name?: string, organizationId?: OrganizationId) {
  const domain = await add(name, organizationId)
  publish(domain)
  return verify(domain)
}

/** In the order of the alphabet: within a millisecond ids have none of their own. */
async function eventsOf(domain: Domain) {
  const list = await at.deps.records.list(domain.organizationId, auditEvents, 'target', domain.id, {
    limit: 100,
  })
  return list.map(({ type }) => type).toSorted()
}

describe('the name of a domain', () => {
  test.each([
    ['clinic.example', 'clinic.example'],
    ['Clinic.EXAMPLE.', 'clinic.example'],
    ['clínica.example', 'xn--clnica-4va.example'],
    ['例え.テスト', 'xn--r8jz45g.xn--zckzah'],
    ['mail.clinic.example', 'mail.clinic.example'],
    ['1.example', '1.example'],
  ])('%s is %s', (text, name) => {
    expect(domainName(text)).toBe(name)
  })

  test.each([
    ...['', '.', 'com', 'localhost', 'com.', '*.example', '*', '192.0.2.1', '3232235521', '0x7f.1', '1.2'],
    ...['[::1]', '::1', 'a..example', '-a.example', 'a-.example', 'under_score.example', 'a b.example'],
    ...['https://clinic.example', 'clinic.example/', 'clinic.example:443', 'ana@clinic.example'],
    ...[
      `${'a'.repeat(64)}.example`,
      `${'a.'.repeat(120)}example`,
      'a.example\0',
      'a%2eexample',
      ' a.example',
    ],
  ])('%j is none that an organization can own', (text) => {
    expect(domainName(text)).toBeUndefined()
  })

  test('of an address is what stands after its last @', () => {
    expect(domainOfEmail('Ana@Clinic.Example')).toBe('clinic.example')
    expect(domainOfEmail('"a@clinic.example"@evil.example')).toBe('evil.example')
    expect(domainOfEmail('@clinic.example')).toBeUndefined()
    expect(domainOfEmail('ana@clinic.example/evil.example')).toBeUndefined()
    expect(domainOfEmail('ana@clinic.example#@')).toBeUndefined()
    expect(domainOfEmail('clinic.example')).toBeUndefined()
  })
})

describe('adding a domain', () => {
  test("says what to publish: the organization's own value, the same at each of its domains", async () => {
    const other = await createOrganization(at.deps, at.by, { name: 'Other' })
    const [first, second, elsewhere] = [await add(), await add('clinic.test'), await add(undefined, other.id)]
    expect(first).toMatchObject({ name: 'clinic.example', state: { kind: 'pending' } })
    expect(first.proof).toMatch(/^latchkey-domain=[\w-]{43}$/)
    expect(second.proof).toBe(first.proof)
    expect(elsewhere.proof).not.toBe(first.proof)
    expect(await eventsOf(first)).toEqual(['domain.added'])
  })

  test('refuses it twice in one organization, however it is written', async () => {
    await add()
    await expect(add('CLINIC.example.')).rejects.toMatchObject({
      code: 'already_exists',
      faults: [{ pointer: '/name' }],
    })
  })

  test('refuses what is no domain', async () => {
    await expect(add('*.example')).rejects.toMatchObject({
      code: 'invalid_request',
      faults: [{ pointer: '/name' }],
    })
  })

  test('routes nothing yet', async () => {
    await add()
    expect(await locateVerifiedDomain(at.deps.records, 'clinic.example')).toBeUndefined()
  })
})

describe('verifying a domain', () => {
  test('finds the value among other records, and routes from then on', async () => {
    const domain = await verified()
    expect(domain.state).toEqual({
      kind: 'verified',
      verifiedAt: noonMs,
      lastSeenAt: noonMs,
      readAt: noonMs,
    })
    expect(await stored(domain)).toEqual(domain)
    expect(await locateVerifiedDomain(at.deps.records, 'clinic.example')).toMatchObject({
      organizationId: at.customer.id,
    })
    expect(await eventsOf(domain)).toEqual(['domain.added', 'domain.verified'])
  })

  test('puts together a record that came in parts (RFC 7208 §3.3)', async () => {
    const domain = await add()
    published.set('_latchkey.clinic.example', [[domain.proof.slice(0, 20), domain.proof.slice(20)]])
    expect((await verify(domain)).state.kind).toBe('verified')
  })

  test('says what is there instead, and what to publish', async () => {
    const domain = await add()
    published.set('_latchkey.clinic.example', [['latchkey-domain=old'], ['x'.repeat(1000)]])
    await expect(verify(domain)).rejects.toMatchObject({
      code: 'domain_unproven',
      data: {
        ...{ txt_name: '_latchkey.clinic.example', txt_value: domain.proof },
        seen: ['latchkey-domain=old', 'x'.repeat(300)],
      },
    })
    expect((await stored(domain)).state.kind).toBe('pending')
  })

  test.each(['ENOTFOUND', 'ENODATA'])('takes %s for the absence of any record', async (code) => {
    const domain = await add()
    published.set('_latchkey.clinic.example', code)
    await expect(verify(domain)).rejects.toMatchObject({ code: 'domain_unproven', data: { seen: [] } })
  })

  test('says so when the name servers do not answer', async () => {
    const domain = await add()
    published.set('_latchkey.clinic.example', 'ESERVFAIL')
    await expect(verify(domain)).rejects.toMatchObject({
      code: 'domain_unproven',
      message: 'the name servers of _latchkey.clinic.example gave no answer',
    })
  })

  test("is not done by another organization's value", async () => {
    const other = await createOrganization(at.deps, at.by, { name: 'Other' })
    const [theirs, ours] = [await add(undefined, other.id), await add()]
    publish(theirs)
    await expect(verify(ours)).rejects.toMatchObject({ code: 'domain_unproven' })
  })

  test('is for one organization at a time, until that one removes it', async () => {
    const other = await createOrganization(at.deps, at.by, { name: 'Other' })
    const ours = await verified()
    const theirs = await add(undefined, other.id)
    publish(theirs)
    await expect(verify(theirs)).rejects.toMatchObject({ code: 'already_exists' })
    await removeDomain(at.deps, at.by, at.customer.id, ours.id, {})
    expect((await verify(theirs)).state.kind).toBe('verified')
    expect(await eventsOf(ours)).toEqual(['domain.added', 'domain.removed', 'domain.verified'])
  })

  test('is refused for a version that is no longer the current one', async () => {
    const { id } = await verified()
    await expect(verifyDomain(deps(), at.by, at.customer.id, id, { ifMatch: 1 })).rejects.toMatchObject({
      code: 'precondition_failed',
    })
  })
})

describe('the daily reading', () => {
  const afterDays = async (days: number) => {
    at.time.nowMs = noonMs + days * dayMs
    await sweep()
  }

  test('comes no sooner than a day after the last', async () => {
    const domain = await verified()
    published.clear()
    at.time.nowMs = noonMs + dayMs - 1
    await sweep()
    expect(await stored(domain)).toEqual(domain)
  })

  test('ends the routing after 7 days without the record, and tells the administrators', async () => {
    const domain = await verified()
    published.clear()
    await afterDays(1)
    expect((await stored(domain)).state).toMatchObject({
      kind: 'verified',
      lastSeenAt: noonMs,
      missingSinceAt: noonMs + dayMs,
    })
    for (let day = 2; day <= 7; day++) await afterDays(day)
    expect(await locateVerifiedDomain(at.deps.records, 'clinic.example')).toBeDefined()
    expect(mails).toEqual([])
    await afterDays(8)
    expect((await stored(domain)).state).toEqual({ kind: 'lapsed', lapsedAt: noonMs + 8 * dayMs })
    expect(await locateVerifiedDomain(at.deps.records, 'clinic.example')).toBeUndefined()
    expect(await eventsOf(domain)).toEqual(['domain.added', 'domain.lapsed', 'domain.verified'])
    expect(mails).toMatchObject([
      {
        organizationId: at.customer.id,
        subject: 'clinic.example is no longer verified',
        text: expect.stringContaining(domain.proof),
      },
    ])
    await afterDays(20)
    expect(mails).toHaveLength(1)
  })

  test('begins to count anew when the record was there in between', async () => {
    const domain = await verified()
    published.clear()
    await afterDays(1)
    publish(domain)
    await afterDays(2)
    expect((await stored(domain)).state).not.toHaveProperty('missingSinceAt')
    published.clear()
    for (let day = 3; day <= 9; day++) await afterDays(day)
    expect((await stored(domain)).state.kind).toBe('verified')
  })

  test('lapses nothing at the first reading after a long stop of the server', async () => {
    const domain = await verified()
    published.clear()
    await afterDays(30)
    expect((await stored(domain)).state.kind).toBe('verified')
  })

  test('takes name servers that do not answer for neither presence nor absence', async () => {
    const domain = await verified()
    published.set('_latchkey.clinic.example', 'ETIMEOUT')
    for (let day = 1; day <= 20; day++) await afterDays(day)
    expect(await stored(domain)).toEqual(domain)
  })

  test('is left to the other node where two do it at once, and goes on with the next domain', async () => {
    const [first, second] = [await verified(), await verified('clinic.test')]
    published.clear()
    at.time.nowMs = noonMs + dayMs
    await Promise.all([sweep(), sweep(), sweep()])
    for (const domain of [first, second])
      expect(await stored(domain)).toMatchObject({
        version: domain.version + 1,
        state: { missingSinceAt: noonMs + dayMs },
      })
  })

  test('goes on with the others when there is a fault at one, and tells of it', async () => {
    const names = ['clinic.example', 'broken.example', 'clinic.test']
    // Ids of one millisecond have no order, in which the others would come after it.
    at.time.nowMs -= names.length
    for (const name of names) {
      await verified(name)
      at.time.nowMs += 1
    }
    published.clear()
    for (let day = 1; day <= 8; day++) await afterDays(day)
    expect(mails.map(({ subject }) => subject.split(' ')[0]).toSorted()).toEqual([
      'clinic.example',
      'clinic.test',
    ])
    expect(faults).toMatchObject([{ name: 'broken.example', cause: { message: 'no mail' } }])
  })

  test('brings a lapsed domain back only when it is verified again', async () => {
    const domain = await verified()
    published.clear()
    await afterDays(1)
    await afterDays(8)
    publish(domain)
    await afterDays(9)
    expect((await stored(domain)).state.kind).toBe('lapsed')
    expect((await verify(await stored(domain))).state.kind).toBe('verified')
  })
})

test('the domains of a deleted organization go with it, and are free for others', async () => {
  const domain = await verified()
  const belongings = [domainBelongings(at.deps)]
  await deleteOrganization({ ...at.deps, belongings }, at.by, at.customer.id, { confirm: 'riverside' })
  expect(await locateVerifiedDomain(at.deps.records, 'clinic.example')).toBeUndefined()
  expect(await eventsOf(domain)).toContain('domain.removed')
})
