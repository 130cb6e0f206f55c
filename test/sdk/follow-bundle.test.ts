import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ServiceBundle } from '../../src/sdk/compiled-bundle.ts'
import { type FollowMachine, followBundle } from '../../src/sdk/follow-bundle.ts'
import { type Guard, guardFrom } from '../../src/sdk/guard.ts'
import type { CopyFile } from '../../src/sdk/guard-copy.ts'
import type { GuardTrouble } from '../../src/sdk/guard-trouble.ts'
import { createGuard } from '../../src/sdk/index.ts'
import { tokenSource } from '../../src/sdk/token-source.ts'
import { clinicBundle, type Issuer, makeIssuer } from './clinic-issuer.ts'
import { get } from './in-process.ts'
import { guardKey, LatchkeyServer, until } from './latchkey-server.ts'
import { proofMaker } from './proof-maker.ts'

let issuer: Issuer
let server: LatchkeyServer
let open: { close(): unknown }[] = []
let laterMs = 0
beforeAll(async () => {
  issuer = await makeIssuer()
})
beforeEach(async () => {
  laterMs = 0
  server = await serve()
})
afterEach(async () => {
  for (const one of open.reverse()) await one.close()
  open = []
})

async function serve(): Promise<LatchkeyServer> {
  const made = await new LatchkeyServer(clinicBundle(issuer)).listen()
  open.push(made)
  return made
}

/** A guard whose clocks a test can put forward. */
function follow(
  options: { servers?: readonly string[]; copy?: CopyFile; stalenessSecondsMax?: number } = {},
) {
  const troubles: GuardTrouble[] = []
  const machine: FollowMachine = {
    clock: () => Date.now() + laterMs,
    monotonic: () => performance.now() + laterMs,
    random: (count) => new Uint8Array(count),
    fetch: (input, init) => fetch(input, init),
  }
  const { servers = [server.origin], copy } = options
  const source = followBundle(
    {
      servers,
      service: 'clinic',
      tokens: tokenSource({ latchkey: servers, service: 'latchkey', key: guardKey }, machine),
      stalenessSecondsMax: options.stalenessSecondsMax ?? 300,
      factsMax: 100,
      ...(copy === undefined ? {} : { copy: { file: copy, key: () => guardKey } }),
      report: (trouble) => troubles.push(trouble),
    },
    machine,
  )
  const guard = guardFrom(source, {}, machine)
  open.push(guard)
  return { guard, troubles }
}

async function following(options: Parameters<typeof follow>[0] = {}): Promise<Guard> {
  const { guard } = follow(options)
  await guard.ready()
  await until('the stream is open', () => guard.state().kind === 'following' && server.streams > 0)
  return guard
}

const tokenNow = (claims: Record<string, unknown> = {}) => issuer.sign(claims, {}, Date.now())
/** With notes of patients, of which Latchkey knows. */
function withResources(bundle: ServiceBundle): ServiceBundle {
  const notes = {
    id: 'readNote',
    method: 'GET',
    path: '/patients/{patient}/notes/{note}',
    parameters: {},
    alternatives: [['patients:read']],
    resourceParameter: 'note',
  } as const
  const { model } = bundle
  return { ...bundle, model: { ...model, resources: 'latchkey', operations: [...model.operations, notes] } }
}

const forget_at = new Date(Date.now() + 90_000_000).toISOString()

