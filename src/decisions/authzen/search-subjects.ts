import { type ClientKey, clientKeys } from '../../client-keys/client-key.ts'
import type { Clock } from '../../clock.ts'
import { DomainError } from '../../errors.ts'
import type { CompiledModel } from '../../evaluator/compile-model.ts'
import { findOperations } from '../../evaluator/find-operations.ts'
import { namesAskedFor, nearestRegistered } from '../../evaluator/found-resources.ts'
import { parseId } from '../../ids.ts'
import type { Service } from '../../services/service.ts'
import { locatedInPages } from '../../storage/in-pages.ts'
import { cursorOf, type Page, type Reference } from '../../storage/ports.ts'
import { sharedWith } from '../../tags/resource.ts'
import { type User, users } from '../../users/user.ts'
import type { SubjectCaller } from '../asked-subject.ts'
import { machineOf, personOf } from '../find-principal.ts'
import { type AuthzenAction, type AuthzenResource, placesOf, requestAt } from './action.ts'
import { nameOfUser, type SubjectContext } from './find-subject.ts'
import type { OperationPlace } from './operation-places.ts'
import {
  lookedAtMax,
  noResults,
  type SearchDeps,
  type SearchPage,
  type SearchResults,
  wouldAllow,
} from './search.ts'

interface Deps extends SearchDeps {
  readonly clock: Clock
}

interface SubjectSearch {
  readonly subject: { readonly type: string }
  readonly action: AuthzenAction
  readonly resource: AuthzenResource
  readonly context: SubjectContext
}

const readAtOnce = 100

/**
 * Who may do something on a resource (§8.4): the users, or the client keys, of the service by their ids, in the order of
 * organizations. Of a registered resource only its owner's and those of organizations that it is shared with by name are
 * looked through; one that is not registered nobody may touch.
 * @throws {DomainError} `invalid_request` for a cursor that is none, `stale_bundle`
 */
export async function searchSubjects(
  deps: Deps,
  service: Service,
  { subject: { type }, action, resource, context }: SubjectSearch,
  { limit, cursor }: SearchPage,
): Promise<SearchResults<string>> {
  if (cursor !== undefined && !/^org_[0-9a-z]{26}\/(?:key|usr)_[0-9a-z]{26}$/.test(cursor))
    throw new DomainError('invalid_request', 'there is no such page')
  const { model } = await deps.decider.bundle()
  const places = placesOf(model, action.name, resource.type) ?? []
  const [place] = places
  if (place === undefined || (type !== 'user' && type !== 'key')) return noResults
  const asked = { action, resource, context }
  const among = await organizationsOf(deps, service, model, place, asked)
  const results: string[] = []
  let lookedAt = 0
  let after = cursor
  for await (const reference of candidates(deps, service, type, among, cursor)) {
    if (results.length === limit || lookedAt === lookedAtMax) return { results, nextCursor: after }
    lookedAt++
    after = cursorOf(reference)
    const found = await callerAt(deps, service, type, reference, context)
    if (found === undefined) continue
    const subject = { kind: 'caller', caller: found.caller } as const
    if (await wouldAllow(deps.decider, places, { subject, ...asked })) results.push(found.name)
  }
  return { results, nextCursor: undefined }
}

const prefixes = { user: 'usr', key: 'key' } as const

/** All of the service, or those of some organizations, in the order of organizations. */
async function* candidates(
  deps: Deps,
  service: Service,
  type: 'user' | 'key',
  among: ReadonlySet<string> | undefined,
  cursor: string | undefined,
): AsyncGenerator<Located> {
  if (among === undefined) {
    yield* following(deps, service, type, cursor)
    return
  }
  const begin = cursor?.split('/')[0] ?? ''
  for (const organization of [...among].filter((one) => one >= begin).toSorted()) {
    // Before each of its own, and after each of the one before it.
    const first = `${organization}/${prefixes[type]}_${'0'.repeat(26)}`
    const after = organization === begin ? cursor : first
    for await (const one of following(deps, service, type, after)) {
      if (one.organizationId !== organization) break
      yield one
    }
  }
}

async function* following(
  { storedRecords }: Deps,
  { id }: Service,
  type: 'user' | 'key',
  cursor: string | undefined,
): AsyncGenerator<Located> {
  const locate = (page: Page): Promise<readonly Located[]> =>
    type === 'user'
      ? storedRecords.locate(users, 'service', id, page)
      : storedRecords.locate(clientKeys, 'service', id, page)
  for await (const found of locatedInPages(locate, readAtOnce, cursor)) yield* found
}

type Located = Reference<ClientKey> | Reference<User>

/** Somebody who may come now, and how they are called. */
interface FoundCaller {
  readonly caller: SubjectCaller
  readonly name: string
}

async function callerAt(
  { storedRecords: records, clock }: Deps,
  service: Service,
  type: 'user' | 'key',
  { organizationId, id }: Located,
  context: SubjectContext,
): Promise<FoundCaller | undefined> {
  const [userId, keyId] = [parseId('usr', id), parseId('key', id)]
  const deps = { records, clock }
  if (type === 'user' && userId !== undefined) {
    const user = await records.find(organizationId, users, userId)
    const caller = user && (await personOf(deps, service, user, context))
    return caller && { caller, name: nameOfUser(service, user) }
  }
  const key = keyId && (await records.find(organizationId, clientKeys, keyId))
  const caller = key && (await machineOf(deps, service, key, context))
  return caller && { caller, name: caller.id }
}

type Searched = Pick<SubjectSearch, 'action' | 'resource' | 'context'>

/** Whose principals may come in question at all. `undefined`: anybody's; empty: nobody's. */
async function organizationsOf(
  { decider }: Deps,
  service: Service,
  model: CompiledModel,
  place: OperationPlace,
  asked: Searched,
): Promise<ReadonlySet<string> | undefined> {
  const { organization } = asked.context
  if (organization !== undefined) return new Set([organization])
  const at = requestAt(model, place, asked)
  if (at === undefined) return new Set()
  const { model: rules } = model
  const isByOrganization = place.operation.namespace === 'organization'
  if (!place.actsOnResource || rules.resources !== 'latchkey' || isByOrganization) return undefined
  const found = findOperations(model.paths, at.request.method, at.request.path)
  const names = namesAskedFor(model, found, service.organizationId)
  const nobody = { kind: 'key', id: '', organizationId: service.organizationId, roles: [] } as const
  const fact = nearestRegistered(await decider.factsFor(nobody, names), names)
  if (fact === null || fact === undefined) return new Set()
  const shared = sharedWith(fact.tagging.given)
  return shared.includes('*') && rules.sharedWithAnyone === true
    ? undefined
    : new Set([fact.owner, ...shared])
}
