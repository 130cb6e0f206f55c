import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { clinicBundle, type Issuer, makeIssuer } from '../../sdk/clinic-issuer.ts'
import { guardKey, LatchkeyServer, until } from '../../sdk/latchkey-server.ts'
import { type Key, tokenOf } from '../../server/client.ts'
import { type Deployment, startDeployment } from '../../server/deployment.ts'
import { runLatchkey } from '../run-latchkey.ts'
import { type GuardProcess, startGuard } from './guard-process.ts'
import { sendRaw } from './raw-request.ts'

const running: GuardProcess[] = []
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-guard-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()))
})
afterAll(() => rm(folder, { recursive: true }))

async function start(...[secret, args, said]: Parameters<typeof startGuard>): Promise<GuardProcess> {
  const guard = await startGuard(secret, args, said)
  running.push(guard)
  return guard
}

function ask({ port }: GuardProcess, token: string, method = 'GET', uri = '/patients') {
  return sendRaw(port, [
    ...['GET /forward-auth HTTP/1.1', 'host: guard', `authorization: Bearer ${token}`],
    ...[`x-original-method: ${method}`, `x-original-uri: ${uri}`],
  ])
}
const ready = ({ port }: GuardProcess) => sendRaw(port, ['GET /readyz HTTP/1.1', 'host: guard'])

/** How long it takes until something holds, asked again and again. */
async function msUntil(what: string, holds: () => Promise<boolean>): Promise<number> {
  const began = performance.now()
  await until(what, holds)
  return performance.now() - began
}

describe('latchkey guard beside a real server', () => {
  let deployment: Deployment
  let guardsKey: Key
  beforeAll(async () => {
    deployment = await startDeployment()
    await deployment.operator.importClinic()
    guardsKey = await deployment.operator.makeGuardKey()
  })
  afterAll(() => deployment.stop())

  const follow = (...more: string[]) =>
    start(guardsKey.secret, [
      ...['--server', deployment.address, '--service', 'clinic', '--gateway', 'nginx'],
      ...more,
    ])

  test('refuses a revoked key within a second', async () => {
    const { operator, address } = deployment
    const organization = await operator.makeOrganization()
    const guard = await follow()
    const key = await operator.makeKey(organization, { role: 'patients:read' })
    const token = await tokenOf(address, key, 'clinic')
    expect((await ask(guard, token)).status).toBe(200)
    await operator.do('POST', `/organizations/${organization}/keys/${key.id}/revoke`, {})
    const ms = await msUntil('it is refused', async () => (await ask(guard, token)).status === 401)
    expect(ms).toBeLessThan(1_000)
    expect((await ask(guard, token)).body).toContain('token_revoked')
  })

  test('takes in a changed role within a second', async () => {
    const { operator, address } = deployment
    const organization = await operator.makeOrganization()
    const guard = await follow()
    const role = await operator.makeRole(organization, ['listPatients'])
    const key = await operator.makeKey(organization, { role })
    const token = await tokenOf(address, key, 'clinic')
    expect((await ask(guard, token)).status).toBe(200)
    const change = { name: 'Other', allow: [{ operations: ['getPatient'] }] }
    await operator.do('PUT', `/organizations/${organization}/roles/${role}`, change)
    const ms = await msUntil('it is refused', async () => (await ask(guard, token)).status !== 200)
    expect(ms).toBeLessThan(1_000)
    const now = await tokenOf(address, key, 'clinic')
    expect((await ask(guard, now)).status).toBe(403)
    expect((await ask(guard, now, 'GET', '/patients/pat-1')).status).toBe(200)
  })

  test('logs in structured lines, refusals on request, and never a secret', async () => {
    const { operator, address } = deployment
    const key = await operator.makeKey(await operator.makeOrganization(), { role: 'patients:read' })
    const token = await tokenOf(address, key, 'clinic')
    const guard = await follow('--log-level', 'debug')
    expect((await ask(guard, token, 'POST')).status).toBe(403)
    expect((await ask(guard, `${token}x`)).status).toBe(401)
    expect(await guard.stop()).toBe(0)
    const told = guard.lines.map((line): Record<string, unknown> => JSON.parse(line))
    expect(told.map(({ msg }) => msg)).toEqual([
      ...[
        'The guard answers the gateway',
        'The guard is ready',
        'Refused',
        'Refused',
        'The guard has stopped',
      ],
    ])
    expect(told[2]).toMatchObject({
      reason: 'operation_not_in_role',
      operation: 'registerPatient',
      subject: key.id,
    })
    for (const secret of [guardsKey.secret, token, key.secret])
      expect(guard.lines.join()).not.toContain(secret)
  })

  test('with a key that the server refuses, ends and says what to do', async () => {
    const wrong = `${guardsKey.secret.slice(0, -8)}00000000`
    const args = ['--server', deployment.address, '--service', 'clinic', '--gateway', 'nginx']
    await expect(startGuard(wrong, args)).rejects.toThrow(/What to do: .*--key-file/)
  })
})

