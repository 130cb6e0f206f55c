import { randomBytes } from 'node:crypto'
import { openSqlite } from '../../adapters/sqlite/open.ts'
import { type Actor, recorder } from '../../src/audit/record.ts'
import type { Clock, EpochMs } from '../../src/clock.ts'
import type { Operation, ServiceModel, ServiceRole } from '../../src/evaluator/model.ts'
import { newIdFrom, type OrganizationId } from '../../src/ids.ts'
import { newOrganization } from '../../src/organizations/create-organization.ts'
import { organizations } from '../../src/organizations/organization.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import type { Giver } from '../../src/services/giving.ts'
import { type Service, services } from '../../src/services/service.ts'
import { insert, type Store } from '../../src/storage/ports.ts'

export const noonMs = Date.parse('2030-01-01T12:00:00Z')
export const dayMs = 86_400_000

/** Holds the operation that grants roles. */
export const granter: Giver = { mayGrantRoles: true, holds: () => false }
export const holderOf = (...operations: readonly string[]): Giver => ({
  mayGrantRoles: false,
  holds: (_serviceId, operationId) => operations.includes(operationId),
})

function operation(
  id: string,
  method: Operation['method'],
  path: string,
  scopes: readonly string[] = [],
): Operation {
  const alternatives = scopes.map((scope) => [scope])
  return { id, method, path, parameters: {}, alternatives }
}

function role(name: string, operations: readonly string[], more: Partial<ServiceRole> = {}): ServiceRole {
  const allow = operations.length === 0 ? [] : [{ operations }]
  return { name, grantable: true, inDefaultEntitlement: true, delegable: false, include: [], allow, ...more }
}

const operatorsAlone = { grantable: false, inDefaultEntitlement: false } as const

export const clinicModel: ServiceModel = {
  basePaths: [''],
  operations: [
    operation('listPatients', 'GET', '/patients', ['patients:read']),
    operation('getPatient', 'GET', '/patients/{patientId}', ['patients:read']),
    operation('createPatient', 'POST', '/patients', ['patients:write']),
    operation('deletePatient', 'DELETE', '/patients/{patientId}'),
    operation('readInvoices', 'GET', '/invoices', ['billing']),
    { ...operation('status', 'GET', '/status'), public: true },
  ],
  roles: [
    role('patients:read', []),
    role('patients:write', []),
    role('records-keeper', ['deletePatient'], { include: ['patients:read'] }),
    role('billing', [], { inDefaultEntitlement: false }),
    role(
      'admin',
      ['listPatients', 'getPatient', 'createPatient', 'deletePatient', 'readInvoices'],
      operatorsAlone,
    ),
  ],
}

const latchkeyModel: ServiceModel = {
  basePaths: [''],
  operations: [
    operation('createClientKey', 'POST', '/organizations/{organization}/keys'),
    operation('rotateClientKey', 'POST', '/organizations/{organization}/keys/{key}/rotate'),
    operation('grantClientKeyRole', 'PUT', '/organizations/{organization}/keys/{key}/role'),
    operation('getClientKey', 'GET', '/organizations/{organization}/keys/{key}'),
    operation('readBundle', 'GET', '/{service}/bundle'),
  ],
  roles: [
    role('organization-admin', ['createClientKey', 'rotateClientKey', 'grantClientKeyRole', 'getClientKey']),
    role('organization-viewer', ['getClientKey']),
    role('guard', ['readBundle'], { inDefaultEntitlement: false }),
    role('admin', ['createClientKey', 'getClientKey'], operatorsAlone),
  ],
}

const inMemory = (clock: Clock) => openSqlite({ path: ':memory:', clock })

/** A deployment on a real store: the operator, a customer, the services `latchkey` and `clinic`, a clock to be set. */
export async function openDeployment(open: (clock: Clock) => Promise<Store> = inMemory) {
  const time: { nowMs: EpochMs } = { nowMs: noonMs }
  const clock = () => time.nowMs
  const random = (count: number) => randomBytes(count)
  const store = await open(clock)
  const newId = newIdFrom(clock, random)
  const secretText = randomBytes(32).toString('base64url')
  const secrets = deploymentSecrets([secretText], random)
  const { records, counters } = store
  const deps = {
    records,
    counters,
    commit: recorder(store.commit, clock, newId),
    clock,
    newId,
    random,
    secrets,
  }
  const service = (
    owner: OrganizationId,
    slug: string,
    kind: Service['kind'],
    model: ServiceModel,
  ): Service => ({
    ...{
      id: newId('svc'),
      organizationId: owner,
      version: 1,
      slug,
      kind,
      title: slug,
      audience: `https://${slug}.example`,
    },
    ...{ accessTokenTtlSeconds: 900, signingAlgorithm: 'ES256', signingKeys: [], documentVersion: 1, model },
    createdAt: noonMs,
  })
  const operator = newOrganization(
    newId('org'),
    { name: 'Operator', slug: 'operator', kind: 'operator' },
    noonMs,
  )
  const customer = newOrganization(
    newId('org'),
    { name: 'Riverside', slug: 'riverside', kind: 'customer' },
    noonMs,
  )
  const latchkey = service(operator.id, 'latchkey', 'system', latchkeyModel)
  const clinic = service(operator.id, 'clinic', 'api', clinicModel)
  await store.commit([
    insert(organizations, operator),
    insert(organizations, customer),
    insert(services, latchkey),
    insert(services, clinic),
  ])
  const by: Actor = { kind: 'key', id: newId('key'), organizationId: operator.id, requestId: 'req-1' }
  return { time, store, deps, secretText, operator, customer, latchkey, clinic, by }
}

export type Deployment = Awaited<ReturnType<typeof openDeployment>>
