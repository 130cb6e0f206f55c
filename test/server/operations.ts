import { objectIn, send } from './client.ts'

/** An operation of the management API, as the served document tells of it. */
export interface DocumentedOperation {
  readonly id: string
  readonly method: string
  /** With `{parameters}`. */
  readonly template: string
  readonly parameters: readonly string[]
  /** Of the body, if it takes one. */
  readonly example: unknown
  readonly takesBody: boolean
  /** Where the body is an OpenAPI document, not JSON of our own. */
  readonly takesDocument: boolean
  readonly queryParameters: readonly string[]
}

const methods = ['get', 'post', 'put', 'patch', 'delete']

/** Every operation of `/openapi.json`. */
export async function documentedOperations(address: string): Promise<readonly DocumentedOperation[]> {
  const { json } = await send(address, 'GET', '/openapi.json')
  return Object.entries(member(json, 'paths')).flatMap(([template, item]) =>
    methods
      .filter((method) => Object.hasOwn(objectOf(item), method))
      .map((method) => described(template, method, member(objectOf(item), method))),
  )
}

function described(template: string, method: string, operation: Json): DocumentedOperation {
  const content = member(member(operation, 'requestBody'), 'content')
  const parameters = operation['parameters']
  const inQuery = (Array.isArray(parameters) ? parameters : [])
    .map(objectOf)
    .filter((one) => one['in'] === 'query')
  return {
    id: String(operation['operationId']),
    method: method.toUpperCase(),
    template,
    parameters: Array.from(template.matchAll(/\{([^}]+)\}/g), ([, name = '']) => name),
    example: member(content, 'application/json')['example'],
    takesBody: Object.keys(content).length > 0,
    takesDocument: Object.hasOwn(content, 'application/yaml'),
    queryParameters: inQuery.map((one) => String(one['name'])),
  }
}

type Json = Readonly<Record<string, unknown>>

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

/** The member of a JSON object that is an object; empty if it is not there. */
export function member(object: Json, name: string): Json {
  return objectOf(object[name])
}

/** The objects of a list's page. */
export function itemsOf(text: string): readonly Json[] {
  const { items } = objectIn(text)
  return Array.isArray(items) ? items.map(objectOf) : []
}

/** The path with these values in it; a parameter without one gets an id that nothing has. */
export function pathOf(
  { template }: Pick<DocumentedOperation, 'template'>,
  values: Readonly<Record<string, string>> = {},
): string {
  return template.replaceAll(/\{([^}]+)\}/g, (_, name: string) => values[name] ?? absent(name))
}

const prefixes: Readonly<Record<string, string>> = {
  assumption: 'asm',
  organization: 'org',
  entitled_organization: 'org',
  key: 'key',
  mail: 'mal',
  connection: 'con',
  domain: 'dom',
  resource: 'res',
  role: 'rol',
  service: 'svc',
  user: 'usr',
}

/** An id of the right form that nothing has. */
export function absent(parameter: string): string {
  return `${prefixes[parameter] ?? 'evt'}_00000000000000000000000000`
}

export function isOwnOrganizations({ template }: DocumentedOperation): boolean {
  return /^\/api\/v1\/organizations\/\{organization\}(\/|$)/.test(template)
}
