import { importJWK, jwtVerify, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { hasCode } from '../../src/errors.ts'
import { createService } from '../../src/services/create-service.ts'
import { findService, getService } from '../../src/services/find-service.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../../src/services/service.ts'
import { getCurrentDocument, unpackDocument } from '../../src/services/service-document.ts'
import { confirmationOf, createShop } from './create-shop.ts'
import { deployment, shopDocument } from './deployment.ts'

describe('createService', () => {
  test('keeps the document as it was sent, and says in the audit trail what was made', async () => {
    const d = await deployment()
    const { service } = await createShop(d)
    expect(service).toMatchObject({
      slug: 'shop',
      kind: 'api',
      title: 'Shop',
      audience: 'https://api.shop.example/v1',
      accessTokenTtlSeconds: 900,
      signingAlgorithm: 'ES256',
    })
    const document = await getCurrentDocument(d.deps.records, await getService(d.deps.records, 'shop'))
    expect(Buffer.compare(await unpackDocument(document), shopDocument())).toBe(0)
    expect(await d.eventTypes(d.operatorId)).toEqual(['service.created'])
  })

  test('is found by its id and by its slug; anything else is not found', async () => {
    const d = await deployment()
    const { service } = await createShop(d)
    expect((await findService(d.deps.records, 'shop'))?.id).toBe(service.id)
    expect((await findService(d.deps.records, service.id))?.slug).toBe('shop')
    expect(await findService(d.deps.records, 'shops')).toBeUndefined()
    await expect(getService(d.deps.records, d.deps.newId('svc'))).rejects.toMatchObject({
      code: 'service_not_found',
    })
  })

  test('asks for a confirmation that shows what becomes public and what each role gets', async () => {
    const d = await deployment()
    const error = await createService(d.deps, d.by, wanted(d)).catch((e: unknown) => e)
    expect(hasCode(error, 'confirmation_required') && error.data).toMatchObject({
      changes: {
        newly_public: ['getHealth'],
        roles_added: ['orders:read', 'orders:write', 'admin', 'viewer'],
        roles: [
          { role: 'orders:read', gains: ['listOrders', 'getOrder'], loses: [] },
          { role: 'orders:write', gains: ['createOrder', 'deleteOrder'], loses: [] },
          { role: 'admin', becomes: ['any_organization'] },
          { role: 'viewer', gains: ['getHealth', 'listOrders', 'getOrder'] },
        ],
      },
      confirmation: expect.any(String),
    })
    expect(await findService(d.deps.records, 'shop')).toBeUndefined()
  })

  test('takes no confirmation of another document', async () => {
    const d = await deployment()
    const confirmation = await confirmationOf(() => createService(d.deps, d.by, wanted(d)))
    const document = shopDocument((doc) => {
      doc.paths['/orders'].post.security = []
    })
    await expect(createService(d.deps, d.by, { ...wanted(d), document, confirmation })).rejects.toMatchObject(
      { code: 'confirmation_required' },
    )
  })

  test.each(['ab', 'a'.repeat(41), 'Shop', 'shop.io', '../x', 'shöp', ''])(
    'refuses the slug %j',
    async (slug) => {
      const d = await deployment()
      await expect(createService(d.deps, d.by, { ...wanted(d), slug })).rejects.toMatchObject({
        code: 'invalid_request',
        faults: [{ pointer: '?slug' }],
      })
    },
  )

  test('refuses a slug that the server serves itself, and one that is taken', async () => {
    const d = await deployment()
    await createShop(d)
    await expect(createService(d.deps, d.by, { ...wanted(d), slug: 'api' })).rejects.toMatchObject({
      code: 'slug_reserved',
    })
    await expect(createService(d.deps, d.by, wanted(d))).rejects.toMatchObject({ code: 'already_exists' })
  })

  test('of two that race for one slug, one is made', async () => {
    const d = await deployment()
    const confirmation = await confirmationOf(() => createService(d.deps, d.by, wanted(d)))
    const both = await Promise.allSettled(
      [1, 2].map(() => createService(d.deps, d.by, { ...wanted(d), confirmation })),
    )
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(both.find((one) => one.status === 'rejected')?.reason).toMatchObject({ code: 'already_exists' })
  })

  test('refuses an owner that does not exist', async () => {
    const d = await deployment()
    await expect(
      createService(d.deps, d.by, { ...wanted(d), organizationId: d.deps.newId('org') }),
    ).rejects.toMatchObject({ code: 'organization_not_found' })
  })

  test.each([59, 86_401, 60.5])('refuses an access token life of %d seconds', async (seconds) => {
    const d = await deployment()
    await expect(
      createService(d.deps, d.by, { ...wanted(d), accessTokenTtlSeconds: seconds }),
    ).rejects.toMatchObject({ code: 'invalid_request' })
  })
})

describe('the signing key of a new service', () => {
  test.each(signingAlgorithms)('signs %s, its private half sealed and bound to its id', async (algorithm) => {
    const d = await deployment()
    const { service } = await createShop(d, { signingAlgorithm: algorithm })
    const [key] = service.signingKeys
    if (key === undefined) throw new Error('the service has no key')
    expect(key).toMatchObject({ state: { kind: 'active' }, algorithm })
    expect(key.publicJwk).toMatchObject({ kid: key.id, alg: algorithm, use: 'sig' })
    expect(Object.keys(key.publicJwk)).not.toContain('d')
    expect(() => d.deps.secrets.open('signing-keys', 'sgn_other', key.sealedPrivateJwk)).toThrow()
    const opened = JSON.parse(String(d.deps.secrets.open('signing-keys', key.id, key.sealedPrivateJwk)))
    const token = await new SignJWT({}).setProtectedHeader({ alg: algorithm }).sign(await importJWK(opened))
    await jwtVerify(token, await importJWK(key.publicJwk, algorithm), { algorithms: [algorithm] })
  })

  test('of RS256 has 2048 bits at least (RFC 7518 §3.3)', async () => {
    const d = await deployment()
    const { service } = await createShop(d, { signingAlgorithm: 'RS256' satisfies SigningAlgorithm })
    expect(Buffer.from(service.signingKeys[0]?.publicJwk['n'] ?? '', 'base64url')).toHaveLength(256)
  })
})

function wanted(d: Awaited<ReturnType<typeof deployment>>) {
  return { organizationId: d.operatorId, slug: 'shop', document: shopDocument() }
}