describe('latchkey guard when the server cannot be reached', () => {
  let issuer: Issuer
  let server: LatchkeyServer
  let token: string
  beforeAll(async () => {
    issuer = await makeIssuer()
    token = await issuer.sign({}, {}, Date.now())
  })
  const serve = async () => new LatchkeyServer(clinicBundle(issuer)).listen()
  const args = (...more: string[]) => ['--service', 'clinic', '--gateway', 'nginx', ...more]
  const patients = (guard: GuardProcess) => ask(guard, token, 'GET', '/v1/patients')

  test('from the start refuses with 503, and is not ready, until it can', async () => {
    server = await serve()
    const { origin } = server
    await server.close()
    const said = 'The guard answers the gateway'
    const guard = await start(guardKey, args('--server', origin), said)
    expect((await patients(guard)).status).toBe(503)
    expect((await ready(guard)).status).toBe(503)
    expect((await sendRaw(guard.port, ['GET /healthz HTTP/1.1', 'host: guard'])).status).toBe(200)
    await until('it says why', () => guard.lines.join().includes('The guard goes on with what it knows'))
  })

  test('follows another one, and starts again from its copy', async () => {
    server = await serve()
    const gone = await serve()
    await gone.close()
    const copyFile = join(folder, 'copy')
    const all = args('--server', gone.origin, '--another-server', server.origin, '--copy-file', copyFile)
    const guard = await start(guardKey, all)
    expect((await patients(guard)).status).toBe(200)
    expect((await ready(guard)).status).toBe(200)
    expect(await guard.stop()).toBe(0)
    await server.close()
    const again = await start(guardKey, all)
    expect((await patients(again)).status).toBe(200)
  })
})

test('latchkey guard, asked to stop, answers what is under way and closes what is idle', async () => {
  const issuer = await makeIssuer()
  const server = await new LatchkeyServer(clinicBundle(issuer)).listen()
  const guard = await start(guardKey, [
    ...['--server', server.origin, '--service', 'clinic', '--gateway', 'nginx'],
  ])
  const idle = connect(guard.port, '127.0.0.1')
  idle.on('error', () => {}).write('GET /healthz HTTP/1.1\r\nhost: guard\r\n\r\n')
  const idleClosed = once(idle, 'close')
  await once(idle, 'data')
  let release = () => {}
  const asked = new Promise<void>((resolve) => {
    server.beforeFacts = () => {
      resolve()
      return new Promise((go) => {
        release = go
      })
    }
  })
  const token = await issuer.sign({}, {}, Date.now())
  const answer = ask(guard, token, 'GET', '/v1/patients')
  await asked
  const busy = connect(guard.port, '127.0.0.1')
  const lines = ['GET /forward-auth HTTP/1.1', 'host: guard', `authorization: Bearer ${token}`]
  lines.push('x-original-method: GET', 'x-original-uri: /v1/patients')
  busy.on('error', () => {}).write(`${lines.join('\r\n')}\r\n\r\n`)
  await once(busy, 'connect')
  // The guard has read it.
  await ask(guard, token, 'GET', '/nowhere')
  const begunMs = performance.now()
  const stopped = guard.stop()
  release()
  expect((await answer).status).toBe(200)
  await idleClosed
  expect(await stopped).toBe(0)
  // A gateway that would keep its connection does not hold the guard up.
  expect(performance.now() - begunMs).toBeLessThan(3_000)
  await server.close()
})

