import { beforeAll, describe, expect, test } from 'vitest'
import { parseBundle, parseFacts } from '../../src/sdk/parse-wire.ts'
import { clinicBundle, type Issuer, makeIssuer } from './clinic-issuer.ts'

let issuer: Issuer
beforeAll(async () => {
  issuer = await makeIssuer()
})

function bundleWith(limits: object): unknown {
  const { model, ...rest } = clinicBundle(issuer)
  const roles = model.roles.map((role) => ({ ...role, ...limits }))
  const more = { position: 1, server_time: '2030-01-01T12:00:00Z', revocations: [] }
  return structuredClone({ ...rest, ...more, model: { ...model, roles } })
}

function factsWith(limits: object): unknown {
  const role = { organization_id: 'org_1', allow: [], ...limits }
  return structuredClone({ position: 1, roles: { rol_1: role }, organizations: {}, resources: {} })
}

const operations = ['listPatients']

describe('what a role says, in a bundle and among the facts', () => {
  test.each([
    { allow: [{ operations }] },
    { allow: [{ operations, where: "$resourceTags:env = 'dev'", fields: ['a.b'] }] },
    { filter: [{ operations, fields: ['name'] }] },
    { filter: [{ operations, fields: ['name'], mask: '***' }], later: true },
  ])('is taken as it is: %j', (limits) => {
    expect(parseBundle(bundleWith(limits))).toEqual(bundleWith(limits))
    expect(parseFacts(factsWith(limits))).toEqual(factsWith(limits))
  })

  test.each([
    { allow: [{ operations, where: ['a'] }] },
    { allow: [{ operations, fields: 'a' }] },
    { allow: [{ operations, fields: [1] }] },
    { filter: null },
    { filter: {} },
    { filter: [{ operations }] },
    { filter: [{ operations, fields: 'name' }] },
    { filter: [{ operations: 'listPatients', fields: ['name'] }] },
    { filter: [{ operations, fields: ['name'], mask: 1 }] },
  ])('is refused where a limit cannot be read: %j', (limits) => {
    expect(() => parseBundle(bundleWith(limits))).toThrow('not the bundle of a service')
    expect(() => parseFacts(factsWith(limits))).toThrow('not an answer about facts')
  })
})
