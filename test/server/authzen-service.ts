import { send, tokenOf } from './client.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { addPerson } from './people.ts'

// What the examples of the AuthZEN Authorization API 1.0 speak of, and the fixture of its certification scenario, as a
// service: accounts, documents and todos that are opened by scopes, and records with operations of their own.

const scopes = ['can_read', 'can_edit', 'can_write']
const owned = (kind: string) => ({
  [`/${kind}s/{id}`]: {
    parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
    get: operation(`get_${kind}`, 'can_read'),
    put: operation(`put_${kind}`, 'can_edit'),
  },
})

function operation(operationId: string, scope?: string, more: object = {}) {
  return {
    operationId,
    responses: { 200: { description: 'Done.' } },
    security: [{ oauth: scope === undefined ? [] : [scope] }],
    ...more,
  }
}

const soft = { name: 'soft', in: 'query', schema: { type: 'boolean' } }

const todoDocument = JSON.stringify({
  openapi: '3.1.0',
  info: { title: 'Todo', version: '1.0.0' },
  servers: [{ url: 'https://todo.example/v1' }],
  components: {
    securitySchemes: {
      oauth: {
        type: 'oauth2',
        flows: {
          clientCredentials: {
            tokenUrl: 'https://todo.example/token',
            scopes: Object.fromEntries(scopes.map((name) => [name, name])),
          },
        },
      },
    },
  },
  'x-latchkey-roles': {
    records: {
      grantable: true,
      allow: [
        { operations: ['read'], where: "$principal:kind = 'user'" },
        {
          operations: ['write'],
          where:
            "($principal:kind = 'user' AND $principalTags:team = 'editors' AND $resourceTags:status = 'active') OR " +
            "($principalTags:role = 'admin' AND $resourceTags:status = 'archived')",
        },
        {
          operations: ['get_note'],
          where: "$resourceTags:secret = 'no' AND $resourceTags:status = 'active'",
        },
        {
          operations: ['delete'],
          where: "$principalTags:team = 'editors' AND $request:soft = TRUE",
        },
      ],
    },
  },
  paths: {
    ...owned('account'),
    ...owned('document'),
    ...owned('todo'),
    '/documents': { post: operation('create_document', 'can_write') },
    '/records/{recordId}': {
      parameters: [{ name: 'recordId', in: 'path', required: true, schema: { type: 'string' } }],
      get: operation('read'),
      put: operation('write'),
      delete: operation('delete', undefined, { parameters: [soft] }),
    },
    '/records/{recordId}/notes/{noteId}': {
      parameters: ['recordId', 'noteId'].map((name) => ({
        ...{ name, in: 'path', required: true, schema: { type: 'string' } },
      })),
      get: operation('get_note'),
    },
  },
})

export interface TodoService {
  readonly deployment: Deployment
  readonly token: string
  readonly organizationId: string
  readonly otherOrganizationId: string
  readonly alice: string
  readonly bob: string
  ask(path: string, body: unknown, headers?: Readonly<Record<string, string>>): ReturnType<typeof send>
  register(path: string, organization: string, tags?: object): Promise<void>
}

/** A deployment with the service `todo`, whose resources Latchkey knows, and alice and bob, who have all scopes but to edit. */
export async function startTodoService(
  more: Parameters<typeof startDeployment>[0] = {},
): Promise<TodoService> {
  const deployment = await startDeployment(more)
  const { operator, address } = deployment
  await operator.importDocument('todo', todoDocument)
  const path = `/organizations/${operator.organizationId}/services/todo`
  await operator.do('PATCH', path, { resources: 'latchkey' })
  const token = await tokenOf(address, await operator.makeGuardKey('todo'))
  const [organizationId, otherOrganizationId] = [
    await operator.makeOrganization(),
    await operator.makeOrganization(),
  ]
  const register = async (path: string, organization: string, tags = {}) => {
    const reply = await send(address, 'POST', '/todo/resources', {
      token,
      body: { path, organization, tags },
    })
    if (reply.status !== 200) throw new Error(reply.text)
  }
  const person = async (name: string, tags: object) => {
    const { id } = await addPerson(operator, organizationId, `${name}@acmecorp.com`, {
      service: 'todo',
      role: 'can_read',
    })
    const roles = ['can_read', 'records'].map((role) => ({ service: 'todo', role }))
    await operator.do('PATCH', `/organizations/${organizationId}/users/${id}`, { roles, tags })
    return id
  }
  return {
    ...{ deployment, token, organizationId, otherOrganizationId, register },
    alice: await person('alice', { team: ['editors'] }),
    bob: await person('bob', { role: ['admin'] }),
    ask: (path, body, headers = {}) =>
      send(address, 'POST', `/todo/access/v1/${path}`, { token, body, headers }),
  }
}
