import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import express from 'express'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { startApi } from '../../examples/gateways/api.ts'
import { canonicalPath } from '../../src/evaluator/canonical-path.ts'
import type { Guard } from '../../src/sdk/index.ts'
import { type GuardProcess, startGuard } from '../cli/guard/guard-process.ts'
import { type RawReply, sendRaw } from '../cli/guard/raw-request.ts'
import { hostileDocument, hostileUrls } from '../evaluator/hostile-urls.ts'
import { tokenOf } from '../server/client.ts'
import { type Deployment, startDeployment } from '../server/deployment.ts'
import { type GatewayProcess, missing, type RunGateway, startGateway } from './gateway-process.ts'

const audience = 'https://files.example'
let deployment: Deployment
let guardKey: string
let token: string
let direct: Guard
/** An API with the SDK in it: what a gateway must never be more open than. */
let plain: Server
beforeAll(async () => {
  deployment = await startDeployment()
  const { operator, address } = deployment
  await operator.importDocument('files', hostileDocument)
  const key = await operator.makeGuardKey('files')
  guardKey = key.secret
  const reader = await operator.makeKey(await operator.makeOrganization(), {
    service: 'files',
    role: 'files:read',
  })
  token = await tokenOf(address, reader, 'files')
  direct = await operator.guard(key, 'files')
  plain = createServer(apiWith(direct)).listen(0, '127.0.0.1')
  await once(plain, 'listening')
})
afterAll(async () => {
  await direct.close()
  plain.close()
  await deployment.stop()
})

function apiWith(guard: Guard) {
  const app = express()
  app.use(guard.express())
  app.use(
    (request: express.Request & { latchkey?: { canonicalPath: string } }, response: express.Response) => {
      response.json({ target: request.latchkey?.canonicalPath })
    },
  )
  return app
}

function portOf(server: Server): number {
  // Sound: it listens at an address, not at a pipe.
  return (server.address() as AddressInfo).port
}

const Seen = z.object({
  caller: z.string().optional(),
  organization: z.string().optional(),
  method: z.string(),
  target: z.string(),
  headers: z.array(z.string()),
})

/** What has reached the API; throws unless the answer is the API's own. */
function seen({ status, body }: RawReply): z.output<typeof Seen> {
  expect([status, body]).toEqual([200, expect.any(String)])
  return Seen.parse(JSON.parse(body))
}

/** Values of the headers of a name that reached the API, whatever its spelling. */
function valuesOf(headers: readonly string[], name: string): readonly string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase().replaceAll('_', '-') === name)
}

/** nginx and HAProxy hand on the path in its one spelling; Caddy as it was sent, which can be read in one way only. */
function spelt(name: RunGateway, path: string): string {
  if (name !== 'caddy') return path
  const canonical = canonicalPath(path)
  return canonical === 'ambiguous_path' ? canonical : canonical.path
}

