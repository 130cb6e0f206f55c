// The Model Context Protocol's own client and server: all but the guard and the issuer is theirs.
import { createServer, type Server } from 'node:http'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { McpServer } from '@modelcontextprotocol/server'
import express from 'express'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Browser } from '../../examples/clinic/demo/browser.ts'
import { createGuard, type Guard } from '../../src/sdk/index.ts'
import { freePort } from '../server/deployment.ts'
import { itemsOf } from '../server/operations.ts'
import { type Clinic, type Landing, startClinic, startLanding } from './clinic.ts'
import { McpMemory, McpMemoryOfVersion1 } from './mcp-memory.ts'

let clinic: Clinic
let guard: Guard
let server: Server
let landing: Landing
let address: URL
let person: Browser
beforeAll(async () => {
  const port = await freePort()
  address = new URL(`http://127.0.0.1:${port}/mcp`)
  landing = await startLanding()
  clinic = await startClinic({ document: toolsDocument(address.origin), role: 'patients:read' })
  await clinic.operator.do('PATCH', '/services/clinic/sign-in', { registration: 'open' })
  const { secret: key } = await clinic.operator.makeGuardKey()
  guard = createGuard({ latchkey: clinic.origin, service: 'clinic', key, resourceMetadata: true })
  await guard.ready()
  server = serveTools(guard).listen(port, '127.0.0.1')
})
beforeEach(() => {
  person = new Browser()
})
afterAll(async () => {
  server?.closeAllConnections()
  server?.close()
  await guard?.close()
  landing?.stop()
  await clinic?.stop()
})

/** The document of an API whose one operation is the protocol's endpoint. */
function toolsDocument(origin: string): string {
  const flow = { authorizationUrl: `${origin}/authorize`, tokenUrl: `${origin}/token` }
  const scopes = { 'patients:read': 'See the practice’s patients' }
  const responses = { default: { description: 'JSON-RPC' } }
  return JSON.stringify({
    ...{ openapi: '3.1.0', info: { title: 'Clinic tools', version: '1' }, servers: [{ url: origin }] },
    security: [{ clinic: ['patients:read'] }],
    paths: { '/mcp': { post: { operationId: 'useTools', responses } } },
    components: {
      securitySchemes: { clinic: { type: 'oauth2', flows: { authorizationCode: { ...flow, scopes } } } },
    },
  })
}

/** A server with one tool, behind a guard. */
function serveTools(gate: Guard): Server {
  const app = express()
  app.use(gate.express())
  app.post('/mcp', async (request, response) => {
    const tools = new McpServer({ name: 'clinic', version: '1.0.0' })
    tools.registerTool('list_patients', { description: 'The patients of the practice' }, () => ({
      content: [{ type: 'text', text: 'Ada Quill' }],
    }))
    const transport = new NodeStreamableHTTPServerTransport({})
    await tools.connect(transport)
    await transport.handleRequest(request, response)
  })
  return createServer(app)
}

const connect = async (memory: McpMemory) => {
  const transport = new StreamableHTTPClientTransport(address, { authProvider: memory })
  const client = new Client({ name: 'desk-assistant', version: '1.0.0' })
  return { transport, client, connected: client.connect(transport) }
}

/** Connects with nothing but the server's address; ends where the person signs in, at the page after that. */
async function begin(memory: McpMemory) {
  const { transport, connected } = await connect(memory)
  await expect(connected).rejects.toThrow(UnauthorizedError)
  const page = await clinic.signIn(person, await person.open(memory.sentTo))
  return { transport, page }
}

const letAppsIn = (policy: object) =>
  clinic.operator.do('PATCH', `/organizations/${clinic.organization}/apps`, policy)

describe('a client of the Model Context Protocol that knows the server’s address alone', () => {
  test('by default, the person reads that their administrator must allow the app, and then goes on', async () => {
    const memory = new McpMemory(`${landing.origin}/callback`)
    const { page } = await begin(memory)
    expect(page.title).toContain('Harbour Street has to approve this app')
    expect(page.text).toContain('Desk assistant cannot act for you yet')
    const events = await clinic.operator.do('GET', `/organizations/${clinic.organization}/audit-events`)
    const asked = itemsOf(events.text).find(({ type }) => type === 'app.requested')
    expect(asked).toMatchObject({ details: { app: 'Desk assistant', client_id: memory.clientId } })
    await letAppsIn({ approved: [memory.clientId] })
    expect((await person.open(page.url)).buttons).toEqual(['Allow', 'Deny'])
    await letAppsIn({ approved: [] })
  })

  test.each([
    ['today', McpMemory],
    ['of version 1 (whose resource ends with a slash)', McpMemoryOfVersion1],
  ])(
    '%s discovers, registers and gets a token with nothing set up by hand, and uses the tools',
    async (_, Kind) => {
      await letAppsIn({ unverified: 'allow' })
      const memory = new Kind(`${landing.origin}/callback`)
      const { transport, page } = await begin(memory)
      expect(page.text).toContain('See the practice’s patients')
      const back = await person.press(page, 'Allow')
      await transport.finishAuth(new URL(back.url).searchParams)
      expect(decodeJwt(memory.tokens()?.access_token ?? '')).toMatchObject({
        ...{ iss: clinic.issuer, aud: address.origin, sub: clinic.ines, org_id: clinic.organization },
        ...{ client_id: memory.clientId, scope: 'patients:read' },
      })
      const { client, connected } = await connect(memory)
      await connected
      const said = await client.callTool({ name: 'list_patients' })
      expect(said.content).toEqual([{ type: 'text', text: 'Ada Quill' }])
      await client.close()
    },
  )
})
