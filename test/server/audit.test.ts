import { DatabaseSync } from 'node:sqlite'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askToken, type Key, objectIn, type Reply, send, tokenOf } from './client.ts'
import { newDeploymentSecret, startDeployment } from './deployment.ts'
import { documentedOperations, itemsOf, member } from './operations.ts'
import { walkPeople } from './walk-people.ts'

const deployment = await startDeployment({ secrets: [newDeploymentSecret()] })
afterAll(() => deployment.stop())
const { address, operator } = deployment

/** What must stay in the answer that shows it: secrets and tokens, as they were answered. */
const shownOnce = new Set<string>()
const refusals: string[] = []

interface Step {
  readonly operationId: string
  readonly reply: Reply
  /** In whose trail. */
  readonly organizationId: string
  readonly events: readonly string[]
}
const steps: Step[] = []

/** Makes a change, and notes whose trail must tell of it as what, the newest first. */
async function change(
  operationId: string,
  organizationId: string,
  events: readonly string[],
  [method, path, body]: readonly [string, string, unknown?],
): Promise<Reply> {
  const type = typeof body === 'string' ? { 'content-type': 'application/yaml' } : {}
  const reply = await operator.do(method, path, body, type)
  const secret = reply.json['client_secret']
  if (typeof secret === 'string') shownOnce.add(secret)
  steps.push({ operationId, reply, organizationId, events })
  return reply
}

const idOf = ({ json }: Reply): string => String(json['id'])

async function trailOf(organizationId: string, query = ''): Promise<ReturnType<typeof itemsOf>> {
  const { text } = await operator.do('GET', `/organizations/${organizationId}/audit-events?limit=200${query}`)
  return itemsOf(text)
}

let ours = ''
let machine: Key

/** One successful call of every operation that writes. */
async function walk(): Promise<void> {
  const op = operator.organizationId
  const file = new URL('../../examples/clinic/openapi.yaml', import.meta.url)
  const { readFile } = await import('node:fs/promises')
  const clinic = await readFile(file, 'utf8')
  const yaml = { 'content-type': 'application/yaml' }
  const shown = await operator.try('POST', '/services?slug=clinic', clinic, yaml)
  const confirmed = `/services?slug=clinic&confirmation=${String(shown.json['confirmation'])}`
  await change('createService', op, ['service.created'], ['POST', confirmed, clinic])
  const newer = clinic.replace('version: 1.0.0', 'version: 1.0.1')
  const document = ['PUT', '/services/clinic/document', newer] as const
  await change('replaceServiceDocument', op, ['service.document_replaced'], document)
  const title = { title: 'Clinic' }
  await change('changeService', op, ['service.changed'], ['PATCH', '/services/clinic', title])
  const open = { registration: 'open' }
  const signIn = '/services/clinic/sign-in'
  await change('changeSignIn', op, ['service.sign_in_changed'], ['PATCH', signIn, open])
  const rotate = ['POST', '/services/clinic/signing-keys/rotate', {}] as const
  await change('rotateSigningKey', op, ['service.signing_key_rotated'], rotate)

  const name = { name: 'Ours' }
  const made = await operator.do('POST', '/organizations', name)
  ours = idOf(made)
  steps.push({
    ...{ operationId: 'createOrganization', reply: made, organizationId: ours },
    events: ['organization.created'],
  })
  const inOurs = `/organizations/${ours}`
  const renamed = { name: 'Ours still' }
  await change('renameOrganization', ours, ['organization.renamed'], ['PATCH', inOurs, renamed])
  const entitlement = `/services/clinic/entitlements/${ours}`
  const all = { roles: ['patients:read', 'patients:write', 'auditor'] }
  await change('setEntitlement', ours, ['entitlement.changed'], ['PUT', entitlement, all])
  await change('clearEntitlement', ours, ['entitlement.changed'], ['DELETE', entitlement])

  const roleBody = { name: 'Desk', description: '', allow: [{ operations: ['listPatients'] }] }
  const newRole = { service: 'clinic', ...roleBody }
  const role = idOf(await change('createRole', ours, ['role.created'], ['POST', `${inOurs}/roles`, newRole]))
  const preview = { allow: roleBody.allow }
  await change('previewRole', ours, [], ['POST', `${inOurs}/roles/${role}/preview`, preview])
  await change('replaceRole', ours, ['role.changed'], ['PUT', `${inOurs}/roles/${role}`, roleBody])

  const letting = { service: 'clinic', name: 'Help', role, assuming_organization: op }
  const assumption = idOf(
    await change(
      'createAssumption',
      ours,
      ['assumption.created'],
      ['POST', `${inOurs}/assumptions`, letting],
    ),
  )
  const help = `${inOurs}/assumptions/${assumption}`
  const shorter = { life_seconds_max: 60 }
  await change('changeAssumption', ours, ['assumption.changed'], ['PATCH', help, shorter])
  await change('deleteAssumption', ours, ['assumption.deleted'], ['DELETE', help])

  const newKey = { service: 'clinic', name: 'Machine', role }
  const issued = await change(
    'createClientKey',
    ours,
    ['client_key.created'],
    ['POST', `${inOurs}/keys`, newKey],
  )
  machine = { id: idOf(issued), secret: String(issued.json['client_secret']) }
  const at = `${inOurs}/keys/${machine.id}`
  shownOnce.add(await tokenOf(address, machine, 'clinic'))
  await change('changeClientKey', ours, ['client_key.changed'], ['PATCH', at, { name: 'Machine 2' }])
  const rotated = await change(
    'rotateClientKey',
    ours,
    ['client_key.secret_rotated'],
    ['POST', `${at}/rotate`, {}],
  )
  const secrets = rotated.json['secrets']
  const [first] = Array.isArray(secrets) ? secrets : []
  const retired = { secret_id: first.id }
  await change('retireClientSecret', ours, ['client_key.secret_retired'], ['POST', `${at}/retire`, retired])
  await change('disableClientKey', ours, ['client_key.disabled'], ['POST', `${at}/disable`])
  await change('enableClientKey', ours, ['client_key.enabled'], ['POST', `${at}/enable`])
  const otherRole = { role: 'patients:read' }
  await change('grantClientKeyRole', ours, ['client_key.role_changed'], ['PUT', `${at}/role`, otherRole])
  await change('revokeClientKey', ours, ['client_key.revoked'], ['POST', `${at}/revoke`, {}])
  await change('deleteRole', ours, ['role.deleted'], ['DELETE', `${inOurs}/roles/${role}`])
  await walkResources(inOurs)
  await walkPeople({ operator, ours, change, keepSecret: (text) => shownOnce.add(text) })
  const why = { reason: 'unpaid' }
  await change('suspendOrganization', ours, ['organization.suspended'], ['POST', `${inOurs}/suspend`, why])
  await change('reinstateOrganization', ours, ['organization.reinstated'], ['POST', `${inOurs}/reinstate`])

  const brief = await operator.makeOrganization('Brief')
  await change('rewrapSecrets', op, [], ['POST', '/secrets/rewrap'])
  const end = ['DELETE', `/organizations/${brief}?confirm=brief`] as const
  await change('deleteOrganization', brief, ['organization.deleted'], end)
  await operator.importClinic('passing')
  const gone = ['service.document_removed', 'service.deleted']
  await change('deleteService', op, gone, ['DELETE', '/services/passing?confirm=passing'])
}