/** Targets that are in order, and that the gateway refuses of its own accord. */
const refusedBy: Readonly<Record<RunGateway, RegExp>> = {
  nginx: /^$/,
  caddy: /["<>^`{|}]/,
  haproxy: /^$/,
}

/** What the comments of the examples say about the gateway's key. */
const withKey: Readonly<Record<RunGateway, (configuration: string, key: string) => string>> = {
  // The second one: the first takes away, for the API, what the client sent.
  nginx: (text, key) => {
    const line = 'proxy_set_header X-Latchkey-Guard "";'
    const at = text.lastIndexOf(line)
    return text.slice(0, at) + line.replace('""', `"${key}"`) + text.slice(at + line.length)
  },
  caddy: (text, key) =>
    text.replace('# header_up X-Latchkey-Guard "the key"', `header_up X-Latchkey-Guard "${key}"`),
  haproxy: (text, key) => text.replace('guard_key = nil', `guard_key = '${key}'`),
}

const names: readonly RunGateway[] = ['nginx', 'caddy', 'haproxy']
for (const name of names) {
  const reason = missing(name)
  if (reason !== undefined) console.error(reason)
  describe.skipIf(reason !== undefined)(`${name} as its example configures it`, () => gatewayTests(name))
}

function gatewayTests(name: RunGateway): void {
  let guard: GuardProcess
  let api: Server
  let gateway: GatewayProcess
  beforeAll(async () => {
    const args = ['--server', deployment.address, '--service', 'files', '--gateway', name]
    guard = await startGuard(guardKey, args)
    stops.push(guard.stop)
    const options = { port: 0, guard: `http://127.0.0.1:${guard.port}`, service: 'files', audience }
    api = startApi(options)
    stops.push(() => api.close())
    await once(api, 'listening')
    gateway = await startGateway(name, { guard: guard.port, api: portOf(api) })
    stops.push(gateway.stop)
  })
  // What was started is stopped, even where what comes after it did not start.
  const stops: (() => unknown)[] = []
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop()
  })

  const bearer = () => `authorization: Bearer ${token}`
  const host = () => `host: 127.0.0.1:${gateway.port}`
  const send = (line: string, ...headers: string[]) =>
    sendRaw(gateway.port, [`${line} HTTP/1.1`, host(), ...headers])

  test('lets what is allowed through, and the API can prove who calls', async () => {
    const reached = seen(await send('GET /files/report?page=2', bearer()))
    expect(reached).toMatchObject({ method: 'GET', target: '/files/report?page=2' })
    expect(reached.caller).toMatch(/^key_/)
    expect(reached.organization).toMatch(/^org_/)
    expect(valuesOf(reached.headers, 'x-latchkey-subject')).toEqual([reached.caller])
    expect(valuesOf(reached.headers, 'x-latchkey-organization')).toEqual([reached.organization])
    expect(valuesOf(reached.headers, 'x-latchkey-operation')).toEqual(['getFile'])
    expect(valuesOf(reached.headers, 'x-latchkey-path')).toEqual(['/files/report'])
    expect(valuesOf(reached.headers, 'x-latchkey-decision')).toHaveLength(1)
  })

  test('lets what is public through as nobody, whatever token comes with it', async () => {
    const reached = seen(await send('GET /open', bearer()))
    expect(reached.caller).toBeUndefined()
    expect(valuesOf(reached.headers, 'x-latchkey-subject')).toEqual([])
  })

  test('answers what is refused as the guard says, and the API does not see it', async () => {
    const refusals = [
      ['GET /files/report', 401, 'invalid_token'],
      ['GET /admin', 403, 'operation_not_in_role', bearer()],
      ['GET /nothing', 404, 'unknown_operation', bearer()],
      ['DELETE /open', 405, 'method_not_allowed', bearer()],
      ['GET /files/a%2Flog', 400, 'ambiguous_path', bearer()],
    ] as const
    for (const [line, status, code, ...headers] of refusals) {
      const reply = await send(line, ...headers)
      expect([line, reply.status, JSON.parse(reply.body)]).toMatchObject([line, status, { status, code }])
      expect(reply.headers['content-type']).toEqual(['application/problem+json'])
      expect(reply.headers['cache-control']).toEqual(['no-store'])
    }
  })

  test('passes challenges on', async () => {
    const missingToken = await send('GET /files/report')
    expect(missingToken.headers['www-authenticate']).toEqual(['Bearer realm="files"'])
    const wrong = await send('GET /admin', bearer())
    expect(wrong.headers['www-authenticate']).toEqual([expect.stringContaining('error="insufficient_scope"')])
    expect((await send('DELETE /open', bearer())).headers['allow']).toEqual(['GET, HEAD'])
  })

  const spoofed = ['X-Latchkey-Subject', 'X_Latchkey_Subject', 'X-Latchkey_Subject', 'x_latchkey-subject']
  test.each(spoofed)('takes a %s of the client away, on public operations too', async (header) => {
    for (const line of ['GET /open', 'GET /files/report']) {
      const { headers, caller } = seen(await send(line, bearer(), `${header}: usr_spoofed`))
      expect(headers).not.toContain('usr_spoofed')
      expect(valuesOf(headers, 'x-latchkey-subject')).toEqual(caller === undefined ? [] : [caller])
    }
  })

  test('takes away an identity that the client sent', async () => {
    const { caller } = seen(await send('GET /open', 'X-Latchkey-Identity: a.b.c', 'X-Latchkey-Path: /admin'))
    expect(caller).toBeUndefined()
  })

  test('lets no other X-Latchkey-… header of the client reach the API', async () => {
    for (const header of ['X-Latchkey-Anything', 'X_LATCHKEY_ANYTHING', 'X-Latchkey-Guard']) {
      const reply = await send('GET /open', `${header}: usr_spoofed`)
      if (reply.status === 200) expect(seen(reply).headers).not.toContain('usr_spoofed')
      else expect(reply.status).toBe(400)
    }
  })

  test('does not let the client have headers taken away that were set anew', async () => {
    const reply = await send(
      'GET /files/report',
      bearer(),
      'Connection: X-Latchkey-Subject, X-Latchkey-Identity',
    )
    if (reply.status === 200) expect(seen(reply).caller).toMatch(/^key_/)
    else expect(reply.status).toBe(400)
  })

  test('lets nothing through that says another method or target than was decided', async () => {
    const overrides = [
      ...['X-HTTP-Method-Override: DELETE', 'X-HTTP-Method: DELETE', 'X-Method-Override: DELETE'],
      ...[
        'X-Original-Method: DELETE',
        'X-Original-URI: /admin',
        'X-Original-URL: /admin',
        'X-Rewrite-URL: /admin',
      ],
      ...['X-Forwarded-Method: DELETE', 'X-Forwarded-Uri: /admin'],
    ]
    for (const override of overrides) {
      const { method, target, headers } = seen(await send('GET /files/report', bearer(), override))
      expect([method, target]).toEqual(['GET', '/files/report'])
      expect(headers).not.toContain(override.split(': ')[1])
    }
    expect(
      (await send('GET /admin', bearer(), 'X-Original-URI: /open', 'X-Forwarded-Uri: /open')).status,
    ).toBe(403)
  })

  test('lets a preflight through to the API’s own answer, as nobody', async () => {
    const cors = ['Origin: https://app.example', 'Access-Control-Request-Method: GET']
    const reached = seen(await send('OPTIONS /files/report', ...cors, 'X-Latchkey-Subject: usr_spoofed'))
    expect(reached).toMatchObject({ method: 'OPTIONS', target: '/files/report' })
    expect(reached.headers).not.toContain('usr_spoofed')
    expect((await send('OPTIONS /files/..%2Fadmin', ...cors)).status).toBe(401)
  })

  test('tells the guard the client’s own address, and not what the client says it is', async () => {
    const { operator, address } = deployment
    const organization = await operator.makeOrganization()
    const restricted = async (cidrs: readonly string[]) => {
      const body = { service: 'files', role: 'files:read', name: 'Restricted', cidrs }
      const { json } = await operator.do('POST', `/organizations/${organization}/keys`, body)
      return { id: String(json['id']), secret: String(json['client_secret']) }
    }
    const here = await tokenOf(address, await restricted(['127.0.0.0/8']), 'files')
    const reply = await send('GET /files/a', `authorization: Bearer ${here}`, 'x-forwarded-for: 192.0.2.1')
    expect(reply.status).toBe(200)
  })

  test('sends a body on to the API, and none to the guard', async () => {
    const reply = await sendRaw(
      gateway.port,
      ['POST /files HTTP/1.1', host(), bearer(), 'content-type: text/plain', 'content-length: 5'],
      'hello',
    )
    expect([reply.status, JSON.parse(reply.body)]).toMatchObject([405, { code: 'method_not_allowed' }])
  })

  test('lets no hostile target through that the SDK refuses, and hands on the path that was decided', async () => {
    const through: string[] = []
    for (const { what, target } of hostileUrls) {
      const there = await send(`GET ${target}`, bearer())
      const here = await sendRaw(portOf(plain), [`GET ${target} HTTP/1.1`, 'host: files.example', bearer()])
      const named = `${what}: ${JSON.stringify(target)}`
      if (there.status === 200) {
        through.push(target)
        expect([named, here.status]).toEqual([named, 200])
        const [path = '', ...query] = seen(there).target.split('?')
        const { target: decided } = z.object({ target: z.string() }).parse(JSON.parse(here.body))
        expect([named, spelt(name, path)]).toEqual([named, decided])
        expect([named, query.join('?')]).toEqual([named, target.split('?').slice(1).join('?')])
      } else expect([named, there.status]).not.toEqual([named, 0])
    }
    // What is odd and right gets through as well, but for what the gateway itself cannot hand on as it was sent.
    const right = hostileUrls.filter(
      ({ answer, target }) => answer.startsWith('/') && !refusedBy[name].test(target),
    )
    expect(through).toEqual(right.map(({ target }) => target))
  })

  test('proves itself with its key to a guard that asks for one', async () => {
    const gatewayKey = randomBytes(32).toString('hex')
    const file = join(deployment.folder, `${name}.key`)
    await writeFile(file, gatewayKey)
    const args = ['--server', deployment.address, '--service', 'files', '--gateway', name]
    const careful = await startGuard(guardKey, [...args, '--gateway-key-file', file])
    onTestFinished(async () => void (await careful.stop()))
    const ports = { guard: careful.port, api: portOf(api) }
    const proven = await startGateway(name, ports, (text) => withKey[name](text, gatewayKey))
    onTestFinished(() => proven.stop())
    const unproven = await startGateway(name, ports)
    onTestFinished(() => unproven.stop())
    const [open, closed] = await Promise.all(
      [proven, unproven].map(({ port }) =>
        sendRaw(port, ['GET /open HTTP/1.1', host(), 'X-Latchkey-Guard: guessed']),
      ),
    )
    expect(open === undefined ? undefined : valuesOf(seen(open).headers, 'x-latchkey-guard')).toEqual([])
    expect(closed?.status).toBe(403)
  })

  test('is closed while the guard is not there, public operations included', async () => {
    await guard.stop()
    const lines = ['GET /open', 'GET /files/report', 'OPTIONS /files/report', 'GET /nothing']
    const replies = await Promise.all(lines.map((line) => send(line, bearer())))
    expect(replies.map(({ status }) => status >= 500)).toEqual(lines.map(() => true))
  })
}

