import { isDeepStrictEqual } from 'node:util'
import type { Actor, Commit } from '../audit/record.ts'
import { type Clock, type EpochMs, rfc3339 } from '../clock.ts'
import type { Tags } from '../evaluator/model.ts'
import type { ClientKeyId, NewId, OrganizationId } from '../ids.ts'
import type { Giver } from '../services/giving.ts'
import { checkGivingTags } from '../services/principal-tags.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { type AddressesChange, changedAddresses } from './change-addresses.ts'
import {
  type ClientKey,
  clientKeys,
  endTokens,
  getClientKey,
  refuseCommand,
  refuseRevoked,
  withAuthorityRaised,
} from './client-key.ts'
import { checkGivingKey } from './giveable-role.ts'
import { addressesOf, shownAddresses } from './redirect-uris.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
}

/** What is absent stays. */
export interface ClientKeyChange {
  readonly name?: string | undefined
  /** `null`: it never expires. */
  readonly expiresAt?: EpochMs | null | undefined
  readonly cidrs?: readonly string[] | undefined
  /** All of them: those left out are taken. */
  readonly tags?: Tags | undefined
  readonly addresses?: AddressesChange | undefined
  readonly ifMatch?: number | undefined
}

/**
 * A change of the expiry, the address blocks or the tags ends the tokens that were issued under the old ones. It may open
 * the key further, so it is giving, too. A change of where browsers are sent ends nothing, but people are asked for consent anew.
 * @throws {DomainError} `client_key_not_found`, `client_key_state`, `role_not_grantable`, `tag_not_grantable`, `invalid_request` (an address),
 * `precondition_failed`, `conflict`
 */
export async function changeClientKey(
  deps: Deps,
  by: Actor,
  giver: Giver,
  organizationId: OrganizationId,
  id: ClientKeyId,
  change: ClientKeyChange,
): Promise<ClientKey> {
  const before = await getClientKey(deps.records, organizationId, id)
  expectVersion(before, change.ifMatch)
  refuseRevoked(before)
  const changed = applied(before, change)
  const isRestriction =
    changed.expiresAt !== before.expiresAt || JSON.stringify(changed.cidrs) !== JSON.stringify(before.cidrs)
  const isTagged = !isDeepStrictEqual(changed.tags ?? {}, before.tags ?? {})
  const isMoved = !isDeepStrictEqual(addressesOf(changed), addressesOf(before))
  if (isMoved) refuseCommand(before)
  const isOther = changed.name !== before.name || isMoved
  if (!isRestriction && !isTagged && !isOther) return before
  if (isRestriction) await checkGivingKey(deps.records, giver, before)
  if (isTagged) checkGivingTags(giver, changed.tags ?? {}, before.tags ?? {})
  const nowMs = deps.clock()
  const endsTokens = isRestriction || isTagged
  const after = endsTokens ? withAuthorityRaised(changed, {}) : { ...changed, version: before.version + 1 }
  const details = { from: shown(before), to: shown(after) }
  await deps.commit({ type: 'client_key.changed', organizationId, target: id, by, details }, [
    update(clientKeys, before, after),
    ...(endsTokens ? [endTokens(deps.newId, nowMs, after)] : []),
  ])
  return after
}

function applied(key: ClientKey, { name, expiresAt, cidrs, tags, addresses }: ClientKeyChange): ClientKey {
  const { expiresAt: old, backchannelLogoutUri: _told, ...rest } = key
  const next = expiresAt === undefined ? old : (expiresAt ?? undefined)
  return {
    ...rest,
    name: name ?? key.name,
    cidrs: cidrs ?? key.cidrs,
    ...(tags === undefined ? {} : { tags }),
    ...(addresses === undefined ? addressesOf(key) : changedAddresses(key, addresses)),
    ...(next === undefined ? {} : { expiresAt: next }),
  }
}

function shown(key: ClientKey): Readonly<Record<string, unknown>> {
  const { name, expiresAt, cidrs, tags = {} } = key
  const expires = expiresAt === undefined ? null : rfc3339(expiresAt)
  return { name, expires_at: expires, cidrs, tags, ...shownAddresses(addressesOf(key)) }
}
