import { randomBytes } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/audit/record.ts'
import { hasCode } from '../../src/errors.ts'
import { isSignedOut } from '../../src/oauth/people.ts'
import { signInSeconds } from '../../src/oauth/sign-in/complete.ts'
import { newOrganization } from '../../src/organizations/create-organization.ts'
import { organizations } from '../../src/organizations/organization.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { insert } from '../../src/storage/ports.ts'
import { passwordHasher } from '../../src/users/argon2.ts'
import { acceptInvitation, changePassword, resetPassword } from '../../src/users/choose-password.ts'
import { deleteUser } from '../../src/users/delete-user.ts'
import { disableUser } from '../../src/users/disable-user.ts'
import { checkEmailCode, sendEmailCode } from '../../src/users/email-code.ts'
import { inviteUser } from '../../src/users/invite-user.ts'
import { findLink, oneTimeLinks } from '../../src/users/one-time-link.ts'
import { checkNewPassword } from '../../src/users/password-rules.ts'
import { requestReset } from '../../src/users/request-reset.ts'
import { rewrapLinks, rewrapUsers } from '../../src/users/rewrap-users.ts'
import { resendInvitation, sendReset } from '../../src/users/send-link.ts'
import { getUser, type User, users } from '../../src/users/user.ts'
import { tryPassword, verifyPassword } from '../../src/users/verify-password.ts'
import { granter, noonMs } from '../organizations/deployment.ts'
import { arrived, better, cheap, good, openPeople, type People } from './people.ts'

const hourMs = 3_600_000

let at: People
beforeEach(async () => {
  at = await openPeople()
})
afterEach(() => at.store.close())

const accept = (link = at.lastLink(), password = good, name?: string) =>
  acceptInvitation(at.deps, { serviceId: at.clinic.id, link, password, name }, arrived)
const reset = (link = at.lastLink(), password = better) =>
  resetPassword(at.deps, { serviceId: at.clinic.id, link, password }, arrived)
const forget = async (email = 'sam@harbour.example', address = arrived.address) => {
  await requestReset(at.deps, { email, serviceId: at.clinic.id }, { ...arrived, address })
  await at.settled()
}
const opens = (user: User | undefined, password: string) => verifyPassword(at.deps, user, password)
const stored = (user: User) => getUser(at.deps.records, user.organizationId, user.id)
const refusedLink = { code: 'link_invalid' }

async function anotherOrganization() {
  const other = newOrganization(
    at.deps.newId('org'),
    { name: 'Hill', slug: 'hill', kind: 'customer' },
    noonMs,
  )
  await at.store.commit([insert(organizations, other)])
  return other
}

