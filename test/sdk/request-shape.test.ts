import { beforeAll, describe, expect, test } from 'vitest'
import { parseBundle } from '../../src/sdk/parse-wire.ts'
import { clinicBundle, type Issuer, makeIssuer } from './clinic-issuer.ts'

let issuer: Issuer
beforeAll(async () => {
  issuer = await makeIssuer()
})

/** A bundle whose operations say that of their requests. */
function bundleWith(request: unknown): unknown {
  const { model, ...rest } = clinicBundle(issuer)
  const operations = model.operations.map((one) => ({
    ...one,
    ...(request === undefined ? {} : { request }),
  }))
  const more = { position: 1, server_time: '2030-01-01T12:00:00Z', revocations: [] }
  return structuredClone({ ...rest, ...more, model: { ...model, operations } })
}

describe('what a bundle says of requests', () => {
  test.each([
    ['nothing, as older servers do', undefined],
    ['neither query nor body', {}],
    [
      'all that there is',
      {
        query: {
          a: { type: 'integer', array: 'comma' },
          b: { unreadable: true },
          c: { deepObject: { members: {} } },
        },
        body: { members: { a: 'string', b: { items: 'any' } }, open: true },
        otherBody: true,
      },
    ],
    ['what a newer server says beside', { query: { a: { type: 'string', later: 1 } }, later: true }],
  ])('is taken as it is: %s', (_, request) => {
    expect(parseBundle(bundleWith(request))).toEqual(bundleWith(request))
  })

  test.each([
    [[]],
    ['any'],
    [{ query: [] }],
    [{ query: { a: 'string' } }],
    [{ query: { a: { type: 'date' } } }],
    [{ query: { a: { array: 'tab' } } }],
    [{ query: { a: { deepObject: {} } } }],
    [{ query: { a: { unreadable: false } } }],
    [{ body: null }],
    [{ body: 'object' }],
    [{ body: { items: undefined } }],
    [{ body: { members: { a: { members: { b: 'date' } } } } }],
    [{ body: { members: {}, open: 'yes' } }],
    [{ otherBody: false }],
    [{ body: Array.from({ length: 100 }).reduce((items) => ({ items }), 'any') }],
  ])('is refused where it is not understood: %j', (request) => {
    expect(() => parseBundle(bundleWith(request))).toThrow('not the bundle of a service')
  })
})