describe('a guard that follows a server', () => {
  test('made by the front door verifies, decides and closes', async () => {
    const guard = createGuard({ latchkey: server.origin, service: 'clinic', key: guardKey })
    open.push(guard)
    await guard.ready()
    expect(await guard.check(get(await tokenNow()))).toMatchObject({ allowed: true })
    expect(guard.checkNow(get(await tokenNow()))).toBeUndefined()
  })

  test('asks for facts once, then decides at once without asking', async () => {
    const guard = await following()
    const token = await tokenNow({ roles: ['rol_own', 'patients:read'] })
    await Promise.all([1, 2, 3, 4].map(() => guard.check(get(token))))
    expect(guard.checkNow(get(token))).toMatchObject({ allowed: true })
    expect(server.asked('POST /clinic/facts')).toBe(1)
  })

  test('decides nothing at once that needs a proof, and refuses at once what is under the wrong scheme', async () => {
    const guard = await following()
    const maker = await proofMaker()
    const bound = await tokenNow({ cnf: { jkt: maker.thumbprint } })
    const dpop = await maker.prove(bound, { iat: Math.floor(Date.now() / 1000) })
    const request = get(undefined, undefined, { authorization: `DPoP ${bound}`, dpop })
    expect(await guard.check(request)).toMatchObject({ allowed: true })
    expect(guard.checkNow(request)).toBeUndefined()
    expect(guard.checkNow(get(bound))).toBeUndefined()
    const bearer = await tokenNow()
    expect(await guard.check(get(bearer))).toMatchObject({ allowed: true })
    const wrong = get(undefined, undefined, { authorization: `DPoP ${bearer}` })
    expect(guard.checkNow(wrong)).toMatchObject({ allowed: false, status: 401 })
  })

  test.each([
    { kind: 'authority', of: 'key_1', lowest: 4 } as const,
    { kind: 'jti', jti: 'the-one' } as const,
    { kind: 'grant', grant_id: 'grant-1' } as const,
    { kind: 'role', role_id: 'rol_own' } as const,
    { kind: 'signing_key', kid: 'sgn_1' } as const,
  ])('refuses what the stream revokes by $kind', async (entry) => {
    const guard = await following()
    const roles = ['patients:read', 'rol_own']
    const token = await tokenNow({ jti: 'the-one', grant_id: 'grant-1', roles })
    expect(await guard.check(get(token))).toMatchObject({ allowed: true })
    server.change({ revocations: [{ ...entry, forget_at }] })
    await until('it is refused', async () => (await guard.check(get(token))).reason === 'token_revoked')
  })

  test('drops a role and an organization that the stream names', async () => {
    const guard = await following()
    server.roles['rol_own'] = { organization_id: 'org_a', allow: [{ operations: ['listPatients'] }] }
    const token = await tokenNow({ roles: ['rol_own'] })
    expect(await guard.check(get(token))).toMatchObject({ allowed: true })
    server.roles['rol_own'] = { organization_id: 'org_a', allow: [] }
    server.change({ roles: ['rol_own'] })
    await until('the role is empty', async () => (await guard.check(get(token))).reason === 'no_role')
    server.roles['rol_own'] = { organization_id: 'org_a', allow: [{ operations: ['listPatients'] }] }
    server.organizations['org_a'] = { state: 'suspended', entitlement: ['patients:read'] }
    server.change({ roles: ['rol_own'], organizations: ['org_a'] })
    await until('it is suspended', () => guard.checkNow(get(token)) === undefined)
    expect(await guard.check(get(token))).toMatchObject({ reason: 'no_role' })
  })

  test('asks once for the resources of a request and of what holds it, absent ones too, until the stream names them', async () => {
    server.bundle = withResources(server.bundle)
    const guard = await following()
    const token = await tokenNow()
    server.resources['/patients/{1}'] = { owner: 'org_a', tags: {} }
    const one = () => guard.check(get(token, '/v1/patients/1/notes/2'))
    await one()
    await one()
    expect(server.named).toEqual(['/patients/{1}/notes/{2}', '/patients/{1}'])
    server.change({ resources: ['/patients/{1}/notes/{2}'] })
    await until('the guard has heard of it', () => guard.state().position === server.position)
    await one()
    expect(server.named.slice(2)).toEqual(['/patients/{1}/notes/{2}'])
  })

  test('asks nobody about a resource whose name nothing can have', async () => {
    server.bundle = withResources(server.bundle)
    const guard = await following()
    await guard.check(get(await tokenNow(), `/v1/patients/${'x'.repeat(500)}/notes/2`))
    expect(server.named).toEqual([])
  })

  test('does not keep a fact that was named while its answer was on the way', async () => {
    const guard = await following()
    const token = await tokenNow()
    server.beforeFacts = async () => {
      server.beforeFacts = () => {}
      server.organizations['org_a'] = { state: 'active', entitlement: ['settings'] }
      server.change({ organizations: ['org_a'] })
      await until('the guard has heard of it', () => guard.state().position === server.position)
    }
    expect(await guard.check(get(token))).toMatchObject({ reason: 'no_role' })
  })

  test('does not believe facts of a node that is behind what its stream has told', async () => {
    const guard = await following()
    server.change({})
    await until('the guard has heard of it', () => guard.state().position === server.position)
    server.position--
    let asked = 0
    server.beforeFacts = () => {
      if (++asked === 2) server.position++
    }
    expect(await guard.check(get(await tokenNow()))).toMatchObject({ allowed: true })
    expect(asked).toBe(3)
  })

  test('fetches a bundle that the stream says has changed', async () => {
    const guard = await following()
    const next = await makeIssuer('sgn_2')
    server.bundle = clinicBundle(issuer, next)
    server.change({ bundle: true })
    const token = await next.sign({}, {}, Date.now())
    await until('the new key counts', async () => (await guard.check(get(token))).allowed)
  })

  test('looks for a newer bundle when a token names an unknown key, but not for each one', async () => {
    const guard = await following()
    const next = await makeIssuer('sgn_2')
    server.bundle = clinicBundle(issuer, next)
    expect(await guard.check(get(await next.sign({}, {}, Date.now())))).toMatchObject({ allowed: true })
    const before = server.asked('GET /clinic/bundle')
    const unknown = await Promise.all([1, 2, 3].map((n) => issuer.sign({}, { kid: `sgn_x${n}` }, Date.now())))
    for (const token of unknown) expect(await guard.check(get(token))).toMatchObject({ status: 401 })
    expect(server.asked('GET /clinic/bundle')).toBe(before)
  })

  test('goes on where it was when its stream breaks', async () => {
    const guard = await following()
    server.change({})
    await until('the guard has heard of it', () => guard.state().position === server.position)
    server.cutStreams()
    await until('the stream is open again', () => server.asked('stream') === 2 && server.streams === 1)
    expect(server.lastEventId).toBe(String(server.position))
    expect(server.asked('GET /clinic/bundle')).toBe(1)
  })

  test('takes everything anew after a reset', async () => {
    const guard = await following()
    const token = await tokenNow()
    expect(await guard.check(get(token))).toMatchObject({ allowed: true })
    server.position += 5_000
    server.revocations = [{ kind: 'authority', of: 'key_1', lowest: 4, forget_at }]
    server.send('reset', {})
    await until('it is refused', async () => (await guard.check(get(token))).reason === 'token_revoked')
    expect(guard.state().position).toBe(server.position)
  })

  test('takes nothing in that is older than what it has seen', async () => {
    const { guard, troubles } = follow()
    await guard.ready()
    await until('the stream is open', () => server.streams === 1)
    server.change({ revocations: [{ kind: 'authority', of: 'key_1', lowest: 4, forget_at }] })
    await until('it has heard', () => guard.state().position === server.position)
    const seen = server.position
    server.position = 3
    server.revocations = []
    server.send('reset', {})
    await until('the server is refused', () => troubles.some(({ message }) => message.includes('older')))
    expect(await guard.check(get(await tokenNow()))).toMatchObject({ reason: 'token_revoked' })
    expect(guard.state().position).toBe(seen)
  })

  test('does not pass over a revocation of a kind that it does not know', async () => {
    const { guard, troubles } = follow()
    await guard.ready()
    await until('the stream is open', () => server.streams === 1)
    server.send('change', { revocations: [{ kind: 'everything', forget_at }] })
    await until('it is told', () => troubles.some(({ message }) => message.includes('unknown form')))
  })
})