describe('a password', () => {
  test.each([
    ['short one', 'it has 9 characters, and 15 are needed'],
    ['𝒶𝒷𝒸𝒹𝑒𝒻𝑔𝒽', 'it has 8 characters'],
    ['x'.repeat(257), 'it has more than 256 characters'],
    ['passwordpassword', 'repeats'],
    ['aaaaaaaaaaaaaaaaaa', 'repeats'],
    ['letmein letmein letmein', 'repeats'],
    ['abcdefghijklmnop', 'sequence'],
    ['qwertyuiopasdfgh', 'tried first'],
    ['P@ssw0rd12345678', 'tried first'],
    ['monkeydragon1234', 'tried first'],
    ['correct horse battery staple', 'names that others know'],
    ['sam@harbour.example', 'your address'],
    ['SamHarbourExample', 'your address'],
    ['Riverside Practice', 'your address, or of names'],
    ['riversidepractice2030', 'names that others know'],
  ])('%j is refused with the reason', async (password, why) => {
    const about = ['sam@harbour.example', 'Sam', 'Riverside Practice', 'riverside', 'Clinic']
    const refused = await checkNewPassword(password, about).catch((error: unknown) => error)
    expect(refused).toMatchObject({
      code: 'password_refused',
      message: expect.stringContaining(why),
      faults: [{ pointer: '/password', fix: expect.any(String) }],
    })
    expect(String(refused)).not.toContain(password)
  })

  test.each([
    good,
    better,
    'vivid-copper-banana-tuba',
    'xK3$9zpLq!mW2vRt',
    'ünïcödé straße überall',
    '這個密碼很長而且沒有人會猜到它是什麼',
    `${'many words that go on '.repeat(11)}end`,
  ])('%j will do: nothing is asked of it but that it is long and not common', async (password) => {
    await expect(checkNewPassword(password, ['sam@harbour.example'])).resolves.toBeUndefined()
  })

  test('is kept as a sealed hash, which opens for its user alone', async () => {
    const user = await at.makeActive()
    const other = await at.makeActive({ email: 'kim@harbour.example' })
    expect(await opens(user, good)).toBe(true)
    expect(await opens(user, better)).toBe(false)
    expect(user.password?.sealedHash).toMatch(/^v1\$/)
    const swapped = user.password === undefined ? other : { ...other, password: user.password }
    await expect(opens(swapped, good)).rejects.toThrow('does not open')
    const dump = JSON.stringify([
      await at.deps.records.list(at.customer.id, users, 'all', '', { limit: 10 }),
      await at.deps.records.list(at.customer.id, auditEvents, 'all', '', { limit: 100 }),
    ])
    expect(dump).not.toContain(good)
    expect(dump).not.toContain('argon2id')
  })

  test('is one however a keyboard composes it', async () => {
    const hasher = passwordHasher(at.deps.random, { cost: cheap })
    const hash = await hasher.hash('caf\u00e9 caf\u00e9 caf\u00e9 caf\u00e9')
    expect(await hasher.verify(hash, 'cafe\u0301 cafe\u0301 cafe\u0301 cafe\u0301')).toBe(true)
  })

  test('of a million characters is wrong, and cheap', async () => {
    const user = await at.makeActive()
    expect(await opens(user, good.repeat(40_000))).toBe(false)
  })

  test('costs what OWASP recommends', async () => {
    const hash = await passwordHasher(at.deps.random).hash(good)
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  })

  test('is hashed anew at the next sign-in when the cost has changed, and nothing else of the user', async () => {
    const user = await at.makeActive()
    const dearer = { ...at.deps, hasher: passwordHasher(at.deps.random, { cost: { ...cheap, passes: 2 } }) }
    const given = { email: user.email, password: good, address: '192.0.2.1' }
    expect(await tryPassword(dearer, user, { ...given, password: better })).toEqual({ kind: 'wrong' })
    expect((await stored(user)).password).toEqual(user.password)
    expect(await tryPassword(dearer, user, given)).toEqual({ kind: 'right' })
    const after = await stored(user)
    expect(after.password?.sealedHash).not.toBe(user.password?.sealedHash)
    expect(await opens(after, good)).toBe(true)
    expect([after.authority, after.password?.changedAt]).toEqual([user.authority, user.password?.changedAt])
    expect(await tryPassword(dearer, after, given)).toEqual({ kind: 'right' })
    expect((await stored(user)).version).toBe(after.version)
  })

  test('takes as long to refuse for nobody, for who has none, and for who has one', async () => {
    const hasher = passwordHasher(at.deps.random, { cost: { memory: 4_096, passes: 1, parallelism: 1 } })
    const deps = { ...at.deps, hasher }
    const without = await at.invite({ email: 'new@harbour.example' })
    await at.invite()
    const known = await acceptInvitation(
      deps,
      { serviceId: at.clinic.id, link: at.lastLink(), password: good },
      arrived,
    )
    const times: Record<string, number[]> = { nobody: [], without: [], known: [] }
    const cases = [
      ['nobody', undefined],
      ['without', without],
      ['known', known],
    ] as const
    for (let round = 0; round < 60; round += 1)
      for (const [name, user] of cases) {
        const began = performance.now()
        expect(await verifyPassword(deps, user, better)).toBe(false)
        times[name]?.push(performance.now() - began)
      }
    const median = (name: string) => (times[name] ?? []).toSorted((a, b) => a - b)[30] ?? 0
    // Without the same work for all, nobody's would be a hundredth of it.
    expect(Math.abs(median('nobody') - median('known'))).toBeLessThan(median('known') * 0.25)
    expect(Math.abs(median('without') - median('known'))).toBeLessThan(median('known') * 0.25)
  })

  test('of eight people at once leaves the event loop free', async () => {
    const hasher = passwordHasher(at.deps.random)
    const hash = await hasher.hash(good)
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    await new Promise((resolve) => setTimeout(resolve, 20))
    const began = performance.now()
    await Promise.all(Array.from({ length: 8 }, () => hasher.verify(hash, good)))
    // So that a turn of the loop that was held up is counted, too.
    await new Promise((resolve) => setTimeout(resolve, 5))
    const tookMs = performance.now() - began
    delay.disable()
    // On the loop itself they would hold it from the first to the last.
    expect(delay.max / 1e6).toBeLessThan(tookMs / 3)
  })

  test('waits its turn, and is refused where too many wait', async () => {
    const hasher = passwordHasher(at.deps.random, { cost: { ...cheap, memory: 4_096 } })
    const hash = await hasher.hash(good)
    const many = await Promise.allSettled(Array.from({ length: 110 }, () => hasher.verify(hash, good)))
    const refused = many.filter((one) => one.status === 'rejected')
    expect(refused).toHaveLength(8)
    expect(refused.every(({ reason }) => hasCode(reason, 'rate_limited'))).toBe(true)
    expect(await hasher.verify(hash, good)).toBe(true)
  })
})

