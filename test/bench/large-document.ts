// An OpenAPI document as large as the largest public ones: 1,223 operations in the shape of a code-hosting API, or,
// where a path is given, a document of the reader's own (gzipped or not).
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const operationCount = 1_223
const parents = [
  'orgs/{org}',
  'repos/{owner}/{repo}',
  'users/{username}',
  'enterprises/{enterprise}',
  'teams/{team}',
]

export function largeDocument(path: string | undefined): { readonly name: string; readonly text: string } {
  if (path === undefined)
    return { name: `made, ${operationCount} operations`, text: JSON.stringify(madeDocument()) }
  const bytes = readFileSync(path)
  const text = (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString('utf8')
  return { name: path.split('/').at(-1) ?? path, text }
}

function madeDocument(): object {
  const paths: Record<string, Record<string, object>> = {}
  for (let i = 0; i < operationCount; i++) {
    const group = Math.floor(i / 4)
    const parent = parents[group % parents.length] ?? ''
    const collection = `/${parent}/things-${group}`
    const method = ['get', 'post', 'get', 'delete'][i % 4] ?? 'get'
    const path = i % 4 < 2 ? collection : `${collection}/{thing_id}`
    paths[path] = { ...paths[path], [method]: operation(path, `${method}Thing${i}`) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'A large API', version: '1.0.0' },
    servers: [{ url: 'https://api.large.example' }],
    paths,
    components: {
      schemas: {
        Thing: { type: 'object', properties: { id: { type: 'integer' }, name: { type: 'string' } } },
      },
    },
  }
}

function operation(path: string, operationId: string): object {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
  return {
    operationId,
    summary: `An operation on ${path}`,
    parameters: names.map((name) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: name === 'thing_id' ? 'integer' : 'string' },
    })),
    responses: {
      200: {
        description: 'ok',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } },
      },
    },
  }
}
