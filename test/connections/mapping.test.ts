import { describe, expect, test } from 'vitest'
import { claimValues, type Mapping, mapped } from '../../src/connections/mapping.ts'
import { maskedClaims } from '../../src/connections/masked-claims.ts'
import type { ServiceId } from '../../src/ids.ts'

const serviceId = 'svc_00000000000000000000000000' as ServiceId
const nurse = { serviceId, role: 'patients:read' }
const doctor = { serviceId, role: 'patients:write' }
const mapping: Mapping = {
  roles: [
    { claim: 'groups', value: 'nurses', ...nurse },
    { claim: 'groups', value: 'doctors', ...nurse },
    { claim: 'groups', value: 'doctors', ...doctor },
    { claim: '/realm_access/roles', value: 'boss', serviceId, role: 'billing' },
  ],
  tags: [{ claim: 'ward', tag: 'team' }],
  defaultRoles: [{ serviceId, role: 'visitor' }],
}

describe('the values of a claim', () => {
  const claims = {
    ...{ one: 'a', many: ['a', 1, true, null, { x: 1 }, ['b']], number: 7, 'https://x.example/roles': ['r'] },
    realm_access: { roles: ['boss'], 'a/b': 'c' },
  }
  test.each([
    ['one', ['a']],
    ['many', ['a', '1', 'true']],
    ['number', ['7']],
    ['https://x.example/roles', ['r']],
    ['/realm_access/roles', ['boss']],
    ['/realm_access/a~1b', ['c']],
    ['realm_access', []],
    ['absent', []],
    ['/absent/roles', []],
    ['/one/0', []],
    ['constructor', []],
    ['/__proto__/x', []],
  ])('%s', (claim, values) => {
    expect(claimValues(claims, claim)).toEqual(values)
  })
})

describe('a mapping gives', () => {
  test.each([
    ['the role of a group', { groups: ['nurses'] }, [nurse]],
    ['each role once', { groups: ['nurses', 'doctors'] }, [nurse, doctor]],
    ['by one value as by a list', { groups: 'nurses' }, [nurse]],
    ['by a structured claim', { realm_access: { roles: ['boss'] } }, [{ serviceId, role: 'billing' }]],
    ['the default to whom no rule gives a role', { groups: ['porters'] }, mapping.defaultRoles],
    ['no role for part of a name, or another case', { groups: ['nurse', 'Doctors'] }, mapping.defaultRoles],
  ])('%s', (_, claims, roles) => {
    expect(mapped(mapping, claims).roles).toEqual(roles)
  })

  test('tags by the values of a claim, each once whatever its case', () => {
    expect(mapped(mapping, { ward: ['East', 'east', 'West', '', ' ', 'x'.repeat(256)] }).tags).toEqual({
      team: ['east', 'West'],
    })
  })

  test('no tag where the claim is gone', () => {
    expect(mapped(mapping, {}).tags).toEqual({ team: [] })
  })
})

test('claims are shown to an administrator by their form, mapped ones by their values', () => {
  const claims = {
    ...{ sub: 'subject-1', email: 'ana@clinic.example', name: 'Ana', email_verified: true, exp: 17 },
    ...{ groups: ['nurses'], ward: 'East', realm_access: { roles: ['boss'] }, phone: ['+41 1'] },
    ...{
      address: { street: 'High Street', a: { b: { c: { d: { e: 1 } } } } },
      iss: 'https://idp.example',
    },
  }
  expect(maskedClaims(claims, mapping)).toEqual({
    ...{ sub: 's…', email: 'a…@clinic.example', name: 'A…', email_verified: true, exp: 17 },
    ...{ groups: ['nurses'], ward: 'East', realm_access: { roles: ['boss'] }, phone: ['+…'] },
    ...{ address: { street: 'H…', a: { b: { c: { d: '…' } } } }, iss: 'https://idp.example' },
  })
})