describe('trying passwords', () => {
  const given = (more: object = {}) => ({
    ...{ email: 'sam@harbour.example', password: better, address: '192.0.2.1' },
    ...more,
  })

  test('is limited by person and address, the same for who is known and who is not', async () => {
    const user = await at.makeActive()
    for (const [who, email] of [
      [user, 'sam@harbour.example'],
      [undefined, 'nobody@harbour.example'],
    ] as const) {
      for (let n = 0; n < 5; n += 1)
        expect(await tryPassword(at.deps, who, given({ email }))).toEqual({ kind: 'wrong' })
      const limited = { kind: 'limited', retryAfterSeconds: expect.any(Number) }
      // The right one is not looked at either, and letter case is no way around.
      expect(await tryPassword(at.deps, who, given({ email: email.toUpperCase(), password: good }))).toEqual(
        limited,
      )
    }
    const elsewhere = given({ password: good, address: '192.0.2.2' })
    expect(await tryPassword(at.deps, user, elsewhere)).toEqual({ kind: 'right' })
  })

  test('is limited by address over all people', async () => {
    const answers = []
    for (let n = 0; n < 21; n += 1)
      answers.push((await tryPassword(at.deps, undefined, given({ email: `u${n}@harbour.example` }))).kind)
    expect(answers.filter((kind) => kind === 'wrong')).toHaveLength(20)
    expect(answers.at(-1)).toBe('limited')
  })

  test('is not limited by right ones', async () => {
    const user = await at.makeActive()
    for (let n = 0; n < 30; n += 1)
      expect(await tryPassword(at.deps, user, given({ password: good }))).toEqual({ kind: 'right' })
  })

  test('is limited for many at once as for one after the other', async () => {
    const user = await at.makeActive()
    const answers = await Promise.all(Array.from({ length: 15 }, () => tryPassword(at.deps, user, given())))
    expect(answers.filter(({ kind }) => kind === 'wrong')).toHaveLength(5)
  })
})