test('latchkey guard tells the server of its decisions, those of its last moment too', async () => {
  const issuer = await makeIssuer()
  const server = await new LatchkeyServer(clinicBundle(issuer)).listen()
  const keyFile = join(folder, 'ids.key')
  await writeFile(keyFile, 'a secret for ids alone')
  const guard = await start(guardKey, [
    ...['--server', server.origin, '--service', 'clinic', '--gateway', 'nginx'],
    ...['--decision-log', 'all', '--decision-log-id-key-file', keyFile],
  ])
  const token = await issuer.sign({}, {}, Date.now())
  expect((await ask(guard, token, 'GET', '/v1/patients/7')).status).toBe(200)
  expect((await ask(guard, token, 'POST', '/v1/patients')).status).toBe(403)
  expect(await guard.stop()).toBe(0)
  const told = server.batches.flatMap(({ decisions }) => decisions)
  expect(told).toMatchObject([
    { reason: 'allowed', resource: { patient: expect.stringMatching(/^hmac:/) } },
    { reason: 'operation_not_in_role' },
  ])
  await server.close()
})

describe('latchkey guard, given wrongly, ends with 2', () => {
  const run = (...more: string[]) =>
    runLatchkey(['guard', '--service', 'clinic', ...more], {
      env: { LATCHKEY_CLI_KEY: guardKey, LATCHKEY_CLI_SERVER: 'http://127.0.0.1:9' },
    })

  test.each([
    ['without a gateway', [], "required option '--gateway <name>'"],
    ['with an unknown one', ['--gateway', 'apache'], 'nginx, caddy, traefik, haproxy, envoy'],
    ['an address without a port', ['--gateway', 'nginx', '--listen', '127.0.0.1'], '127.0.0.1:9090'],
    [
      'a Unix socket without a whole path',
      ['--gateway', 'nginx', '--listen', 'unix:guard.sock'],
      'whole path',
    ],
    [
      'open to others beside a Unix socket',
      ['--gateway', 'nginx', '--listen', 'unix:/tmp/a', '--listen', '0.0.0.0:9090'],
      '--gateway-key-file',
    ],
    ['open to others', ['--gateway', 'nginx', '--listen', '0.0.0.0:9090'], '--gateway-key-file'],
    ['a public base with a query', ['--gateway', 'nginx', '--public-base', 'https://a?b'], 'publicBase'],
    [
      'a share of a decision log that is off',
      ['--gateway', 'nginx', '--decision-log-share', '0.5'],
      'add --decision-log',
    ],
  ])('%s', async (_what, args, told) => {
    const { code, stderr } = await run(...args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(told)])
  })

  test('a key for identities that is none, and without repeating it', async () => {
    const path = join(folder, 'identity.pem')
    await writeFile(path, 'open sesame')
    const { code, stderr } = await run('--gateway', 'nginx', '--identity-key-file', path)
    expect([code, stderr]).toEqual([2, expect.stringContaining('openssl genpkey')])
    expect(stderr).not.toContain('sesame')
  })

  test('a gateway’s key that can be guessed, and without repeating it', async () => {
    const path = join(folder, 'short.key')
    await writeFile(path, 'open sesame')
    const { code, stderr } = await run(
      '--gateway',
      'nginx',
      '--listen',
      '0.0.0.0:0',
      '--gateway-key-file',
      path,
    )
    expect([code, stderr]).toEqual([2, expect.stringContaining('openssl rand')])
    expect(stderr).not.toContain('sesame')
  })
})