describe.skipIf(missing('nginx') !== undefined)('a gateway with a cache before the guard', () => {
  test('never gives an answer of the guard twice', async () => {
    const args = ['--server', deployment.address, '--service', 'files', '--gateway', 'nginx']
    const guard = await startGuard(guardKey, args)
    onTestFinished(async () => void (await guard.stop()))
    const api = startApi({ port: 0, guard: `http://127.0.0.1:${guard.port}`, service: 'files', audience })
    onTestFinished(() => void api.close())
    await once(api, 'listening')
    const caching = (text: string) =>
      text
        .replace(
          'server {\n    listen',
          'proxy_cache_path cache keys_zone=answers:1m;\n  server {\n    listen',
        )
        .replace(
          'proxy_pass http://latchkey_guard/forward-auth;',
          '$& proxy_cache answers; proxy_cache_valid any 1m; proxy_cache_key "$request_uri";',
        )
    const gateway = await startGateway('nginx', { guard: guard.port, api: portOf(api) }, caching)
    onTestFinished(() => gateway.stop())
    const ask = () =>
      sendRaw(gateway.port, ['GET /files/report HTTP/1.1', 'host: api', `authorization: Bearer ${token}`])
    const decisions = [await ask(), await ask()].map((reply) =>
      valuesOf(seen(reply).headers, 'x-latchkey-decision'),
    )
    expect(decisions[0]).toHaveLength(1)
    expect(decisions[0]).not.toEqual(decisions[1])
    expect((await sendRaw(gateway.port, ['GET /files/report HTTP/1.1', 'host: api'])).status).toBe(401)
  })
})