describe('an invitation', () => {
  test('is mailed as plain text, with what to do and how long it holds', async () => {
    const user = await at.invite()
    expect(at.mails).toMatchObject([
      {
        to: user.email,
        subject: 'Riverside has invited you to clinic',
        text: expect.stringContaining('24 hours'),
      },
    ])
    expect(at.mails[0]?.text).toContain(`https://id.example/clinic/login/invitation?link=${at.lastLink()}`)
  })

  test('leads to the pages that were named, of the first role, or of latchkey', async () => {
    await at.invite({ email: 'a@harbour.example', roles: [] })
    await at.invite({ email: 'b@harbour.example', service: 'latchkey' })
    for (const { text } of at.mails) expect(text).toContain('https://id.example/latchkey/login/invitation')
    await expect(at.invite({ email: 'c@harbour.example', service: 'nowhere' })).rejects.toMatchObject({
      ...{ code: 'service_not_found', faults: [{ pointer: '/service' }] },
    })
  })

  test('lets its person in once, with a password and a name of their own', async () => {
    const invited = await at.invite()
    const found = await findLink(at.deps, at.clinic.id, 'invitation', at.lastLink())
    expect([found.user.id, found.organization.name]).toEqual([invited.id, 'Riverside'])
    const user = await accept(at.lastLink(), good, 'Sam')
    expect(user).toMatchObject({
      ...{ id: invited.id, state: { kind: 'active' }, name: 'Sam', emailVerifiedAt: noonMs },
      ...{ authority: 2, password: { changedAt: noonMs } },
    })
    expect(await opens(await stored(user), good)).toBe(true)
    await expect(accept()).rejects.toMatchObject(refusedLink)
    await expect(findLink(at.deps, at.clinic.id, 'invitation', at.lastLink())).rejects.toMatchObject(
      refusedLink,
    )
  })

  test('is not used up by a password that is refused', async () => {
    await at.invite()
    await expect(accept(at.lastLink(), 'passwordpassword')).rejects.toMatchObject({
      code: 'password_refused',
    })
    await expect(accept(at.lastLink(), 'riverside riverside')).rejects.toMatchObject({
      code: 'password_refused',
    })
    expect((await accept()).state).toEqual({ kind: 'active' })
  })

  test('is used once, however many use it at once', async () => {
    await at.invite()
    const link = at.lastLink()
    const many = await Promise.allSettled(
      Array.from({ length: 6 }, (_, n) => accept(link, `${good} number ${n}`)),
    )
    const won = many.filter((one) => one.status === 'fulfilled')
    expect(won).toHaveLength(1)
    for (const one of many) if (one.status === 'rejected') expect(one.reason).toMatchObject(refusedLink)
  })

  test('ends after 24 hours', async () => {
    await at.invite()
    at.time.nowMs += 24 * hourMs - 1
    await findLink(at.deps, at.clinic.id, 'invitation', at.lastLink())
    at.time.nowMs += 1
    await expect(accept()).rejects.toMatchObject(refusedLink)
  })

  test('ends when another is sent, the user is disabled or deleted, or the organization suspended', async () => {
    const user = await at.invite()
    const first = at.lastLink()
    await resendInvitation(at.deps, at.by, at.customer.id, user.id, {})
    await expect(accept(first)).rejects.toMatchObject(refusedLink)
    const suspended = {
      ...at.customer,
      state: { kind: 'suspended', suspendedAt: noonMs, reason: '' },
    } as const
    await at.store.commit([
      { kind: 'update', collection: organizations, before: at.customer, after: { ...suspended, version: 2 } },
    ])
    await expect(accept()).rejects.toMatchObject(refusedLink)
    await at.store.commit([
      {
        kind: 'update',
        collection: organizations,
        before: { ...suspended, version: 2 },
        after: { ...at.customer, version: 3 },
      },
    ])
    await disableUser(at.deps, at.by, at.customer.id, user.id)
    await expect(accept()).rejects.toMatchObject(refusedLink)
    await deleteUser(at.deps, at.by, at.customer.id, user.id)
    await expect(accept()).rejects.toMatchObject(refusedLink)
    const left = await at.deps.records.list(at.customer.id, oneTimeLinks, 'user', user.id, { limit: 10 })
    expect(left).toEqual([])
  })

  test('is good at the pages it leads to alone, and as what it is', async () => {
    await at.invite()
    const use = { serviceId: at.latchkey.id, link: at.lastLink(), password: good }
    await expect(acceptInvitation(at.deps, use, arrived)).rejects.toMatchObject(refusedLink)
    await expect(reset(at.lastLink(), good)).rejects.toMatchObject(refusedLink)
  })

  test.each([
    '',
    'x',
    '01jz8x6v0kq3m5n7p9r1s3t5v7.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    '../../..',
    '%00',
  ])('that is none, %j, is refused alike', async (link) => {
    await expect(accept(link)).rejects.toMatchObject(refusedLink)
  })

  test('with another secret in it is refused', async () => {
    await at.invite()
    const [id] = at.lastLink().split('.')
    await expect(accept(`${id}.${randomBytes(32).toString('base64url')}`)).rejects.toMatchObject(refusedLink)
  })

  test('is not sent again to who is in', async () => {
    const user = await at.makeActive()
    await expect(resendInvitation(at.deps, at.by, at.customer.id, user.id, {})).rejects.toMatchObject({
      code: 'user_state',
    })
  })

  test('leaves no link in the store or in the trail', async () => {
    await at.invite()
    const dump = JSON.stringify([
      await at.deps.records.list(
        at.customer.id,
        oneTimeLinks,
        'user',
        (await at.invite({ email: 'k@harbour.example' })).id,
        { limit: 9 },
      ),
      await at.deps.records.list(at.customer.id, auditEvents, 'all', '', { limit: 100 }),
    ])
    for (const mail of at.mails) expect(dump).not.toContain(at.linkOf(mail).split('.')[1])
  })
})