async function walkResources(inOurs: string): Promise<void> {
  const op = operator.organizationId
  const guard = await operator.makeGuardKey()
  const token = await tokenOf(address, guard)
  for (const secret of [guard.secret, token]) shownOnce.add(secret)
  const body = { path: '/patients/7', organization: ours }
  const resource = idOf(await send(address, 'POST', '/clinic/resources', { token, body }))
  const tags = { tags: { ward: ['north'] } }
  const at = `${inOurs}/resources/${resource}/tags`
  await change('changeResourceTags', ours, ['resource.tags_changed'], ['PUT', at, tags])
  const rules = ['PATCH', `/organizations/${op}/services/clinic`, { resources: 'latchkey' }] as const
  await change('setResourceRules', op, ['service.changed'], rules)
  const users = { user_domain: 'ours.example', unknown_users_role: null }
  const asked = ['PUT', `/organizations/${op}/services/clinic/authzen`, users] as const
  await change('setAuthzenRules', op, ['service.changed'], asked)
}

beforeAll(walk)

describe('audit', () => {
  test('the walk has called every operation that writes', async () => {
    const writing = (await documentedOperations(address)).filter(
      ({ method, template }) => method !== 'GET' && template.startsWith('/api/v1/'),
    )
    const done = new Set(steps.map(({ operationId }) => operationId))
    expect(writing.map(({ id }) => id).filter((id) => !done.has(id))).toEqual([])
  })

  test("each change is one event in the right organization's trail, with who and through which request", async () => {
    const trails = new Map<string, Awaited<ReturnType<typeof trailOf>>>()
    for (const { organizationId } of steps)
      if (!trails.has(organizationId)) trails.set(organizationId, await trailOf(organizationId))
    for (const { operationId, reply, organizationId, events } of steps) {
      const requestId = reply.headers.get('x-request-id')
      const told = (trails.get(organizationId) ?? []).filter(
        (event) => member(event, 'by')['request_id'] === requestId,
      )
      expect([operationId, ...told.map(({ type }) => type)]).toEqual([operationId, ...events])
      for (const event of told) {
        expect(member(event, 'by')).toMatchObject({ kind: 'key', id: operator.key.id, address: '127.0.0.1' })
        expect(member(event, 'by')['organization_id']).toBe(operator.organizationId)
      }
    }
  })

  test('a change is in no other trail', async () => {
    const ids = new Set((await trailOf(ours)).map(({ id }) => id))
    for (const event of await trailOf(operator.organizationId)) expect(ids.has(event['id'])).toBe(false)
  })

  test("each look of the operator into an organization is in that organization's trail; its own looks are not", async () => {
    const admin = await operator.makeKey(ours, { service: 'latchkey', role: 'organization-admin' })
    shownOnce.add(admin.secret)
    const token = await tokenOf(address, admin)
    shownOnce.add(token)
    await send(address, 'GET', `/api/v1/organizations/${ours}/keys`, { token })
    const look = await operator.do('GET', `/organizations/${ours}/keys`)
    const looks = await trailOf(ours, '&type=organization.looked_into')
    const mine = looks.filter(
      (event) => member(event, 'by')['request_id'] === look.headers.get('x-request-id'),
    )
    expect(mine).toMatchObject([{ details: { operation: 'listClientKeys' }, by: { id: operator.key.id } }])
    expect(looks.every((event) => member(event, 'by')['id'] === operator.key.id)).toBe(true)
  })

  test("a refusal at the token endpoint is activity that the key's organization reads", async () => {
    const admin = await operator.makeKey(ours, { service: 'latchkey', role: 'organization-admin' })
    shownOnce.add(admin.secret)
    const token = await tokenOf(address, admin)
    shownOnce.add(token)
    expect((await askToken(address, machine, 'clinic')).status).toBe(401)
    const read = async () => {
      const path = `/api/v1/organizations/${ours}/activity?key=${machine.id}`
      return itemsOf((await send(address, 'GET', path, { token })).text)
    }
    await expect
      .poll(read, { timeout: 5_000 })
      .toMatchObject([
        { key_id: machine.id, reason: expect.stringMatching(/revoked/), address: '127.0.0.1', count: 1 },
      ])
  })
})

