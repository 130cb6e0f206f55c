import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { clinicBundle, type Issuer, issuer as iss, makeIssuer } from './clinic-issuer.ts'
import { get, guardOf, type Held, heldBy } from './in-process.ts'

let issuer: Issuer
let held: Held
beforeAll(async () => {
  issuer = await makeIssuer()
})
beforeEach(() => {
  held = heldBy(clinicBundle(issuer))
})
function ofAudience(audience: string): void {
  const { service, ...rest } = clinicBundle(issuer)
  held.bundle = { ...rest, service: { ...service, audience } }
}

describe('metadata of a protected resource (RFC 9728)', () => {
  test('say who issues tokens, for which audience and scopes, and how they are sent (§2)', async () => {
    const described = {
      name: 'Clinic',
      documentation: 'https://clinic.example/docs',
      policy: 'https://clinic.example/policy',
      termsOfService: 'https://clinic.example/terms',
    }
    const metadata = await guardOf(held, { resourceMetadata: described }).resourceMetadata()
    expect(metadata?.document).toEqual({
      resource: 'https://api.clinic.example/v1',
      authorization_servers: [iss],
      scopes_supported: ['patients:read', 'patients:write', 'exports', 'settings', 'clerk'],
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: ['ES256', 'PS256', 'EdDSA', 'Ed25519'],
      resource_name: 'Clinic',
      resource_documentation: 'https://clinic.example/docs',
      resource_policy_uri: 'https://clinic.example/policy',
      resource_tos_uri: 'https://clinic.example/terms',
    })
  })

  test('say that tokens must be bound to a key, where they must (RFC 9449 §5.1)', async () => {
    const guard = guardOf(held, { dpop: { required: true, algorithms: ['ES256'] }, resourceMetadata: true })
    expect((await guard.resourceMetadata())?.document).toMatchObject({
      dpop_bound_access_tokens_required: true,
      dpop_signing_alg_values_supported: ['ES256'],
    })
    expect((await guard.check(get(undefined))).headers['www-authenticate']).toBe(
      'DPoP realm="clinic", resource_metadata="https://api.clinic.example/.well-known/oauth-protected-resource/v1", algs="ES256"',
    )
  })

  test.each([
    ['https://api.example', 'https://api.example/.well-known/oauth-protected-resource'],
    ['https://api.example/', 'https://api.example/.well-known/oauth-protected-resource'],
    ['https://api.example/a/b/', 'https://api.example/.well-known/oauth-protected-resource/a/b'],
    ['https://api.example:8443/mcp', 'https://api.example:8443/.well-known/oauth-protected-resource/mcp'],
  ])('of %s are found between its host and its path (§3.1)', async (audience, url) => {
    ofAudience(audience)
    const metadata = await guardOf(held).resourceMetadata()
    // §3.3: the very identifier, else the client must not use them.
    expect(metadata).toMatchObject({ url, document: { resource: audience } })
  })

  test('have no place where the audience is no address, and no challenge names one', async () => {
    ofAudience('urn:clinic')
    const guard = guardOf(held, { resourceMetadata: true })
    expect(await guard.resourceMetadata()).toBeUndefined()
    expect((await guard.check(get(undefined))).headers['www-authenticate']).toBe('Bearer realm="clinic"')
  })

  test('are named in every challenge, and in none unless they are given (§5.1)', async () => {
    const guard = guardOf(held, { resourceMetadata: true })
    const wrong = ['a.b.c', await issuer.sign({ roles: [] }), await issuer.sign({ scope: 'settings' })]
    for (const token of [undefined, ...wrong])
      expect((await guard.check(get(token))).headers['www-authenticate']).toContain(
        'resource_metadata="https://',
      )
    expect((await guardOf(held).check(get(undefined))).headers['www-authenticate']).not.toContain('metadata')
    expect(
      await guardOf(held).metadataFor(get(undefined, '/.well-known/oauth-protected-resource/v1')),
    ).toBeUndefined()
  })

  test('cost a request for anything else nothing, and none while nothing is known', async () => {
    const guard = guardOf(
      {
        ...held,
        get bundle(): never {
          throw new Error('asked in vain')
        },
      },
      { resourceMetadata: true },
    )
    expect(await guard.metadataFor(get(undefined))).toBeUndefined()
    expect(
      await guard.metadataFor(get(undefined, '/.well-known/oauth-protected-resource/v1')),
    ).toBeUndefined()
  })
})

test('a client that knows the address alone finds the issuer, as MCP clients do (§5)', async () => {
  const app = express()
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // Sound: it listens on an address, not on a pipe.
  const resource = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/patients`
  ofAudience(resource)
  app.use(guardOf(held, { resourceMetadata: true }).express())
  app.use((_request, response) => void response.send('within'))
  const refused = await fetch(resource, { method: 'GET' })
  expect(refused.status).toBe(401)
  const url = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '')?.[1] ?? ''
  const metadata: unknown = await (await fetch(url)).json()
  expect(metadata).toMatchObject({ resource, authorization_servers: [iss] })
  const head = await fetch(url, { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
  server.closeAllConnections()
  server.close()
})