describe('a forgotten password', () => {
  test('is replaced by the mailed link, which signs out whoever was signed in', async () => {
    const user = await at.makeActive()
    at.time.nowMs += hourMs
    await forget('SAM@harbour.example')
    expect(at.mails.at(-1)).toMatchObject({ to: user.email, text: expect.stringContaining('within an hour') })
    const after = await reset()
    expect(after).toMatchObject({ id: user.id, authority: user.authority + 1, signedOutAt: at.time.nowMs })
    expect([await opens(after, better), await opens(after, good)]).toEqual([true, false])
    expect(at.mails.at(-1)).toMatchObject({ subject: 'Your password was changed' })
  })

  test('link is good once, for an hour, and until another is sent', async () => {
    await at.makeActive()
    await forget()
    const first = at.lastLink()
    await forget()
    await expect(reset(first)).rejects.toMatchObject(refusedLink)
    const second = at.lastLink()
    const two = await Promise.allSettled([reset(second), reset(second, `${better} too`)])
    expect(two.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    await expect(reset(second)).rejects.toMatchObject(refusedLink)
    await forget()
    at.time.nowMs += hourMs
    await expect(reset()).rejects.toMatchObject(refusedLink)
  })

  test('has a link for each organization in one mail, each for its own account alone', async () => {
    const here = await at.makeActive()
    const other = await anotherOrganization()
    const there = await at.makeActive({}, other.id)
    const before = at.mails.length
    await forget()
    expect(at.mails).toHaveLength(before + 1)
    const text = at.mails.at(-1)?.text ?? ''
    expect(text).toContain('For your account at Riverside:')
    const links = Array.from(text.matchAll(/\?link=(\S+)/g), ([, link = '']) => link)
    expect(links).toHaveLength(2)
    const found = await Promise.all(links.map((link) => findLink(at.deps, at.clinic.id, 'reset', link)))
    const ofHill = found.findIndex(({ organization }) => organization.id === other.id)
    await reset(links[ofHill])
    expect(await opens(await stored(there), better)).toBe(true)
    expect(await opens(await stored(here), better)).toBe(false)
    expect((await stored(here)).authority).toBe(here.authority)
  })

  test('answers nothing, and mails nothing to who has no account, none yet, or none any more', async () => {
    await at.invite({ email: 'new@harbour.example' })
    const gone = await at.makeActive({ email: 'gone@harbour.example' })
    await disableUser(at.deps, at.by, at.customer.id, gone.id)
    const before = at.mails.length
    for (const email of ['nobody@harbour.example', 'new@harbour.example', 'gone@harbour.example', 'garbage'])
      await forget(email)
    expect(at.mails).toHaveLength(before)
  })

  test('is answered before anything is looked up', async () => {
    let looked = false
    const records = {
      ...at.deps.records,
      locate: async () => {
        looked = true
        return []
      },
    }
    const work: (() => Promise<void>)[] = []
    const afterwards = (one: () => Promise<void>) => void work.push(one)
    await requestReset(
      { ...at.deps, records, afterwards },
      { email: 'a@b.example', serviceId: at.clinic.id },
      arrived,
    )
    expect([looked, work.length]).toEqual([false, 1])
    await work[0]?.()
    expect(looked).toBe(true)
  })

  test('fills no mailbox, and no one address asks for many', async () => {
    await at.makeActive()
    const before = at.mails.length
    for (let n = 0; n < 8; n += 1) await forget()
    expect(at.mails).toHaveLength(before + 5)
    // Who asks in another's name again and again leaves them some.
    for (let n = 0; n < 3; n += 1) await forget(undefined, '192.0.2.77')
    expect(at.mails).toHaveLength(before + 8)
    for (let n = 0; n < 8; n += 1) await forget(undefined, `192.0.2.${n}`)
    expect(at.mails).toHaveLength(before + 12)
    const asked = async () => {
      for (let n = 0; n < 20; n += 1) await forget(`u${n}@harbour.example`)
    }
    await expect(asked()).rejects.toMatchObject({ code: 'rate_limited' })
  })

  test('is asked for by an administrator, too, for who is active', async () => {
    const user = await at.makeActive()
    await sendReset(at.deps, at.by, at.customer.id, user.id, { service: 'clinic' })
    expect((await reset()).id).toBe(user.id)
    const invited = await at.invite({ email: 'new@harbour.example' })
    await expect(sendReset(at.deps, at.by, at.customer.id, invited.id, {})).rejects.toMatchObject({
      code: 'user_state',
    })
  })
})

describe('changing a password', () => {
  const change = (user: User, current: string, password = better) =>
    changePassword(at.deps, user, { current, password, serviceId: at.clinic.id }, arrived)

  test('takes the current one, ends every session and each link, and tells the person', async () => {
    const user = await at.makeActive()
    at.time.nowMs += 1_000
    await forget()
    const link = at.lastLink()
    expect(await change(user, better)).toEqual({ kind: 'wrong' })
    const after = await change(user, good)
    expect(after).toMatchObject({ id: user.id, authority: user.authority + 1, signedOutAt: at.time.nowMs })
    expect(await opens(await stored(user), better)).toBe(true)
    expect(at.mails.at(-1)).toMatchObject({ to: user.email, subject: 'Your password was changed' })
    await expect(reset(link)).rejects.toMatchObject(refusedLink)
  })

  test('is done where the mail about it cannot be kept, which is reported', async () => {
    const user = await at.makeActive()
    await forget()
    const deps = { ...at.deps, sendMail: () => Promise.reject(new Error('the store is full')) }
    const use = { serviceId: at.clinic.id, link: at.lastLink(), password: better }
    const once = await resetPassword(deps, use, arrived)
    expect(await opens(await stored(user), better)).toBe(true)
    const wanted = { current: better, password: good, serviceId: at.clinic.id }
    expect(await changePassword(deps, once, wanted, arrived)).toMatchObject({ id: user.id })
    expect(await opens(await stored(user), good)).toBe(true)
    const fault = { cause: { cause: { message: 'the store is full' } }, requestId: arrived.requestId }
    expect(at.faults).toMatchObject([fault, fault])
  })

  test('twice in a second signs out who came in between', async () => {
    const user = await at.makeActive()
    at.time.nowMs += 300
    const once = await change(user, good)
    if ('kind' in once) throw new Error('it was not changed')
    const cameIn = signInSeconds(once, Math.floor(at.time.nowMs / 1000))
    expect(isSignedOut({ user: once, organization: at.customer }, cameIn)).toBe(false)
    at.time.nowMs += 100
    const twice = await change(once, better, good)
    if ('kind' in twice) throw new Error('it was not changed')
    expect(isSignedOut({ user: twice, organization: at.customer }, cameIn)).toBe(true)
    const again = signInSeconds(twice, Math.floor(at.time.nowMs / 1000))
    expect(isSignedOut({ user: twice, organization: at.customer }, again)).toBe(false)
  })

  test('is refused for a common one, and counted as any try', async () => {
    const user = await at.makeActive()
    await expect(change(user, good, 'clinic clinic clinic')).rejects.toMatchObject({
      code: 'password_refused',
    })
    for (let n = 0; n < 5; n += 1) await change(user, better)
    expect(await change(user, good)).toMatchObject({ kind: 'limited' })
  })

  test('of two at once lets one win', async () => {
    const user = await at.makeActive()
    const both = await Promise.allSettled([change(user, good), change(user, good, `${better} too`)])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })
})

describe('a mailed code', () => {
  const send = (email = 'sam@harbour.example', address = arrived.address) =>
    sendEmailCode(at.deps, { email, purpose: 'discovery', serviceId: at.clinic.id }, { address })
  const check = (codeId: string, code: string, serviceId = at.clinic.id) =>
    checkEmailCode(at.deps, { codeId, code, purpose: 'discovery', serviceId })
  const lastCode = () => /^\d{6}$/m.exec(at.mails.at(-1)?.text ?? '')?.[0] ?? ''
  const other = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

  test('proves the address once, to who asked for it', async () => {
    const { codeId } = await send()
    expect(at.mails).toMatchObject([
      { to: 'sam@harbour.example', text: expect.stringContaining('10 minutes') },
    ])
    const spaced = `${lastCode().slice(0, 3)} ${lastCode().slice(3)}`
    expect(await check(codeId, spaced)).toEqual({ kind: 'right', email: 'sam@harbour.example' })
    expect(await check(codeId, lastCode())).toEqual({ kind: 'over' })
  })

  test('is mailed and answered alike whether or not anybody has the address', async () => {
    await at.makeActive()
    at.mails.length = 0
    const [known, unknown] = [await send(), await send('nobody@harbour.example')]
    expect(Object.keys(known)).toEqual(Object.keys(unknown))
    expect(at.mails.map(({ text }) => text.replace(/\d{6}/, ''))).toEqual([
      at.mails[0]?.text.replace(/\d{6}/, ''),
      at.mails[0]?.text.replace(/\d{6}/, ''),
    ])
  })

  test('is good for five tries, however many come at once', async () => {
    const { codeId } = await send()
    const code = lastCode()
    const answers = await Promise.all(Array.from({ length: 12 }, () => check(codeId, other(code))))
    expect(answers.filter(({ kind }) => kind === 'wrong')).toHaveLength(5)
    expect(answers.filter(({ kind }) => kind === 'over')).toHaveLength(7)
    expect(await check(codeId, code)).toEqual({ kind: 'over' })
  })

  test('is right once, however many come at once', async () => {
    const { codeId } = await send()
    const answers = await Promise.all(Array.from({ length: 4 }, () => check(codeId, lastCode())))
    expect(answers.filter(({ kind }) => kind === 'right')).toHaveLength(1)
  })

  test('ends after ten minutes', async () => {
    const { codeId } = await send()
    at.time.nowMs += 10 * 60_000
    expect(await check(codeId, lastCode())).toEqual({ kind: 'over' })
  })

  test('is none for another question, nor at another service', async () => {
    const [first, second] = [await send(), await send()]
    expect(await check(first.codeId, lastCode())).toEqual({ kind: 'wrong' })
    expect(await check(second.codeId, lastCode(), at.latchkey.id)).toEqual({ kind: 'over' })
    expect(await check('nothing', lastCode())).toEqual({ kind: 'over' })
  })

  test('is not kept in clear', async () => {
    const { codeId } = await send()
    const id = at.deps.secrets.digest('email-codes', codeId)
    const kept = await at.store.artifacts.find(at.clinic.id, 'EmailCode', id)
    const opened = at.deps.secrets.open('email-codes', id, kept?.payload ?? '').toString()
    expect(opened).not.toContain(lastCode())
    expect(JSON.stringify(kept)).not.toContain('harbour')
  })

  test('fills no mailbox, and no one address asks for many', async () => {
    for (let n = 0; n < 8; n += 1) await send()
    expect(at.mails).toHaveLength(5)
    const asked = async () => {
      for (let n = 0; n < 20; n += 1) await send(`u${n}@harbour.example`)
    }
    await expect(asked()).rejects.toMatchObject({ code: 'rate_limited' })
  })

  test('that was not mailed, since the mailbox has enough of them, cannot be guessed', async () => {
    // Every code of six digits is 000000.
    const random = (bytes: number) => (bytes === 6 ? new Uint8Array(bytes) : at.deps.random(bytes))
    const to = { email: 'sam@harbour.example', purpose: 'discovery', serviceId: at.clinic.id } as const
    const guess = async () => {
      const { codeId } = await sendEmailCode({ ...at.deps, random }, to, { address: arrived.address })
      return (await check(codeId, '000000')).kind
    }
    for (let n = 0; n < 5; n += 1) expect(await guess()).toBe('right')
    expect(await guess()).toBe('wrong')
  })
})

test('the deployment secret is exchanged without a single person', async () => {
  const { random, records } = at.deps
  const [older, newer] = [0, 1].map(() => randomBytes(32).toString('base64url')) as [string, string]
  const before = { ...at.deps, secrets: deploymentSecrets([older], random) }
  const both = deploymentSecrets([newer, older], random)
  const after = { ...at.deps, secrets: deploymentSecrets([newer], random) }
  const invite = (email: string) =>
    inviteUser(before, at.by, granter, at.customer.id, {
      email,
      roles: [{ service: 'clinic', role: 'patients:read' }],
      tags: {},
    })
  const use = () => ({ serviceId: at.clinic.id, link: at.lastLink(), password: good })
  await invite('sam@harbour.example')
  const { id } = await acceptInvitation(before, use(), arrived)
  await invite('kim@harbour.example')
  const [, olderId = ''] = both.ids
  const deps = { records, commit: at.store.commit, secrets: both }
  expect(await rewrapUsers(deps).rewrap(olderId, 100)).toBe(1)
  expect(await rewrapLinks(deps).rewrap(olderId, 100)).toBe(1)
  const user = await getUser(records, at.customer.id, id)
  expect(await verifyPassword(after, user, good)).toBe(true)
  expect((await acceptInvitation(after, use(), arrived)).email).toBe('kim@harbour.example')
})
