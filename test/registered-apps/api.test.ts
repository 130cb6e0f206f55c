import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { send } from '../server/client.ts'
import { type Deployment, startDeployment } from '../server/deployment.ts'

let deployment: Deployment
beforeAll(async () => {
  deployment = await startDeployment()
  const { operator } = deployment
  await operator.importClinic()
  await operator.do('PATCH', '/services/clinic/sign-in', { registration: 'initial_access_token' })
})
afterAll(() => deployment.stop())

const register = (token: unknown, name = 'Notes') =>
  send(deployment.address, 'POST', '/clinic/oauth/register', {
    body: { client_name: name, redirect_uris: ['https://app.example/callback'] },
    headers: { authorization: `Bearer ${String(token)}` },
  })
const itemsOf = ({ json }: { readonly json: Readonly<Record<string, unknown>> }) =>
  Array.isArray(json['items']) ? json['items'] : []

describe('apps that registered themselves at a service', () => {
  test('are let in by a token that is made here, shown once, listed and deleted', async () => {
    const { operator } = deployment
    const path = '/services/clinic/initial-access-tokens'
    const { json } = await operator.do('POST', path, { name: 'partners', days: 1 })
    const token = json['initial_access_token']
    expect((await register(token)).status).toBe(201)
    const listed = await operator.do('GET', path)
    expect(itemsOf(listed)).toEqual([
      { id: json['id'], name: 'partners', expires_at: json['expires_at'], created_at: json['created_at'] },
    ])
    expect(listed.text).not.toContain(String(token))
    await operator.do('DELETE', `${path}/${String(json['id'])}`)
    expect((await register(token)).status).toBe(401)
    expect((await operator.try('DELETE', `${path}/${String(json['id'])}`)).status).toBe(404)
  })

  test('are listed, and gone for good once deleted', async () => {
    const { operator } = deployment
    const { json } = await operator.do('POST', '/services/clinic/initial-access-tokens', { name: 'x' })
    const app = await register(json['initial_access_token'], 'Calendar')
    const id = String(app.json['client_id'])
    const all = itemsOf(await operator.do('GET', '/services/clinic/apps'))
    expect(all).toContainEqual(
      expect.objectContaining({
        client_id: id,
        client_name: 'Calendar',
        redirect_uris: ['https://app.example/callback'],
        token_endpoint_auth_method: 'client_secret_basic',
      }),
    )
    const introspect = () =>
      send(deployment.address, 'POST', '/clinic/oauth/introspect', {
        body: 'token=x',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          authorization: `Basic ${btoa(`${id}:${String(app.json['client_secret'])}`)}`,
        },
      })
    expect((await introspect()).status).toBe(200)
    await operator.do('DELETE', `/services/clinic/apps/${id}`)
    expect((await operator.try('GET', `/services/clinic/apps/${id}`)).status).toBe(404)
    expect((await introspect()).status).toBe(401)
    const read = await send(deployment.address, 'GET', `/clinic/oauth/register/${id}`, {
      token: String(app.json['registration_access_token']),
    })
    expect(read.status).toBe(401)
  })

  test('are another service’s nothing', async () => {
    const { operator } = deployment
    await operator.importClinic('other')
    const { json } = await operator.do('POST', '/services/clinic/initial-access-tokens', { name: 'x' })
    const app = await register(json['initial_access_token'])
    const id = String(app.json['client_id'])
    expect((await operator.try('GET', `/services/other/apps/${id}`)).status).toBe(404)
    const tokens = `/services/other/initial-access-tokens/${String(json['id'])}`
    expect((await operator.try('DELETE', tokens)).status).toBe(404)
  })

  test('go with their service', async () => {
    const { operator } = deployment
    await operator.importClinic('gone')
    await operator.do('PATCH', '/services/gone/sign-in', { registration: 'open' })
    const body = { client_name: 'Notes', redirect_uris: ['https://app.example/callback'] }
    expect((await send(deployment.address, 'POST', '/gone/oauth/register', { body })).status).toBe(201)
    const asked = await operator.try('DELETE', '/services/gone')
    expect(asked.text).toContain('"what":"registered apps","count":1')
    await operator.do('DELETE', '/services/gone?confirm=gone')
  })
})
