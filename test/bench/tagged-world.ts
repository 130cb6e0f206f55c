// A service of 400 operations whose resources have owners and two tags each, roles of 20 statements under conditions on
// both tags, a machine in each role, and requests to it. Everything follows from one seed: each run, and each rival in it,
// has the same.
import type { Caller, Method, Operation, OrganizationRole, ServiceModel } from '../../src/evaluator/model.ts'

const kindCount = 100
const organizations = Array.from({ length: 20 }, (_, i) => `org_${i}`)
const teams = Array.from({ length: 8 }, (_, i) => `team-${i}`)
const environmentNames = ['dev', 'stage', 'prod'] as const
const actions: readonly (readonly [Method, string])[] = [
  ['GET', ''],
  ['PUT', ''],
  ['DELETE', ''],
  ['POST', '/restart'],
]
const statementsPerRole = 20
const operationsPerStatement = 2

/** What a role says once: these operations, on resources of one's own team in one of these environments. */
export interface WorldStatement {
  readonly operations: readonly string[]
  readonly environments: readonly string[]
}

/** A machine with a role of its own. */
export interface WorldCaller {
  /** As a verified token says it. */
  readonly principal: Caller
  readonly id: string
  readonly organization: string
  readonly team: string
  readonly role: string
  readonly statements: readonly WorldStatement[]
}

export interface WorldResource {
  readonly id: string
  readonly owner: string
  readonly env: string
  readonly team: string
}

/** One request: as it is sent, and as a rival is asked, to whom it is told which operation and which resource that is. */
export interface WorldRequest {
  readonly method: Method
  readonly path: string
  readonly caller: WorldCaller
  readonly operation: string
  readonly resource: string
}

export interface TaggedWorld {
  readonly model: ServiceModel
  readonly callers: readonly WorldCaller[]
  readonly resources: ReadonlyMap<string, WorldResource>
}

export const entitlement: readonly string[] = Object.freeze(['everything'])

export interface WorldSize {
  readonly roles: number
  readonly resources: number
}

export function taggedWorld({ roles, resources }: WorldSize): TaggedWorld {
  const draw = drawFrom(roles)
  return {
    model: taggedModel(),
    callers: Array.from({ length: roles }, (_, i) => callerOf(i, draw)),
    resources: new Map(Array.from({ length: resources }, (_, i) => [resourceName(i), resourceOf(i)])),
  }
}

function taggedModel(): ServiceModel {
  const operations = Array.from({ length: kindCount }, (_, kind) =>
    actions.map(
      ([method, suffix]): Operation => ({
        ...{ id: operationId(method, kind), method, path: `/kind-${kind}/{id}${suffix}` },
        ...{ parameters: { id: { type: 'string' } }, alternatives: [], resourceParameter: 'id' },
      }),
    ),
  ).flat()
  const everything = { name: 'everything', grantable: true, inDefaultEntitlement: true, delegable: false }
  const allow = [{ operations: operations.map(({ id }) => id) }]
  const roles = [{ ...everything, include: [], allow }]
  return { basePaths: [''], operations, roles, resources: 'latchkey' }
}

function operationId(method: Method, kind: number): string {
  return `${method.toLowerCase()}Kind${kind}`
}

function callerOf(i: number, draw: Draw): WorldCaller {
  const [id, organization, team, role] = [
    `key_${i}`,
    organizations[i % organizations.length] ?? '',
    teams[draw(teams.length)] ?? '',
    `rol_${i}`,
  ]
  const tags = Object.freeze({ team: Object.freeze([team]) })
  const roles = Object.freeze([role])
  const principal: Caller = Object.freeze({ kind: 'key', id, organizationId: organization, roles, tags })
  const statements = Array.from({ length: statementsPerRole }, () => ({
    operations: Array.from({ length: operationsPerStatement }, () => drawnOperation(draw)),
    environments: draw(2) === 0 ? ['dev'] : ['stage', 'prod'],
  }))
  return { principal, id, organization, team, role, statements }
}

function drawnOperation(draw: Draw): string {
  return operationId(actions[draw(actions.length)]?.[0] ?? 'GET', draw(kindCount))
}

