import { z } from 'zod'
import type { Actor, Commit } from '../audit/record.ts'
import type { Clock, EpochMs, Random } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { InitialAccessTokenId, NewId, ServiceId } from '../ids.ts'
import { Secret } from '../secrets/secret.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { Service } from '../services/service.ts'
import { type Collection, insert, type Records, remove, type Stored } from '../storage/ports.ts'

/** Lets whoever holds it register apps at a service (RFC 7591 §1.2) until it expires. Kept where the service is. */
export interface InitialAccessToken extends Stored {
  readonly id: InitialAccessTokenId
  readonly serviceId: ServiceId
  /** For whom it was made. */
  readonly name: string
  /** A keyed hash of its text, which is shown once. */
  readonly digest: string
  readonly expiresAt: EpochMs
  readonly createdAt: EpochMs
}

export const initialAccessTokens: Collection<InitialAccessToken> = {
  name: 'initial_access_tokens',
  schema: z.custom<InitialAccessToken>((value) => typeof value === 'object' && value !== null),
  indexes: {
    digest: { keys: ({ digest }) => [digest], unique: true, deploymentWide: true },
    service: { keys: ({ serviceId }) => [serviceId], deploymentWide: true },
  },
}

interface Deps {
  readonly commit: Commit
  readonly secrets: Secrets
  readonly clock: Clock
  readonly newId: NewId
  readonly random: Random
}

const randomBytes = 32
const dayMs = 86_400_000

export async function createInitialAccessToken(
  deps: Deps,
  by: Actor,
  service: Service,
  { name, days }: { readonly name: string; readonly days: number },
): Promise<{ readonly token: InitialAccessToken; readonly text: Secret }> {
  const { organizationId } = service
  const createdAt = deps.clock()
  const text = `lki_${Buffer.from(deps.random(randomBytes)).toString('base64url')}`
  const token: InitialAccessToken = {
    ...{ id: deps.newId('iat'), organizationId, version: 1, serviceId: service.id, name, createdAt },
    digest: deps.secrets.digest('initial-access-tokens', text),
    expiresAt: createdAt + days * dayMs,
  }
  const details = { name, days }
  await deps.commit({ type: 'initial_access_token.created', organizationId, target: token.id, by, details }, [
    insert(initialAccessTokens, token),
  ])
  return { token, text: new Secret(text) }
}

/** @throws {DomainError} `initial_access_token_not_found`, `conflict` */
export async function deleteInitialAccessToken(
  { records, commit }: { readonly records: Records; readonly commit: Commit },
  by: Actor,
  service: Service,
  id: InitialAccessTokenId,
): Promise<void> {
  const { organizationId } = service
  const token = await records.find(organizationId, initialAccessTokens, id)
  if (token?.serviceId !== service.id)
    throw new DomainError('initial_access_token_not_found', `no initial access token ${id}`)
  const details = { name: token.name }
  await commit({ type: 'initial_access_token.deleted', organizationId, target: id, by, details }, [
    remove(initialAccessTokens, token),
  ])
}

/** The token with this text, if it may be used at the service now. */
export async function findInitialAccessToken(
  {
    records,
    secrets,
    clock,
  }: { readonly records: Records; readonly secrets: Secrets; readonly clock: Clock },
  service: Service,
  text: string,
): Promise<InitialAccessToken | undefined> {
  for (const digest of secrets.digests('initial-access-tokens', text)) {
    const [place] = await records.locate(initialAccessTokens, 'digest', digest, { limit: 1 })
    const token = place && (await records.find(place.organizationId, initialAccessTokens, place.id))
    if (token?.serviceId === service.id && token.expiresAt > clock()) return token
  }
  return undefined
}