describe('a guard that is cut off', () => {
  test('is degraded when it has heard nothing for 10 s, and decides on', async () => {
    const guard = await following()
    const token = await tokenNow()
    await guard.check(get(token))
    await server.close()
    laterMs = 11_000
    expect(guard.state()).toMatchObject({ kind: 'degraded' })
    expect(guard.checkNow(get(token))).toMatchObject({ allowed: true })
  })

  test('answers 503 with Retry-After at its staleness limit, never 401', async () => {
    const guard = await following({ stalenessSecondsMax: 60 })
    const token = await tokenNow()
    await guard.check(get(token))
    await server.close()
    laterMs = 61_000
    for (const one of [token, 'x.y.z'])
      expect(await guard.check(get(one))).toMatchObject({ status: 503, headers: { 'retry-after': '5' } })
    expect(guard.state()).toMatchObject({ kind: 'stale' })
  })

  test('never decides by what is older than the life of a token', async () => {
    const guard = await following({ stalenessSecondsMax: 100_000 })
    await server.close()
    laterMs = 901_000
    expect(await guard.check(get(await tokenNow()))).toMatchObject({ status: 503 })
  })

  test('cannot decide by facts that are not at hand', async () => {
    const guard = await following()
    await server.close()
    expect(await guard.check(get(await tokenNow()))).toMatchObject({ status: 503, reason: 'stale_bundle' })
  })

  test('follows another server', async () => {
    const other = await serve()
    const guard = await following({ servers: [server.origin, other.origin] })
    await server.close()
    await until('the other is followed', () => other.streams === 1)
    expect(guard.state().server).toBe(other.origin)
    expect(await guard.check(get(await tokenNow()))).toMatchObject({ allowed: true })
  })

  test('whose key is refused says so while it starts', async () => {
    server.tokenStatus = 401
    const { guard } = follow()
    await expect(guard.ready()).rejects.toMatchObject({ name: 'TokenError', code: 'invalid_client' })
    expect(await guard.check(get(await tokenNow()))).toMatchObject({ status: 503 })
  })
})

