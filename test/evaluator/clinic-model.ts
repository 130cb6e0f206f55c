import { compileModel } from '../../src/evaluator/compile-model.ts'
import { compileResource } from '../../src/evaluator/compiled-resource.ts'
import type { DecisionFacts } from '../../src/evaluator/grant.ts'
import type {
  Caller,
  Operation,
  OrganizationRole,
  ResourceFact,
  ServiceModel,
  ServiceRole,
} from '../../src/evaluator/model.ts'

export function operation(id: string, place: string, more: Partial<Operation> = {}): Operation {
  const [method, path] = place.split(' ')
  // Sound: every place in the tests starts with one of the methods.
  return {
    id,
    method: method as Operation['method'],
    path: path ?? '/',
    parameters: {},
    alternatives: [],
    ...more,
  }
}

export function role(
  name: string,
  operations: readonly string[],
  more: Partial<ServiceRole> = {},
): ServiceRole {
  const allow = operations.length === 0 ? [] : [{ operations }]
  return { name, grantable: true, inDefaultEntitlement: true, delegable: true, include: [], allow, ...more }
}

export function model(operations: readonly Operation[], more: Partial<ServiceModel> = {}): ServiceModel {
  return { basePaths: [''], operations, roles: [], ...more }
}

/** A clinic's API: patients by scopes, an organization's own settings, a public price list. */
export const clinic: ServiceModel = model(
  [
    operation('listPatients', 'GET /patients', { alternatives: [['patients:read']] }),
    operation('getPatient', 'GET /patients/{patient}', {
      parameters: { patient: { type: 'integer' } },
      alternatives: [['patients:read']],
    }),
    operation('createPatient', 'POST /patients', { alternatives: [['patients:write']] }),
    operation('exportPatients', 'POST /patients/export', { alternatives: [['patients:read', 'exports']] }),
    operation('getPrices', 'GET /prices', { public: true }),
    operation('getSettings', 'GET /organizations/{organization}/settings', {
      organizationParameter: 'organization',
      alternatives: [['settings']],
    }),
    operation('audit', 'GET /audit'),
  ],
  {
    basePaths: ['/v1'],
    roles: [
      role('patients:read', []),
      role('patients:write', []),
      role('exports', []),
      role('settings', []),
      role('clerk', [], { include: ['patients:read', 'exports'] }),
      role('auditor', ['audit'], { delegable: false }),
      role('admin', ['listPatients', 'getPatient', 'getSettings', 'audit'], {
        grantable: false,
        inDefaultEntitlement: false,
        delegable: false,
        anyOrganization: true,
      }),
    ],
  },
)

export const compiledClinic = compileModel(clinic)

/** Facts from plain maps; what is in none is known not to exist. */
export function factsOf(
  entitlements: Readonly<Record<string, readonly string[]>>,
  roles: readonly OrganizationRole[] = [],
  resources: Readonly<Record<string, ResourceFact>> = {},
): DecisionFacts {
  const byId = new Map(roles.map((one) => [one.id, one]))
  const compiled = new Map(Object.entries(resources).map(([name, fact]) => [name, compileResource(fact)]))
  return {
    role: (id) => byId.get(id) ?? null,
    entitlement: (id) => entitlements[id] ?? null,
    resource: ({ name }) => compiled.get(name) ?? null,
  }
}

export function machine(roles: readonly string[], more: Partial<Caller> = {}): Caller {
  return { kind: 'key', id: 'key_1', organizationId: 'org_a', roles, ...more }
}

export function person(roles: readonly string[], more: Partial<Caller> = {}): Caller {
  return { kind: 'user', id: 'usr_1', organizationId: 'org_a', roles, ...more }
}
