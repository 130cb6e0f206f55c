import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { refreshGraceMs } from '../../src/oauth/refresh-token-adapter.ts'
import { opened } from '../contract/opened.ts'
import { startChild } from '../contract/processes.ts'
import { type StoreKind, stores } from '../contract/stores.ts'
import { newId } from './fixture.ts'
import { refreshing } from './refreshing.ts'

const secret = () => randomBytes(32).toString('base64')
const script = fileURLToPath(new URL('refreshing-process.ts', import.meta.url))

function rotation(kind: StoreKind): void {
  const it = opened(kind)
  const secrets = [secret()]

  /** A family that begins with the token `first`, at a service of its own. */
  async function family(delayMsMax = 0, ...at: readonly (readonly string[])[]) {
    const serviceId = newId('svc')
    const [node, ...others] = [secrets, ...at].map((of) =>
      refreshing(
        { artifacts: it.store.artifacts, clock: () => it.nowMs, secrets: of },
        serviceId,
        delayMsMax,
      ),
    )
    if (node === undefined) throw new Error('a family needs a node')
    await node.issue('first')
    return { ...node, serviceId, others }
  }

  test('ten uses at once, with a slow store between the steps, get one successor', async () => {
    const { use } = await family(5)
    const successors = await Promise.all(Array.from({ length: 10 }, () => use('first')))
    expect(new Set(successors).size).toBe(1)
    expect(successors[0]).toMatch(/^[\w-]{43}$/)
    expect(await use(successors[0] ?? '')).toMatch(/^[\w-]{43}$/)
  })

  test('a repeat within the grace gets the same successor, for as long as that is unused', async () => {
    const { use } = await family()
    const second = await use('first')
    it.nowMs += refreshGraceMs
    expect(await use('first')).toBe(second)
  })

  test('a repeat after the grace revokes the family', async () => {
    const { use } = await family()
    const second = await use('first')
    it.nowMs += refreshGraceMs + 1
    expect(await use('first')).toBe('family revoked')
    expect([await use('first'), await use(second)]).toEqual(['not found', 'not found'])
  })

  test('a repeat within the grace, but after the successor was used, revokes the family', async () => {
    const { use } = await family()
    const second = await use('first')
    const third = await use(second)
    expect(await use('first')).toBe('family revoked')
    expect([await use(second), await use(third)]).toEqual(['not found', 'not found'])
  })

  test('a repeat does not give back a successor that was used meanwhile', async () => {
    const { use, adapter } = await family()
    const second = await use('first')
    await use(second)
    await adapter.upsert(second, { grantId: 'family' }, 3_600)
    it.nowMs += refreshGraceMs + 1
    expect(await use(second)).toBe('family revoked')
  })

  test('the first use died before it stored the successor: the repeat gets it', async () => {
    const { use, adapter } = await family()
    await adapter.consume('first')
    expect(await use('first')).toMatch(/^[\w-]{43}$/)
  })

  test('nodes that differ in the newest deployment secret agree on the successor', async () => {
    const fresh = secret()
    const { use, others } = await family(0, [fresh, ...secrets])
    expect(await others[0]?.use('first')).toBe(await use('first'))
  })

  test('another deployment, and another service, give other successors', async () => {
    const [one, other] = [await family(), await family()]
    const elsewhere = refreshing(
      { artifacts: it.store.artifacts, clock: () => it.nowMs, secrets: [secret()] },
      newId('svc'),
    )
    await elsewhere.issue('first')
    const successors = [await one.use('first'), await other.use('first'), await elsewhere.use('first')]
    expect(new Set(successors).size).toBe(3)
  })

  test.runIf(kind.isShared)('five uses at once in each of two processes get one successor', async () => {
    const { serviceId, use } = await family()
    it.nowMs = Date.now()
    const args = { service: serviceId, secrets, token: 'first', times: 5, delayMsMax: 5 }
    const children = await Promise.all([1, 2].map(() => startChild(it.place.address, 'use', args, script)))
    for (const child of children) child.go()
    const said = await Promise.all(
      children.map(async (child) => z.array(z.string()).parse(await child.next())),
    )
    await Promise.all(children.map((child) => child.end()))
    const successors = said.flat()
    expect(successors).toHaveLength(10)
    expect(new Set(successors).size).toBe(1)
    it.nowMs = Date.now() + refreshGraceMs + 1
    expect(await use('first')).toBe('family revoked')
    expect(await use(successors[0] ?? '')).toBe('not found')
  })
}

describe.each(stores)('refresh token rotation (RFC 9700 §4.14.2): $name', rotation)
