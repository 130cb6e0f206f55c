import type { ResourceFact } from '../evaluator/model.ts'
import type {
  Bundle,
  FactKind,
  Facts,
  OrganizationFact,
  RegisteredResource,
  RoleFact,
  StreamEvent,
  WireRevocation,
} from './bundle.ts'
import { modelOfWire, roleOfWire } from './filtered-wire.ts'
import { isRequestShape } from './request-shape.ts'

// What comes from the server or from disk, read once at the edge. Unknown members are let be: a newer server may say
// more. A revocation of an unknown kind is not: to pass over it would let an ended token live.

/** The server (or a copy) said something that is not of its form. */
export class WireError extends Error {
  override readonly name: string = 'WireError'
}

type Json = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText)
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function isListOf(value: unknown, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isOne)
}

function isMapOf(value: unknown, isOne: (one: unknown) => boolean): boolean {
  return isObject(value) && Object.values(value).every(isOne)
}

function isStatement(value: unknown): boolean {
  return (
    isObject(value) &&
    isTexts(value['operations']) &&
    (value['where'] === undefined || isText(value['where'])) &&
    (value['fields'] === undefined || isTexts(value['fields']))
  )
}

function isFilterStatement(value: unknown): boolean {
  return (
    isObject(value) &&
    isTexts(value['operations']) &&
    isTexts(value['fields']) &&
    (value['mask'] === undefined || isText(value['mask']))
  )
}

/** What a role says: a limit that cannot be read is none that could be passed over. */
function isStatements(role: Json): boolean {
  return (
    isListOf(role['allow'], isStatement) &&
    (role['filtered'] === undefined || isListOf(role['filtered'], isStatement)) &&
    (role['filter'] === undefined || isListOf(role['filter'], isFilterStatement))
  )
}

function isStepUp(value: unknown): boolean {
  return (
    isObject(value) &&
    ['undefined', 'number'].includes(typeof value['maxAgeSeconds']) &&
    (value['acrValues'] === undefined || isTexts(value['acrValues']))
  )
}

function isOperation(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value['id']) &&
    isText(value['method']) &&
    isText(value['path']) &&
    isMapOf(value['parameters'], isObject) &&
    isListOf(value['alternatives'], isTexts) &&
    (value['filteredAlternatives'] === undefined || isListOf(value['filteredAlternatives'], isTexts)) &&
    (value['request'] === undefined || isRequestShape(value['request'])) &&
    (value['stepUp'] === undefined || isStepUp(value['stepUp'])) &&
    (value['public'] === undefined || value['public'] === true) &&
    (value['namespace'] === undefined || isNamespace(value['namespace'])) &&
    (value['creates'] === undefined || isCreated(value['creates'])) &&
    ['undefined', 'string'].includes(typeof value['organizationParameter'])
  )
}

function isCreated(value: unknown): boolean {
  return isObject(value) && isText(value['resource']) && isText(value['id'])
}

function isNamespace(value: unknown): boolean {
  return value === 'organization' || (isObject(value) && isText(value['parameter']))
}

function isRole(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value['name']) &&
    typeof value['grantable'] === 'boolean' &&
    typeof value['delegable'] === 'boolean' &&
    isTexts(value['include']) &&
    isStatements(value)
  )
}

function isModel(value: unknown): boolean {
  return (
    isObject(value) &&
    isTexts(value['basePaths']) &&
    (value['resources'] === undefined || value['resources'] === 'latchkey') &&
    isListOf(value['operations'], isOperation) &&
    isListOf(value['roles'], isRole)
  )
}

function isService(value: unknown): boolean {
  return (
    isObject(value) &&
    ['id', 'slug', 'issuer', 'audience'].every((name) => isText(value[name]) && value[name] !== '') &&
    typeof value['access_token_ttl_seconds'] === 'number'
  )
}

