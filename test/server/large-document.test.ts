import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { afterAll, expect, test } from 'vitest'
import { largeDocument } from '../bench/large-document.ts'
import { send, tokenOf } from './client.ts'
import { startDeployment } from './deployment.ts'

const deployment = await startDeployment()
afterAll(() => deployment.stop())
const { address, operator } = deployment

/** An API that answers everything its guard lets through. */
async function apiBehindGuard() {
  const guard = await operator.guard(await operator.makeGuardKey('large'), 'large')
  const app = new Koa().use(guard.koa()).use((ctx) => {
    ctx.body = { done: true }
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  afterAll(() => {
    void guard.close()
    server.close()
  })
  // A server that listens on a port, not on a pipe, has an `AddressInfo`.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a document of 1,223 operations is imported; a key bound to one of them opens that one and no other', async () => {
  await operator.importDocument('large', largeDocument(undefined).text)
  const { json } = await operator.do('GET', '/services/large')
  expect(json['operation_count']).toBe(1_223)

  const api = await apiBehindGuard()
  const role = await operator.makeRole(operator.organizationId, ['GET /users/{username}/things-7'], 'large')
  const key = await operator.makeKey(operator.organizationId, { service: 'large', role })
  const token = await tokenOf(address, key, 'large')

  expect((await send(api, 'GET', '/users/ada/things-7', { token })).status).toBe(200)
  for (const [method, path] of [
    ['POST', '/users/ada/things-7'],
    ['GET', '/users/ada/things-7/12'],
    ['DELETE', '/users/ada/things-7/12'],
    ['GET', '/users/ada/things-12'],
    ['GET', '/orgs/acme/things-0'],
    ['GET', '/repos/acme/tools/things-1/3'],
  ] as const)
    expect([path, (await send(api, method, path, { token })).status]).toEqual([path, 403])
  expect((await send(api, 'GET', '/users/ada/things-7')).status).toBe(401)
  expect((await send(api, 'GET', '/nowhere', { token })).status).toBe(404)
  expect((await send(api, 'PUT', '/users/ada/things-7', { token })).status).toBe(405)
})

test('every one of its operations is listed, a page at a time', async () => {
  const ids = new Set<unknown>()
  let cursor = ''
  do {
    const path = `/services/large/operations?limit=200${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
    const { json } = await operator.do('GET', path)
    const { items, next_cursor: next } = json
    if (Array.isArray(items)) for (const { id } of items) ids.add(id)
    cursor = typeof next === 'string' ? next : ''
  } while (cursor !== '')
  expect(ids.size).toBe(1_223)
})
