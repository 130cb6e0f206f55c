import { describe, expect, test } from 'vitest'
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { allows, decide } from '../../src/evaluator/decide.ts'
import { type DecisionFacts, operationsOf } from '../../src/evaluator/grant.ts'
import type { Caller } from '../../src/evaluator/model.ts'
import { clinic, compiledClinic, factsOf, machine, model, operation, person, role } from './clinic-model.ts'

const all = clinic.roles.filter((one) => one.grantable).map((one) => one.name)
const facts = factsOf({ org_a: all, org_small: ['patients:read'], org_operator: [...all, 'admin'] }, [
  { id: 'rol_own', organizationId: 'org_a', allow: [{ operations: ['getPatient', 'audit'] }] },
  { id: 'rol_small', organizationId: 'org_small', allow: [{ operations: ['getPatient', 'audit'] }] },
  { id: 'rol_empty', organizationId: 'org_a', allow: [{ operations: ['gone'] }] },
])

interface Vector {
  readonly name: string
  readonly caller?: Caller
  readonly request: string
  readonly expected: string
  readonly more?: Readonly<Record<string, unknown>>
}

const reader = machine(['patients:read'])
const assumed = { id: 'asm_1', organizationId: 'org_b' }
const vectors: readonly Vector[] = [
  {
    name: 'a machine whose role is a scope that the operation names is allowed',
    caller: reader,
    request: 'GET /v1/patients/7',
    expected: 'allowed',
    more: {
      role: 'patients:read',
      found: { canonicalPath: '/v1/patients/7', matches: [{ parameters: { patient: '7' } }] },
    },
  },
  {
    name: 'the query plays no part',
    caller: reader,
    request: 'GET /v1/patients?a=//..',
    expected: 'allowed',
  },
  { name: 'HEAD is decided as GET', caller: reader, request: 'HEAD /v1/patients', expected: 'allowed' },
  { name: 'a public operation looks at no caller', request: 'GET /v1/prices', expected: 'public' },
  {
    name: 'a public operation is public for a caller without roles, too',
    caller: machine([]),
    request: 'GET /v1/prices',
    expected: 'public',
  },
  { name: 'nobody may do what is not public', request: 'GET /v1/patients', expected: 'invalid_token' },
  {
    name: 'a role that does not name the operation',
    caller: reader,
    request: 'POST /v1/patients',
    expected: 'operation_not_in_role',
  },
  { name: 'no role at all', caller: machine([]), request: 'GET /v1/patients', expected: 'no_role' },
  {
    name: 'a role that the document no longer has is none',
    caller: machine(['gone']),
    request: 'GET /v1/patients',
    expected: 'no_role',
  },
  {
    name: 'a role outside the entitlement is none',
    caller: machine(['patients:write'], { organizationId: 'org_small' }),
    request: 'POST /v1/patients',
    expected: 'no_role',
  },
  {
    name: 'an organization without an entitlement has no roles',
    caller: machine(['patients:read'], { organizationId: 'org_unknown' }),
    request: 'GET /v1/patients',
    expected: 'no_role',
  },
  {
    name: 'an organization-defined role opens what its statements name',
    caller: machine(['rol_own']),
    request: 'GET /v1/audit',
    expected: 'allowed',
    more: { role: 'rol_own' },
  },
  {
    name: 'an organization-defined role is cut to the entitlement',
    caller: machine(['rol_small'], { organizationId: 'org_small' }),
    request: 'GET /v1/audit',
    expected: 'operation_not_in_role',
  },
  {
    name: 'an organization-defined role keeps what the entitlement has',
    caller: machine(['rol_small'], { organizationId: 'org_small' }),
    request: 'GET /v1/patients/7',
    expected: 'allowed',
  },
  {
    name: 'a role of another organization is as good as none',
    caller: machine(['rol_small']),
    request: 'GET /v1/patients/7',
    expected: 'no_role',
  },
  {
    name: 'a deleted role is none',
    caller: machine(['rol_deleted']),
    request: 'GET /v1/patients/7',
    expected: 'no_role',
  },
  {
    name: 'a role of which nothing is left is none',
    caller: machine(['rol_empty']),
    request: 'GET /v1/patients/7',
    expected: 'no_role',
  },
  {
    name: 'an alternative with two scopes needs both',
    caller: reader,
    request: 'POST /v1/patients/export',
    expected: 'operation_not_in_role',
  },
  {
    name: 'two roles held together make an alternative with two scopes',
    caller: machine(['patients:read', 'exports']),
    request: 'POST /v1/patients/export',
    expected: 'allowed',
  },
  {
    name: 'a role that includes both scopes holds both',
    caller: machine(['clerk']),
    request: 'POST /v1/patients/export',
    expected: 'allowed',
    more: { role: 'clerk' },
  },
  {
    name: "a machine's scope narrows its role",
    caller: machine(['clerk'], { scope: ['exports'] }),
    request: 'GET /v1/patients',
    expected: 'insufficient_scope',
    more: { neededScopes: ['patients:read'] },
  },
  {
    name: "a machine's scope gives nothing that its role has not",
    caller: machine(['patients:read'], { scope: ['patients:write'] }),
    request: 'POST /v1/patients',
    expected: 'operation_not_in_role',
  },
  {
    name: 'an assumed role is narrowed by nothing but its scope, whoever has assumed it',
    caller: { ...machine(['patients:read'], { assumed }), kind: 'user', id: 'usr_1' },
    request: 'GET /v1/patients',
    expected: 'allowed',
    more: { role: 'patients:read' },
  },
  {
    name: "an assumed role's scope narrows it",
    caller: machine(['clerk'], { assumed, scope: ['exports'] }),
    request: 'GET /v1/patients',
    expected: 'insufficient_scope',
    more: { neededScopes: ['patients:read'] },
  },
  {
    name: 'an empty scope narrows to nothing',
    caller: machine(['patients:read'], { scope: [] }),
    request: 'GET /v1/patients',
    expected: 'insufficient_scope',
  },
  {
    name: 'scope and role that both allow',
    caller: machine(['clerk'], { scope: ['patients:read'] }),
    request: 'GET /v1/patients',
    expected: 'allowed',
  },
  {
    name: 'an operation that no app may ask for names no scope that would do',
    caller: machine(['auditor'], { scope: ['patients:read'] }),
    request: 'GET /v1/audit',
    expected: 'insufficient_scope',
    more: { neededScopes: [] },
  },
  {
    name: 'a person through an app needs a consented scope and a role',
    caller: person(['clerk'], { scope: ['patients:read'] }),
    request: 'GET /v1/patients',
    expected: 'allowed',
  },
  {
    name: 'a scope never gives a person more than their roles',
    caller: person(['auditor'], { scope: ['patients:read'] }),
    request: 'GET /v1/patients',
    expected: 'operation_not_in_role',
  },
  {
    name: 'a person without a consented scope for it',
    caller: person(['clerk'], { scope: ['settings'] }),
    request: 'GET /v1/patients',
    expected: 'insufficient_scope',
    more: { neededScopes: ['patients:read'] },
  },
  {
    name: 'a delegated token without scope allows nothing',
    caller: person(['clerk']),
    request: 'GET /v1/patients',
    expected: 'insufficient_scope',
  },
  {
    name: "an organization's own settings",
    caller: machine(['settings']),
    request: 'GET /v1/organizations/org_a/settings',
    expected: 'allowed',
  },
  {
    name: "another organization's settings look as if they did not exist",
    caller: machine(['settings']),
    request: 'GET /v1/organizations/org_b/settings',
    expected: 'unknown_resource',
  },
  {
    name: 'letter case makes another organization',
    caller: machine(['settings']),
    request: 'GET /v1/organizations/ORG_A/settings',
    expected: 'unknown_resource',
  },
  {
    name: 'a role for any organization passes',
    caller: machine(['admin'], { organizationId: 'org_operator' }),
    request: 'GET /v1/organizations/org_b/settings',
    expected: 'allowed',
  },
  {
    name: 'a role for any organization, once it is assumed, is for the one that it came from',
    caller: machine(['admin'], { organizationId: 'org_operator', assumed }),
    request: 'GET /v1/organizations/org_b/settings',
    expected: 'unknown_resource',
  },
  {
    name: 'a role for any organization is none where the entitlement does not name it',
    caller: machine(['admin']),
    request: 'GET /v1/organizations/org_b/settings',
    expected: 'no_role',
  },
  { name: 'no such operation', caller: reader, request: 'GET /v1/nothing', expected: 'unknown_operation' },
  {
    name: 'the base path of servers is needed',
    caller: reader,
    request: 'GET /patients',
    expected: 'unknown_operation',
  },
  {
    name: 'an id that its schema refuses',
    caller: reader,
    request: 'GET /v1/patients/seven',
    expected: 'unknown_operation',
  },
  {
    name: 'a path without that method',
    caller: reader,
    request: 'DELETE /v1/patients',
    expected: 'method_not_allowed',
    more: { methods: ['GET', 'HEAD', 'POST'] },
  },
  {
    name: 'two readings of a path',
    caller: reader,
    request: 'GET /v1//patients',
    expected: 'ambiguous_path',
  },
]

