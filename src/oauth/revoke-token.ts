import type { Actor, Commit } from '../audit/record.ts'
import { type ClientKey, clientKeys, endTokens, withAuthorityRaised } from '../client-keys/client-key.ts'
import type { Clock } from '../clock.ts'
import { hasCode } from '../errors.ts'
import type { NewId, OrganizationId } from '../ids.ts'
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

/** Every node and guard holds an entry for each; with more of one key than this, all its tokens end at once. */
export const tokenEntriesOfKeyMax = 1_000

interface TokenToRevoke {
  readonly token: ReadAccessToken
  /** Whose token it is: the person's organization, or the machine's. */
  readonly organizationId: OrganizationId
  readonly service: Service
  /** The client that it was issued to, and that asks. */
  readonly key: ClientKey
}

/** Ends one access token before its time; everywhere within a second, on this node at once. */
export async function revokeToken(deps: Deps, by: Actor, asked: TokenToRevoke): Promise<void> {
  const { token, organizationId, service, key } = asked
  const entries = deps.endedTokens.ofClient(key.id)
  if (entries.length >= tokenEntriesOfKeyMax && (await endAllTokens(deps, by, key, entries))) return
  const insert = revoke(deps.newId, deps.clock(), {
    organizationId,
    serviceId: service.id,
    ended: { kind: 'jti', jti: token.jti, clientId: key.id },
    expiresAt: token.exp * 1000,
  })
  const details = { token_id: token.jti, subject: token.claims.sub }
  await deps.commit({ type: 'token.revoked', organizationId, target: key.id, by, details }, [insert])
  deps.endedTokens.add(insert.after as Revocation)
}

/** One entry in place of many. `false`: another node was faster, or something else about the key has changed. */
async function endAllTokens(
  deps: Deps,
  by: Actor,
  { organizationId, id }: ClientKey,
  entries: readonly Revocation[],
): Promise<boolean> {
  const before = await deps.records.find(organizationId, clientKeys, id)
  if (before === undefined) return false
  const after = withAuthorityRaised(before, {})
  const insert = endTokens(deps.newId, deps.clock(), after)
  try {
    await deps.commit({ type: 'client_key.tokens_ended', organizationId, target: id, by }, [
      update(clientKeys, before, after),
      insert,
      ...entries.map((entry) => remove(revocations, entry)),
    ])
  } catch (error) {
    if (!hasCode(error, 'conflict')) throw error
    return false
  }
  deps.endedTokens.add(insert.after as Revocation)
  return true
}
