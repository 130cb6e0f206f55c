import type { Actor, Commit, Happening } from '../audit/record.ts'
import { type ClientKey, clientKeys, endTokens, withAuthorityRaised } from '../client-keys/client-key.ts'
import type { Clock } from '../clock.ts'
import { hasCode } from '../errors.ts'
import { type NewId, type OrganizationId, parseId } from '../ids.ts'
import { type RegisteredApp, registeredApps } from '../registered-apps/registered-app.ts'
import { type Revocation, revocations, revoke } from '../revocations/revocation.ts'
import type { Service } from '../services/service.ts'
import { type Records, remove, update } from '../storage/ports.ts'
import type { EndedTokens } from './ended-tokens.ts'
import type { ReadAccessToken } from './read-access-token.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  readonly endedTokens: EndedTokens
}

/** Every node and guard holds an entry for each; with more of one client than this, all its tokens end at once, or no more one by one. */
export const tokenEntriesOfClientMax = 1_000

/** Who was given the token, and asks: an organization's key, an app that registered itself, or one at an address. */
export type TokenClient =
  | { readonly kind: 'key'; readonly id: string; readonly key: ClientKey }
  | { readonly kind: 'app'; readonly id: string; readonly app: RegisteredApp }
  | { readonly kind: 'document'; readonly id: string }

interface TokenToRevoke {
  readonly token: ReadAccessToken
  /** Whose token it is: the person's organization, or the machine's. */
  readonly organizationId: OrganizationId
  readonly service: Service
  readonly client: TokenClient
}

/**
 * Ends one access token before its time; everywhere within a second, on this node at once.
 * @returns `false`: it goes on until it expires, since its client has no authority of its own that could end them all
 */
export async function revokeToken(deps: Deps, by: Actor, asked: TokenToRevoke): Promise<boolean> {
  const { token, organizationId, service, client } = asked
  const entries = deps.endedTokens.ofClient(client.id)
  if (client.kind === 'document' && hasTooMany(entries, organizationId)) return false
  if (entries.length >= tokenEntriesOfClientMax && (await endAllTokens(deps, by, client, entries)))
    return true
  const insert = revoke(deps.newId, deps.clock(), {
    organizationId,
    serviceId: service.id,
    ended: { kind: 'jti', jti: token.jti, clientId: client.id },
    expiresAt: token.exp * 1000,
  })
  const details = { token_id: token.jti, subject: token.claims.sub }
  const told = { type: 'token.revoked', organizationId, target: client.id, by, details } as const
  await deps.commit([told, ...toldElsewhere(token, told)], [insert])
  deps.endedTokens.add(insert.after as Revocation)
  return true
}

/** An assumed token is of the organization whose role it has, and came to a principal of another. */
function toldElsewhere({ claims }: ReadAccessToken, told: Happening): readonly Happening[] {
  const { act } = claims
  const named = typeof act === 'object' && act !== null && 'org_id' in act ? String(act.org_id) : ''
  const organizationId = parseId('org', named)
  return organizationId === undefined ? [] : [{ ...told, organizationId }]
}

/** Of one organization: whoever floods with a document, which anybody may use, closes the door to their own alone. */
function hasTooMany(entries: readonly Revocation[], organizationId: OrganizationId): boolean {
  return entries.filter((entry) => entry.organizationId === organizationId).length >= tokenEntriesOfClientMax
}

/** One entry in place of many. `false`: another node was faster, or the client has no authority of its own. */
async function endAllTokens(
  deps: Deps,
  by: Actor,
  client: TokenClient,
  entries: readonly Revocation[],
): Promise<boolean> {
  const raised = await raisedAuthority(deps, client)
  if (raised === undefined) return false
  const { type, organizationId, changes } = raised
  try {
    await deps.commit({ type, organizationId, target: client.id, by }, [
      ...changes,
      ...entries.map((entry) => remove(revocations, entry)),
    ])
  } catch (error) {
    if (!hasCode(error, 'conflict')) throw error
    return false
  }
  for (const change of changes) if (change.kind === 'insert') deps.endedTokens.add(change.after as Revocation)
  return true
}

async function raisedAuthority({ records, newId, clock }: Deps, client: TokenClient) {
  switch (client.kind) {
    case 'key': {
      const { organizationId, id } = client.key
      const before = await records.find(organizationId, clientKeys, id)
      if (before === undefined) return undefined
      const after = withAuthorityRaised(before, {})
      const changes = [update(clientKeys, before, after), endTokens(newId, clock(), after)]
      return { type: 'client_key.tokens_ended', organizationId, changes } as const
    }
    case 'app': {
      const { organizationId, id, serviceId } = client.app
      const before = await records.find(organizationId, registeredApps, id)
      if (before === undefined) return undefined
      const lowest = before.authority + 1
      const after = { ...before, authority: lowest, version: before.version + 1 }
      const ended = { kind: 'authority', of: id, lowest } as const
      const changes = [
        update(registeredApps, before, after),
        revoke(newId, clock(), { organizationId, serviceId, ended }),
      ]
      return { type: 'app.tokens_ended', organizationId, changes } as const
    }
    case 'document':
      return undefined
    default:
      throw new Error(`unknown client: ${client satisfies never}`)
  }
}
