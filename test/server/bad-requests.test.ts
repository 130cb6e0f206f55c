import { connect } from 'node:net'
import { crc32 } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { expectClear, timed } from './clear-refusal.ts'
import { askToken, send } from './client.ts'
import { startDeployment } from './deployment.ts'

const deployment = await startDeployment()
afterAll(() => deployment.stop())
const { address, operator, lines } = deployment
await operator.importClinic()
const key = await operator.makeKey(await operator.makeOrganization('Ours'), { role: 'patients:read' })

describe('the token endpoint', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const post = (body: string, headers = {}) =>
    timed(body.slice(0, 40), () =>
      send(address, 'POST', '/clinic/oauth/token', { body, headers: { ...form, ...headers } }),
    )
  const grant = 'grant_type=client_credentials'
  const credentials = `client_id=${key.id}&client_secret=${key.secret}`

  test.each([
    ['nothing', ''],
    ['another grant', `grant_type=password&${credentials}`],
    ['a parameter twice', `${grant}&${grant}&${credentials}`],
    ['NUL in a parameter', `${grant}&client_id=${key.id}%00&client_secret=${key.secret}`],
    ['a scope that there is not', `${grant}&${credentials}&scope=no:such`],
    ['another resource', `${grant}&${credentials}&resource=https://other.example`],
    ['a resource that is no address', `${grant}&${credentials}&resource=%00`],
    ['a key of no form', `${grant}&client_id=constructor&client_secret=__proto__`],
    ['a million parameters', `${grant}&${'a=b&'.repeat(20_000)}`],
    ['a body over its limit', `${grant}&x=${'y'.repeat(200_000)}`],
  ])('refuses %s', async (_, body) => {
    expectClear(await post(body), body.slice(0, 40))
  })

  test('refuses two ways to authenticate in one request', async () => {
    const basic = Buffer.from(`${key.id}:${key.secret}`).toString('base64')
    const reply = await post(`${grant}&${credentials}`, { authorization: `Basic ${basic}` })
    expectClear(reply, 'two ways', [400, 401])
  })

  test('refuses a secret whose checksum is wrong, and the right checksum on a wrong secret, alike', async () => {
    const flipped = `${key.secret.slice(0, -1)}${key.secret.endsWith('0') ? '1' : '0'}`
    const forged = withChecksum(`${key.secret.slice(0, -49)}${'A'.repeat(43)}`)
    const told = async (secret: string) => {
      const { status, json: body } = await askToken(address, { id: key.id, secret }, 'clinic')
      return { status, body }
    }
    expect(await told(flipped)).toEqual(await told(forged))
    expect((await told(flipped)).status).toBe(401)
  })
})

/** The CRC-32 of all before it, in base62. */
function withChecksum(text: string): string {
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  let rest = crc32(text)
  let digits = ''
  for (let i = 0; i < 6; i++) {
    digits = `${alphabet[rest % 62] ?? ''}${digits}`
    rest = Math.floor(rest / 62)
  }
  return text + digits
}

describe('the connection', () => {
  /** Sends bytes as they are; the answer until the server closes. */
  function raw(bytes: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(address).port), '127.0.0.1')
      let text = ''
      const late = setTimeout(() => socket.destroy(new Error(`no answer to ${bytes.slice(0, 60)}`)), 8_000)
      socket.setEncoding('latin1')
      socket.on('data', (chunk) => {
        text += String(chunk)
      })
      socket.on('error', reject)
      socket.on('close', () => {
        clearTimeout(late)
        resolve(text)
      })
      socket.write(bytes)
    })
  }

  const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])

  test.each([
    ['no Host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['two of them', 'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: x\r\n\r\n'],
    ['NUL in a header', 'GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n'],
    ['what is not HTTP', 'hello?\r\n\r\n'],
    [
      'two lengths',
      'POST /clinic/oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    ],
    [
      'a length and chunks',
      'POST /clinic/facts HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['headers over their limit', `GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`],
  ])('answers %s with a 4xx and a request id', async (_, bytes) => {
    const answer = await raw(bytes)
    expect(statusOf(answer)).toBeGreaterThanOrEqual(400)
    expect(statusOf(answer)).toBeLessThan(500)
    expect(answer).toMatch(/x-request-id: req_/i)
  })

  test.each(['evil.example', '127.0.0.1:1', '[::1', 'a"b<c>', `${'h'.repeat(4_000)}`, ''])(
    'believes no Host: %s',
    async (host) => {
      for (const path of [
        '/clinic/.well-known/openid-configuration',
        '/.well-known/oauth-authorization-server/clinic',
        '/openapi.json',
        '/api/v1/services',
      ]) {
        const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
        expect([200, 400, 401]).toContain(statusOf(answer))
        if (host !== '' && !address.includes(host)) expect(answer).not.toContain(host)
      }
    },
  )
})

test('after all of that nothing has failed on this side', async () => {
  expect(lines.filter((line) => line.includes('"level":"error"'))).toEqual([])
  expect((await askToken(address, key, 'clinic')).status).toBe(200)
})