/** Everything that the store keeps, as text: what is in it in bytes is read as Latin-1. */
async function dump(): Promise<string> {
  const { store } = deployment
  if (store.kind === 'mongodb') {
    const client = new MongoClient(store.url)
    try {
      const names = await client.db().listCollections().toArray()
      const all = await Promise.all(names.map(({ name }) => client.db().collection(name).find().toArray()))
      return JSON.stringify(all)
    } finally {
      await client.close()
    }
  }
  using database = new DatabaseSync(store.path, { readOnly: true })
  const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all()
  const rows = tables.flatMap(({ name }) => database.prepare(`SELECT * FROM "${String(name)}"`).all())
  return rows
    .flatMap((row) => Object.values(row))
    .map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value)))
    .join('\n')
}

describe('what is secret', () => {
  test('is in no table, no log line and no error', async () => {
    for (const secret of [...shownOnce]) {
      const id = secret.startsWith('lk_') ? machine.id : 'unknown'
      const wrong = `${secret.slice(0, -1)}${secret.endsWith('a') ? 'b' : 'a'}`
      for (const tried of [secret, wrong]) {
        refusals.push((await askToken(address, { id, secret: tried }, 'clinic')).text)
        refusals.push((await send(address, 'GET', `/api/v1/services/${tried}`, { token: tried })).text)
        refusals.push((await operator.try('POST', '/organizations', { name: 'X', [tried]: tried })).text)
        refusals.push((await operator.try('GET', `/services?cursor=${tried}`)).text)
      }
    }
    const kept = await dump()
    const logged = deployment.lines.join('\n')
    // What was looked for can be found: ids are in all of them.
    expect(kept).toContain(machine.id)
    expect(shownOnce.size).toBeGreaterThanOrEqual(6)
    const canaries = [
      ...shownOnce,
      operator.key.secret,
      deployment.config.secrets?.[0] ?? 'no secret',
      await operator.token(),
    ]
    const secretParts = canaries.flatMap((text) =>
      // The random part alone is as good as the whole; of a token, its signature is.
      text.startsWith('lk_')
        ? [text, text.slice(-49)]
        : text.startsWith('eyJ')
          ? [text.split('.')[2] ?? text]
          : [text],
    )
    for (const part of secretParts) {
      expect(part.length).toBeGreaterThan(30)
      expect(kept.includes(part), 'a secret in the store').toBe(false)
      expect(logged.includes(part), 'a secret in the log').toBe(false)
    }
    for (const text of [kept, logged, ...refusals]) {
      expect(text).not.toMatch(/lk_(live|test)_[0-9a-z]{26}_[0-9A-Za-z]{49}/)
      // A private JWK's member (RFC 7518 §6.2.2.1), plain or escaped within other JSON.
      expect(text).not.toMatch(/\\?"d\\?"\s*:\s*\\?"[A-Za-z0-9_-]{40,}/)
    }
    for (const text of refusals) expect(objectIn(text)['access_token']).toBeUndefined()
  })
})