/** Kind, owner, team and environment each change at a pace of their own, so that every mixture of them is there. */
function resourceOf(i: number): WorldResource {
  const nth = Math.floor(i / (kindCount * organizations.length))
  return {
    id: `res-${i}`,
    owner: organizations[Math.floor(i / kindCount) % organizations.length] ?? '',
    team: teams[nth % teams.length] ?? '',
    env: environmentNames[Math.floor(nth / teams.length) % environmentNames.length] ?? 'dev',
  }
}

/** As Latchkey registers it. */
function resourceName(i: number): string {
  return inOnePiece(`/kind-${i % kindCount}/{res-${i}}`)
}

/** As texts are that come from a socket or a store. One that was put together is kept as its pieces until it is used. */
function inOnePiece(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

export function roleOf({ role, organization, statements }: WorldCaller): OrganizationRole {
  const allow = statements.map(({ operations, environments }) => ({
    operations,
    where: whereOf(environments),
  }))
  return { id: role, organizationId: organization, allow }
}

function whereOf(environments: readonly string[]): string {
  const [only = '', ...others] = environments
  const ofEnvironment =
    others.length === 0
      ? `$resourceTags:env = '${only}'`
      : `$resourceTags:env IN (${environments.map((one) => `'${one}'`).join(', ')})`
  return `${ofEnvironment} AND $resourceTags:team = $principalTags:team`
}

/** What a request goes wrong by; most go right. */
type Wish = 'right' | 'foreign' | 'unregistered' | 'unfit' | 'operation_at_random'
const wishes: readonly Wish[] = [
  ...(['right', 'right', 'right', 'right'] as const),
  ...(['foreign', 'unregistered', 'unfit', 'operation_at_random'] as const),
]

/**
 * Requests as an API sees them: half of them right ones; of the others each a quarter goes to another organization's
 * resource, to one that nobody registered, to one of another team or environment, and to an operation at random.
 */
export function requestsTo(world: TaggedWorld, count: number): readonly WorldRequest[] {
  const draw = drawFrom(count)
  const requests: WorldRequest[] = []
  while (requests.length < count) {
    const request = requestTo(world, draw)
    if (request !== undefined) requests.push(request)
  }
  return requests
}

function requestTo({ callers, resources }: TaggedWorld, draw: Draw): WorldRequest | undefined {
  const caller = callers[draw(callers.length)]
  const statement = caller?.statements[draw(statementsPerRole)]
  const named = statement?.operations[draw(operationsPerStatement)]
  const wish = wishes[draw(wishes.length)]
  if (caller === undefined || statement === undefined || named === undefined) return undefined
  const operation = wish === 'operation_at_random' ? drawnOperation(draw) : named
  const kind = Number(/\d+$/.exec(operation)?.[0])
  const owner = organizations.indexOf(caller.organization) + (wish === 'foreign' ? 1 : 0)
  const i = resourceFor(caller, statement, wish === 'unfit', kind, owner % organizations.length, {
    first: draw(resources.size),
    count: resources.size,
  })
  if (i === undefined) return undefined
  const registered = wish === 'unregistered' ? i + resources.size : i
  const [method, suffix] = actions.find(([one]) => operation.startsWith(one.toLowerCase())) ?? ['GET', '']
  const path = inOnePiece(`/kind-${kind}/res-${registered}${suffix}`)
  return { method, path, caller, operation, resource: resourceName(registered) }
}

/** The first one, from somewhere on, of a kind and an owner that a statement's condition fits, or does not. */
function resourceFor(
  { team }: WorldCaller,
  { environments }: WorldStatement,
  isUnfit: boolean,
  kind: number,
  owner: number,
  { first, count }: { first: number; count: number },
): number | undefined {
  const step = kindCount * organizations.length
  for (let turn = 0; turn < count; turn += step) {
    const i = kind + kindCount * owner + step * Math.floor(((first + turn) % count) / step)
    const resource = resourceOf(i)
    const fits = resource.team === team && environments.includes(resource.env)
    if (fits !== isUnfit) return i
  }
  return undefined
}

type Draw = (below: number) => number

/** A linear congruential generator (Numerical Recipes' constants): chance that every run has alike. */
function drawFrom(seed: number): Draw {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