function ask(
  caller: Caller | undefined,
  request: string,
  compiled = compiledClinic,
  known: DecisionFacts = facts,
) {
  const [method = '', path = ''] = request.split(' ')
  return decide(compiled, known, caller, { method, path })
}

describe('a decision', () => {
  test.each(vectors)('$name: $expected', ({ caller, request, expected, more = {} }) => {
    const decision = ask(caller, request)
    expect(decision).toMatchObject({ reason: expected, ...more })
    expect(decision.allowed).toBe(expected === 'allowed' || expected === 'public')
  })

  test('says which facts are not at hand instead of guessing', () => {
    const unknown: DecisionFacts = {
      role: () => undefined,
      entitlement: () => undefined,
      resource: () => undefined,
    }
    expect(
      ask(machine(['rol_own', 'patients:read']), 'GET /v1/patients', compiledClinic, unknown),
    ).toMatchObject({
      allowed: false,
      reason: 'stale_bundle',
      missing: { roles: ['rol_own'], organizations: ['org_a'] },
    })
  })

  test('sees a changed fact at once, for a caller decided before', () => {
    let entitlement: readonly string[] = ['patients:read']
    let own: { id: string; organizationId: string; allow: { operations: string[] }[] } | null = {
      id: 'rol_own',
      organizationId: 'org_a',
      allow: [{ operations: ['getPatient'] }],
    }
    const changing: DecisionFacts = {
      role: () => own,
      entitlement: () => entitlement,
      resource: () => null,
    }
    const caller = machine(['rol_own'])
    const reasonNow = () => ask(caller, 'GET /v1/patients/7', compiledClinic, changing).reason
    expect(reasonNow()).toBe('allowed')
    entitlement = ['settings']
    expect(reasonNow()).toBe('no_role')
    entitlement = ['patients:read']
    expect(reasonNow()).toBe('allowed')
    own = null
    expect(reasonNow()).toBe('no_role')
  })

  test('an empty alternative opens nothing: only `public` makes an operation public', () => {
    const compiled = compileModel(
      model([operation('a', 'GET /a', { alternatives: [[]] })], { roles: [role('r', [])] }),
    )
    expect(ask(machine(['r']), 'GET /a', compiled, factsOf({ org_a: ['r'] })).reason).toBe(
      'operation_not_in_role',
    )
  })

  test('a grantable role does not pass for any organization by including one that does', () => {
    const settings = operation('s', 'GET /o/{o}', { organizationParameter: 'o' })
    const any = role('any', ['s'], { grantable: false, anyOrganization: true })
    const compiled = compileModel(
      model([settings], { roles: [any, role('bundle', [], { include: ['any'] })] }),
    )
    const known = factsOf({ org_a: ['bundle'] })
    expect(ask(machine(['bundle']), 'GET /o/org_a', compiled, known).reason).toBe('allowed')
    expect(ask(machine(['bundle']), 'GET /o/org_b', compiled, known).reason).toBe('unknown_resource')
  })

  test('includes may go in a circle', () => {
    const roles = [role('a', [], { include: ['b'] }), role('b', ['x'], { include: ['a'] })]
    const compiled = compileModel(model([operation('x', 'GET /x')], { roles }))
    expect(ask(machine(['a']), 'GET /x', compiled, factsOf({ org_a: ['a'] })).reason).toBe('allowed')
  })
})