function isRevocation(value: unknown): boolean {
  if (!isObject(value) || !isText(value['forget_at'])) return false
  // The cast has the compiler check the names below; whatever is none of them is refused.
  switch (value['kind'] as WireRevocation['kind']) {
    case 'authority':
      return isText(value['of']) && isPosition(value['lowest'])
    case 'jti':
      return isText(value['jti'])
    case 'grant':
      return isText(value['grant_id'])
    case 'role':
      return isText(value['role_id'])
    case 'signing_key':
      return isText(value['kid'])
    default:
      return false
  }
}

/** @throws {WireError} */
export function parseBundle(value: unknown): Bundle {
  const isBundle =
    isObject(value) &&
    isPosition(value['position']) &&
    isText(value['server_time']) &&
    !Number.isNaN(Date.parse(value['server_time'])) &&
    isService(value['service']) &&
    isModel(value['model']) &&
    isObject(value['signing_keys']) &&
    isListOf(value['signing_keys']['keys'], isObject) &&
    isListOf(value['revocations'], isRevocation)
  if (!isBundle) throw new WireError('this is not the bundle of a service')
  // Sound: each member that is read has just been looked at.
  const bundle = value as unknown as Bundle
  return { ...bundle, model: modelOfWire(bundle.model) }
}

function isRoleFact(value: unknown): value is RoleFact | null {
  return value === null || (isObject(value) && isText(value['organization_id']) && isStatements(value))
}

function isOrganizationFact(value: unknown): value is OrganizationFact | null {
  if (value === null) return true
  return isObject(value) && isText(value['state']) && isTexts(value['entitlement'])
}

function isTags(value: unknown): boolean {
  return isMapOf(value, isTexts)
}

function isResourceFact(value: unknown): value is ResourceFact | null {
  return value === null || (isObject(value) && isText(value['owner']) && isTags(value['tags']))
}

/** @throws {WireError} */
export function parseFacts(value: unknown): Facts {
  const isFacts =
    isObject(value) &&
    isPosition(value['position']) &&
    isMapOf(value['roles'], isRoleFact) &&
    isMapOf(value['organizations'], isOrganizationFact) &&
    isMapOf(value['resources'], isResourceFact)
  if (!isFacts) throw new WireError('this is not an answer about facts')
  // Sound: as above.
  const facts = value as unknown as Facts
  const roles = Object.entries(facts.roles).map(
    ([id, role]) => [id, role === null ? null : roleOfWire(role)] as const,
  )
  return { ...facts, roles: Object.fromEntries(roles) }
}

/** @throws {WireError} */
export function parseRegistered(value: unknown): RegisteredResource {
  const isRegistered =
    isObject(value) && isText(value['name']) && isText(value['organization_id']) && isTags(value['tags'])
  if (!isRegistered) throw new WireError('this is not an answer about a resource')
  // Sound: as above.
  return value as unknown as RegisteredResource
}

/** @throws {WireError} */
export function parseStreamEvent(event: string, data: string): StreamEvent | undefined {
  const value = parseJson(data)
  if (event === 'reset') return { event }
  if (!isObject(value)) throw new WireError('an event of the stream is not an object')
  const {
    position,
    feed_age_ms,
    bundle,
    revocations = [],
    roles = [],
    organizations = [],
    resources = [],
  } = value
  if (event === 'heartbeat') {
    if (!isPosition(position) || typeof feed_age_ms !== 'number')
      throw new WireError('a heartbeat lacks its age')
    return { event, position, feed_age_ms }
  }
  // Kinds of events that are not known yet change nothing that is known.
  if (event !== 'change') return undefined
  if (!isListOf(revocations, isRevocation) || ![roles, organizations, resources].every(isTexts))
    throw new WireError('an event of the stream has an unknown form')
  // Sound: each member has just been looked at.
  const entries = revocations as readonly WireRevocation[]
  const named = { roles, organizations, resources } as Record<FactKind, readonly string[]>
  return { event, ...(bundle === true ? { bundle } : {}), revocations: entries, ...named }
}

/** @throws {WireError} */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new WireError('this is not JSON', { cause })
  }
}