describe("a guard's copy", () => {
  function memory(content?: string): CopyFile & { content: string | undefined; writes: number } {
    return {
      content,
      writes: 0,
      async read() {
        return this.content
      },
      async write(text) {
        this.content = text
        this.writes++
      },
    }
  }

  /** A copy as a guard leaves it, having decided for a caller. */
  async function written(): Promise<string> {
    const file = memory()
    const guard = await following({ copy: file })
    expect(await guard.check(get(await tokenNow()))).toMatchObject({ allowed: true })
    await guard.close()
    await until('the copy holds the facts', () => file.content?.includes('"org_a"') === true)
    return file.content ?? ''
  }

  test('lets it decide after a restart without the server, until the copy is too old', async () => {
    const copy = memory(await written())
    await server.close()
    const { guard } = follow({ copy })
    await guard.ready()
    expect(await guard.check(get(await tokenNow()))).toMatchObject({ allowed: true })
    laterMs = 301_000
    expect(await guard.check(get(await tokenNow()))).toMatchObject({ status: 503 })
  })

  test('has the resources that were asked about, and the restart hears what became of them', async () => {
    server.bundle = withResources(server.bundle)
    const name = '/patients/{7}'
    server.resources[name] = { owner: 'org_a', tags: {} }
    const ask = async (guard: Guard, patient: number) =>
      guard.check(get(await tokenNow(), `/v1/patients/${patient}/notes/1`))
    const copy = memory()
    const before = await following({ copy })
    expect(await ask(before, 7)).toMatchObject({ allowed: true })
    expect(await ask(before, 8)).toMatchObject({ reason: 'unknown_resource' })
    await before.close()
    await until('the copy holds them', () => copy.content?.includes(name) === true)
    await server.close()
    const cut = follow({ copy: memory(copy.content) })
    await cut.guard.ready()
    expect(await ask(cut.guard, 7)).toMatchObject({ allowed: true })
    expect(await ask(cut.guard, 8)).toMatchObject({ reason: 'unknown_resource' })
    expect(await ask(cut.guard, 9)).toMatchObject({ status: 503, reason: 'stale_bundle' })
    server = await serve()
    server.bundle = withResources(server.bundle)
    const { guard } = follow({ copy: memory(copy.content) })
    await until('the stream is open', () => server.streams > 0)
    expect(await ask(guard, 7)).toMatchObject({ allowed: true })
    server.change({ resources: [name] })
    await until('it has heard', () => guard.state().position === server.position)
    expect(await ask(guard, 7)).toMatchObject({ reason: 'unknown_resource' })
  })

  test('too old from the start opens nothing', async () => {
    const copy = memory(await written())
    await server.close()
    laterMs = 301_000
    const { guard } = follow({ copy })
    await until('it was read', () => guard.state().position > 0)
    expect(await guard.check(get(await tokenNow()))).toMatchObject({ status: 503 })
  })

  test.each([
    ['changed', (text: string) => text.replace('"org_a"', '"org_b"')],
    ['with another code', (text: string) => text.replace(/^v2\.[\w-]+/, `v2.${'A'.repeat(43)}`)],
    ['cut short', (text: string) => text.slice(0, -10)],
    ['that is no copy', () => 'hello'],
  ])('%s is not believed, and reported', async (_name, tamper) => {
    const copy = memory(tamper(await written()))
    await server.close()
    const { guard, troubles } = follow({ copy })
    await until('it is reported', () => troubles.some(({ kind }) => kind === 'copy_refused'))
    expect(await guard.check(get(await tokenNow()))).toMatchObject({ status: 503 })
    expect(guard.state()).toMatchObject({ kind: 'starting', position: 0 })
  })

  test('holds no key and no token', async () => {
    expect(await written()).not.toMatch(/lk_live|guard-token|eyJ/)
  })

  test('makes an older answer of the server unbelievable', async () => {
    server.position = 500
    const copy = memory(await written())
    server.position = 400
    const { guard, troubles } = follow({ copy })
    await guard.ready()
    server.send('reset', {})
    await until('the stream is open', () => server.streams === 1)
    server.send('reset', {})
    await until('the server is refused', () => troubles.some(({ message }) => message.includes('older')))
    expect(guard.state().position).toBe(500)
  })

  test('is not replaced by an older one', async () => {
    server.position = 500
    const newer = await written()
    server.position = 400
    const copy = memory()
    const guard = await following({ copy })
    await until('it was written', () => copy.writes > 0)
    copy.content = newer
    await guard.close()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(copy.content).toBe(newer)
  })
})