describe('holding an operation', () => {
  test('is role, entitlement and scope, without a path', () => {
    expect(allows(compiledClinic, facts, reader, 'getPatient')).toBe(true)
    expect(allows(compiledClinic, facts, reader, 'createPatient')).toBe(false)
    expect(allows(compiledClinic, facts, reader, 'gone')).toBe(false)
    expect(allows(compiledClinic, facts, machine(['clerk'], { scope: ['exports'] }), 'getPatient')).toBe(
      false,
    )
  })

  test('in another organization needs a role that passes for any', () => {
    const operator = machine(['admin', 'settings', 'patients:write'], { organizationId: 'org_operator' })
    expect(allows(compiledClinic, facts, operator, 'getPatient', 'org_a')).toBe(true)
    expect(allows(compiledClinic, facts, operator, 'createPatient', 'org_a')).toBe(false)
    expect(allows(compiledClinic, facts, operator, 'createPatient', 'org_operator')).toBe(true)
    expect(allows(compiledClinic, facts, reader, 'getPatient', 'org_b')).toBe(false)
  })
})

describe('the operations of a role', () => {
  test('are those of a service-defined role and of what it includes', () => {
    expect([...operationsOf(compiledClinic, 'clerk', all)].sort()).toEqual([
      'exportPatients',
      'getPatient',
      'listPatients',
    ])
  })

  test('are none outside the entitlement', () => {
    expect(operationsOf(compiledClinic, 'clerk', ['settings']).size).toBe(0)
    expect([...operationsOf(compiledClinic, [{ operations: ['getPatient', 'audit'] }], ['auditor'])]).toEqual(
      ['audit'],
    )
  })
})
