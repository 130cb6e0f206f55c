import { DomainError } from '../errors.ts'
import type { ResourceFact } from '../evaluator/model.ts'
import { parseId } from '../ids.ts'
import { roles } from '../roles/role.ts'
import type { Facts, FactsQuestion, OrganizationFact, RoleFact } from '../sdk/bundle.ts'
import { wireRole } from '../sdk/filtered-wire.ts'
import { findEntitled } from '../services/find-entitled.ts'
import type { Service } from '../services/service.ts'
import type { Position, Records } from '../storage/ports.ts'
import { findResource } from '../tags/resource.ts'

interface Deps {
  readonly records: Records
  /** Not the cached ones: of many resources each is asked for once, and would push out what is asked for always. */
  readonly resourceRecords: Records
  readonly position: () => Position
}

/** So many roles, organizations and resources may be asked for in one question. */
export const factsAskedMax = 100

/**
 * Answers what a guard of the service asks: `null` for what is absent, and for what is another service's, or may use nothing
 * of this one, alike.
 */
export async function factsFor(deps: Deps, service: Service, question: FactsQuestion): Promise<Facts> {
  const position = deps.position()
  const [roleFacts, organizationFacts, resources] = await Promise.all([
    answers(question.roles, (id) => wireRoleFact(deps.records, service, id)),
    answers(question.organizations, (id) => organizationFact(deps.records, service, id)),
    answers(question.resources, (name) => resourceFact(deps.resourceRecords, service, name)),
  ])
  return { position, roles: roleFacts, organizations: organizationFacts, resources }
}

async function answers<F>(
  names: readonly string[],
  answer: (name: string) => Promise<F | null>,
): Promise<Readonly<Record<string, F | null>>> {
  if (names.length > factsAskedMax) {
    throw new DomainError('invalid_request', `more than ${factsAskedMax} facts of one kind were asked for`)
  }
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await answer(name)] as const)))
}

async function wireRoleFact(records: Records, service: Service, text: string): Promise<RoleFact | null> {
  const fact = await roleFact(records, service, text)
  return fact === null ? null : wireRole(fact)
}

/** An organization-defined role of the service, wherever its organization is. */
export async function roleFact(records: Records, service: Service, text: string): Promise<RoleFact | null> {
  const id = parseId('rol', text)
  if (id === undefined) return null
  const [place] = await records.locate(roles, 'id', id, { limit: 1 })
  const role = place && (await records.find(place.organizationId, roles, id))
  if (role === undefined || role.serviceId !== service.id) return null
  const { organizationId, allow, filter } = role
  return { organization_id: organizationId, allow, ...(filter === undefined ? {} : { filter }) }
}

/**
 * Of an organization that may use something of the service. Of another one there is nothing to decide by, and its guards
 * are not told whether it is anywhere; who may use the service without anybody's doing is theirs to know, since its
 * tokens are good there.
 */
export async function organizationFact(
  records: Records,
  service: Service,
  text: string,
): Promise<OrganizationFact | null> {
  const found = await findEntitled(records, service, text)
  return found === undefined ? null : { state: found.organization.state.kind, entitlement: found.roles }
}

/** A resource of the service, whoever owns it. */
export async function resourceFact(
  records: Records,
  service: Service,
  name: string,
): Promise<ResourceFact | null> {
  const resource = await findResource(records, service.id, name)
  return resource === undefined ? null : { owner: resource.organizationId, tags: resource.tags }
}
