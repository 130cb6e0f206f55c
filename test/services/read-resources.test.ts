import { describe, expect, test } from 'vitest'
import { readDocument } from '../../src/services/read-document.ts'

const id = (name: string) => ({ name, in: 'path', required: true, schema: { type: 'string' } })
const ok = { responses: { 200: { description: 'ok' } } }

function documentWith(paths: Record<string, unknown>): string {
  return JSON.stringify({
    openapi: '3.1.0',
    info: { title: 'Clusters', version: '1' },
    servers: [{ url: 'https://api.example' }],
    paths,
  })
}

const clusters = (post: Record<string, unknown> = {}, get: Record<string, unknown> = {}) => ({
  '/clusters': { post: { ...ok, operationId: 'makeCluster', ...post } },
  '/clusters/{clusterId}': {
    parameters: [id('clusterId')],
    get: { ...ok, operationId: 'getCluster', ...get },
  },
})
const read = async (paths: Record<string, unknown>) =>
  (await readDocument(documentWith(paths))).model.operations
const faultsOf = async (paths: Record<string, unknown>) => {
  const error: unknown = await readDocument(documentWith(paths)).catch((cause: unknown) => cause)
  return error
}

describe('x-latchkey-creates', () => {
  test('of an operation that is open to anybody is refused: nobody would own what is made', async () => {
    const creates = { resource: '/clusters/{clusterId}', id: '/id' }
    const pointer = '/paths/~1clusters/post/x-latchkey-creates'
    expect(await faultsOf(clusters({ security: [], 'x-latchkey-creates': creates }))).toMatchObject({
      faults: [{ pointer, fix: expect.stringContaining('security') }],
    })
  })

  test('says which resource an operation makes, and where its id is', async () => {
    const creates = { resource: '/clusters/{clusterId}', id: '/data/id' }
    const document = documentWith(clusters({ 'x-latchkey-creates': creates }))
    const { model, warnings } = await readDocument(document)
    expect(model.operations[0]?.creates).toEqual(creates)
    expect(warnings).toEqual([])
  })

  test.each([
    [{ resource: '/cluster/{clusterId}', id: '/id' }, '/resource', 'did you mean /clusters/{clusterId}?'],
    [{ resource: '/clusters/{clusterId}', id: 'id' }, '/id', expect.stringContaining('JSON pointer')],
    ['/clusters/{clusterId}', '', expect.stringContaining('write {')],
    [
      { resource: '/clusters/{clusterId}', id: '/id', where: 'header' },
      '',
      expect.stringContaining('write {'),
    ],
  ])('%j is refused with its place', async (creates, at, fix) => {
    const pointer = `/paths/~1clusters/post/x-latchkey-creates${at}`
    expect(await faultsOf(clusters({ 'x-latchkey-creates': creates }))).toMatchObject({
      code: 'document_refused',
      faults: [expect.objectContaining({ pointer, fix })],
    })
  })

  test('is compared with what the document says of the answer', async () => {
    const schema = { type: 'object', properties: { data: { type: 'object', properties: { uid: {} } } } }
    const responses = { 201: { description: 'made', content: { 'application/json': { schema } } } }
    const creates = { resource: '/clusters/{clusterId}', id: '/data/uidd' }
    expect(await faultsOf(clusters({ responses, 'x-latchkey-creates': creates }))).toMatchObject({
      faults: [
        expect.objectContaining({ detail: 'the answer has no member uidd there', fix: 'did you mean uid?' }),
      ],
    })
  })

  test('takes the other parameters of the resource from its own path', async () => {
    const nodes = {
      ...clusters(),
      '/nodes': {
        post: { ...ok, 'x-latchkey-creates': { resource: '/clusters/{clusterId}/nodes/{node}', id: '/id' } },
      },
      '/clusters/{clusterId}/nodes/{node}': {
        parameters: [id('clusterId'), id('node')],
        get: { ...ok },
      },
    }
    expect(await faultsOf(nodes)).toMatchObject({
      faults: [
        expect.objectContaining({ detail: expect.stringContaining('{clusterId} is no parameter of') }),
      ],
    })
  })
})

describe('x-latchkey-namespace', () => {
  test('is a parameter of the path, or the organization', async () => {
    const [, own] = await read(clusters({}, { 'x-latchkey-namespace': 'organization' }))
    expect(own?.namespace).toBe('organization')
    const [, given] = await read(clusters({}, { 'x-latchkey-namespace': 'clusterId' }))
    expect(given?.namespace).toEqual({ parameter: 'clusterId' })
  })

  test('is never a header', async () => {
    expect(await faultsOf(clusters({}, { 'x-latchkey-namespace': 'X-Tenant' }))).toMatchObject({
      faults: [
        expect.objectContaining({ pointer: '/paths/~1clusters~1{clusterId}/get/x-latchkey-namespace' }),
      ],
    })
  })

  test('is one for each kind of resource', async () => {
    const paths = clusters({}, { 'x-latchkey-namespace': 'organization' })
    const inRegion = {
      '/clusters/{id}/in/{region}': {
        parameters: [id('id'), id('region')],
        get: { ...ok, 'x-latchkey-resource': 'id', 'x-latchkey-namespace': 'region' },
      },
    }
    expect(await faultsOf({ ...paths, ...inRegion })).toMatchObject({
      faults: [expect.objectContaining({ fix: 'give one kind of resource one namespace' })],
    })
    expect(await faultsOf({ ...clusters(), ...inRegion })).toMatchObject({
      faults: [expect.objectContaining({ detail: expect.stringContaining('which this path does not have') })],
    })
  })
})
