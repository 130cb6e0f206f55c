import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askToken, basic, type IssuedKey, postToken, startWorld, type World } from './fixture.ts'

let world: World
let issued: IssuedKey
beforeAll(async () => {
  world = await startWorld()
  issued = await world.addKey()
})
afterAll(() => world.stop())

const form = 'content-type: application/x-www-form-urlencoded'

async function expectError(response: Response, status: number, error: string): Promise<void> {
  expect({ status: response.status, body: await response.json() }).toEqual({
    status,
    body: expect.objectContaining({ error }),
  })
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('x-request-id')).toMatch(/./)
}

describe('a token request that cannot be read (RFC 6749 §5.2)', () => {
  test.each([
    ['no grant type', '', 'invalid_request'],
    ['an unknown grant type', 'grant_type=password', 'unsupported_grant_type'],
    ['a grant type that is a property of objects', 'grant_type=__proto__', 'unsupported_grant_type'],
    ['a grant type twice', 'grant_type=client_credentials&grant_type=client_credentials', 'invalid_request'],
    ['a scope twice', 'grant_type=client_credentials&scope=a&scope=b', 'invalid_request'],
    ['a resource twice', `grant_type=client_credentials&resource=a&resource=b`, 'invalid_target'],
    ['a resource that is no URI', 'grant_type=client_credentials&resource=x', 'invalid_target'],
    ['NUL bytes in the scope', 'grant_type=client_credentials&scope=%00', 'invalid_scope'],
    ['NUL bytes in the resource', 'grant_type=client_credentials&resource=%00', 'invalid_target'],
    ['NUL bytes in the grant type', 'grant_type=%00', 'unsupported_grant_type'],
    ['bad percent-encoding', 'grant_type=%zz%', 'unsupported_grant_type'],
    ['bytes that are not UTF-8', 'grant_type=%ff%fe', 'unsupported_grant_type'],
    ["a grant that is not the key's", 'grant_type=authorization_code&code=x', 'invalid_request'],
  ])('%s', async (_what, body, error) => {
    await expectError(await postToken(world, body, basic(issued)), 400, error)
  })

  test.each([
    ['not Basic', 'Bearer x'],
    ['nothing after Basic', 'Basic'],
    ['not base64', 'Basic $$$'],
    ['no colon', `Basic ${btoa('abc')}`],
    ['no secret', `Basic ${btoa('abc:')}`],
    ['bad percent-encoding', `Basic ${btoa('%zz:%')}`],
    ['NUL bytes', `Basic ${btoa('a\0b:c\0d')}`],
  ])('an Authorization header that is %s', async (_what, authorization) => {
    await expectError(
      await postToken(world, 'grant_type=client_credentials', { authorization }),
      400,
      'invalid_request',
    )
  })

  test.each([
    ['JSON', 'application/json', '{"grant_type":"client_credentials"}'],
    ['JSON of depth 10,000', 'application/json', '['.repeat(10_000)],
    ['text', 'text/plain', 'grant_type=client_credentials'],
    ['multipart', 'multipart/form-data; boundary=x', '--x--'],
  ])('a body that is %s', async (_what, type, body) => {
    await expectError(
      await postToken(world, body, { ...basic(issued), 'content-type': type }),
      400,
      'invalid_request',
    )
  })

  test('a browser that asks for HTML gets JSON all the same', async () => {
    await expectError(await postToken(world, '', { accept: 'text/html' }), 400, 'invalid_request')
  })

  test('ids that are no ids, and duplicated credentials', async () => {
    for (const id of [
      '',
      'x',
      'key_',
      `key_${'0'.repeat(25)}`,
      `org_${'0'.repeat(26)}`,
      '\0',
      '../..',
      'key_%00',
    ])
      expect(
        (await postToken(world, { grant_type: 'client_credentials', client_id: id, client_secret: 'x' }))
          .status,
      ).toBe(id === '' ? 400 : 401)
    await expectError(await askToken(world, issued, `client_id=other`), 400, 'invalid_request')
    await expectError(await askToken(world, issued, `client_id=a&client_id=b`), 400, 'invalid_request')
  })

  test('a body over 56 KiB is 413, told by its length or found by reading', async () => {
    const body = `grant_type=client_credentials&x=${'y'.repeat(60_000)}`
    await expectError(await postToken(world, body, basic(issued)), 413, 'invalid_request')
    const chunked = await world.raw('POST /clinic/oauth/token', {
      headers: ['transfer-encoding: chunked', `authorization: ${basic(issued)['authorization']}`],
      body: `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      chunked: true,
    })
    expect(chunked).toMatch(/^HTTP\/1.1 413 /)
    expect(chunked).toContain('"error":"invalid_request"')
  })
})

describe('methods and spellings of a path', () => {
  test.each([
    ['GET', '/oauth/token', 'POST, OPTIONS'],
    ['PUT', '/oauth/token', 'POST, OPTIONS'],
    ['HEAD', '/oauth/token', 'POST, OPTIONS'],
    ['POST', '/oauth/jwks', 'GET, HEAD, OPTIONS'],
    ['DELETE', '/.well-known/openid-configuration', 'GET, HEAD, OPTIONS'],
  ])('%s %s is 405 with Allow', async (method, path, allow) => {
    const response = await fetch(world.issuer + path, { method })
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
  })

  test('a method that HTTP does not know is 405 or 400, never a hang', async () => {
    expect(await world.raw('PURGE /clinic/oauth/token')).toMatch(/^HTTP\/1.1 405 /)
    expect(await world.raw('BREW /clinic/oauth/token')).toMatch(/^HTTP\/1.1 400 /)
  })

  test.each(['/OAuth/Token', '/oauth/token/', '/OAUTH/TOKEN/'])('%s is the token endpoint', async (path) => {
    const response = await fetch(world.issuer + path, {
      method: 'POST',
      headers: { ...basic(issued), 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials',
    })
    expect(response.status).toBe(200)
  })

  test.each([
    '/oauth/token//',
    '/oauth/%74oken',
    '/oauth//token',
    '/oauth/logout/elsewhere',
    '/oauth/par/x',
    '/session/end/confirm',
    '/auth',
    '/token',
    '/interaction/x',
    '/oauth/%',
    '/.well-known/',
  ])('%s is nothing', async (path) => {
    for (const method of ['GET', 'POST'])
      expect((await fetch(world.issuer + path, { method })).status).toBe(404)
  })

  test.each(['/CLINIC/oauth/token', '/nowhere/oauth/token', '//oauth/token', '/%63linic/oauth/token'])(
    '%s is no service',
    async (path) => {
      expect(await world.raw(`POST ${path}`, { headers: [form] })).toMatch(/^HTTP\/1.1 404 /)
    },
  )

  test('an absolute URL in the request line does not reach an issuer', async () => {
    expect(await world.raw('POST http://evil.example/clinic/oauth/token')).toMatch(/^HTTP\/1.1 4\d\d /)
  })
})

test('nothing of this was a fault of ours', () => {
  expect(world.faults).toEqual([])
})
