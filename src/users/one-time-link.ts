import { hash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Clock, EpochMs, Random } from '../clock.ts'
import { DomainError } from '../errors.ts'
import { type LinkId, type NewId, parseId, type ServiceId, type UserId } from '../ids.ts'
import { type Organization, organizations } from '../organizations/organization.ts'
import { sealedUnder } from '../secrets/sealed-under.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { findService } from '../services/find-service.ts'
import type { Service } from '../services/service.ts'
import { type Collection, type Records, type Remove, remove, type Stored } from '../storage/ports.ts'
import { type User, userRefusal, users } from './user.ts'

export type LinkPurpose = 'invitation' | 'reset'

/** A link that was mailed to a user, and is good once. */
export interface OneTimeLink extends Stored {
  readonly id: LinkId
  readonly userId: UserId
  /** Whose pages it leads to. */
  readonly serviceId: ServiceId
  readonly purpose: LinkPurpose
  /** SHA-256 of the text, sealed under the label `links` and bound to the id. */
  readonly sealedHash: string
  readonly expiresAt: EpochMs
  readonly createdAt: EpochMs
}

export const oneTimeLinks: Collection<OneTimeLink> = {
  name: 'one_time_links',
  schema: z.custom<OneTimeLink>((value) => typeof value === 'object' && value !== null),
  indexes: {
    id: { keys: (link) => [link.id], unique: true, deploymentWide: true },
    user: { keys: (link) => [link.userId] },
    sealedUnder: sealedUnder((link) => [link.sealedHash]),
  },
}

export const linkHours: Readonly<Record<LinkPurpose, number>> = { invitation: 24, reset: 1 }
const hourMs = 3_600_000
const secretBytes = 32
/** Of one user: one for each purpose, and more only after a race. */
const linksMax = 50
/** The id without its prefix, a dot, 32 bytes in base64url. */
const pattern = /^([0-7][0-9a-hjkmnp-tv-z]{25})\.[\w-]{43}$/

interface MakeDeps {
  readonly random: Random
  readonly newId: NewId
  readonly secrets: Secrets
}

/** A new link and its text, whose only copy goes into the mail. */
export function makeLink(
  { random, newId, secrets }: MakeDeps,
  { organizationId, id: userId }: User,
  { serviceId, purpose }: { readonly serviceId: ServiceId; readonly purpose: LinkPurpose },
  nowMs: EpochMs,
): { readonly link: OneTimeLink; readonly text: string } {
  const id = newId('lnk')
  const text = `${id.slice('lnk_'.length)}.${Buffer.from(random(secretBytes)).toString('base64url')}`
  const sealedHash = secrets.seal('links', id, hash('sha256', text, 'buffer'))
  const expiresAt = nowMs + linkHours[purpose] * hourMs
  const link = {
    id,
    organizationId,
    version: 1,
    userId,
    serviceId,
    purpose,
    sealedHash,
    expiresAt,
    createdAt: nowMs,
  }
  return { link, text }
}

/** Where the page of a link is. */
export function linkAddress(origin: string, { slug }: Service, purpose: LinkPurpose, text: string): string {
  return `${origin}/${slug}/login/${purpose}?link=${text}`
}

/** Ends the links that a user has: of one purpose when another is sent, all when the user goes. */
export async function endLinks(
  records: Records,
  { organizationId, id }: User,
  purpose?: LinkPurpose,
): Promise<readonly Remove[]> {
  const found = await records.list(organizationId, oneTimeLinks, 'user', id, { limit: linksMax })
  return found
    .filter((link) => purpose === undefined || link.purpose === purpose)
    .map((link) => remove(oneTimeLinks, link))
}

interface FindDeps {
  readonly records: Records
  readonly clock: Clock
  readonly secrets: Secrets
}

/** What a page shows of a link before it is used, and what using it needs. */
export interface FoundLink {
  readonly link: OneTimeLink
  readonly user: User
  readonly organization: Organization
  readonly service: Service
}

/**
 * The link of this text, if it is good now: looking at it uses nothing up, since mail programs look, too.
 * @param serviceId the service at whose pages it was opened
 * @throws {DomainError} `link_invalid`: one answer, whatever is wrong with it
 */
export async function findLink(
  { records, clock, secrets }: FindDeps,
  serviceId: ServiceId,
  purpose: LinkPurpose,
  text: string,
): Promise<FoundLink> {
  const link = await linkWith({ records, secrets }, text)
  if (link?.purpose !== purpose || link.serviceId !== serviceId || link.expiresAt <= clock())
    throw linkInvalid()
  const { organizationId } = link
  const [user, organization, service] = await Promise.all([
    records.find(organizationId, users, link.userId),
    records.find(organizationId, organizations, organizationId),
    findService(records, link.serviceId),
  ])
  if (user === undefined || organization === undefined || service === undefined) throw linkInvalid()
  const refusal = userRefusal(user, organization)
  if (refusal !== (purpose === 'invitation' ? 'invited' : undefined)) throw linkInvalid()
  return { link, user, organization, service }
}

async function linkWith(
  { records, secrets }: Pick<FindDeps, 'records' | 'secrets'>,
  text: string,
): Promise<OneTimeLink | undefined> {
  const id = parseId('lnk', `lnk_${pattern.exec(text)?.[1]}`)
  const [place] = id === undefined ? [] : await records.locate(oneTimeLinks, 'id', id, { limit: 1 })
  const link = place && (await records.find(place.organizationId, oneTimeLinks, place.id))
  if (link === undefined) return undefined
  const kept = secrets.open('links', link.id, link.sealedHash)
  return timingSafeEqual(kept, hash('sha256', text, 'buffer')) ? link : undefined
}

function linkInvalid(): DomainError {
  return new DomainError(
    'link_invalid',
    'This link was used already, is too old, or was replaced by a newer one.',
    {
      fix: 'Ask for a new one.',
    },
  )
}
