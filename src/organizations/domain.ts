import { domainToASCII } from 'node:url'
import { z } from 'zod'
import type { EpochMs } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { DomainId, OrganizationId } from '../ids.ts'
import type { Collection, Records, Reference, Stored } from '../storage/ports.ts'

/** While it is verified, the domain routes its people to its organization, and that one alone. */
export type DomainState =
  | { readonly kind: 'pending' }
  | {
      readonly kind: 'verified'
      readonly verifiedAt: EpochMs
      /** When its TXT record was last read with the proof in it. */
      readonly lastSeenAt: EpochMs
      /** When its TXT record was last read at all. */
      readonly readAt: EpochMs
      /** Since when each reading lacked the proof. */
      readonly missingSinceAt?: EpochMs
    }
  | { readonly kind: 'lapsed'; readonly lapsedAt: EpochMs }

/** A domain of an organization's e-mail addresses. Believed only while a TXT record proves it. */
export interface Domain extends Stored {
  readonly id: DomainId
  /** In lower case and punycode, without a dot at the end. */
  readonly name: string
  /** The value of the TXT record at `_latchkey.<name>`: the organization's own, so that no other can point to it. */
  readonly proof: string
  readonly state: DomainState
  readonly createdAt: EpochMs
}

const isVerified = ({ state }: Domain) => state.kind === 'verified'

export const domains: Collection<Domain> = {
  name: 'domains',
  schema: z.custom<Domain>((value) => typeof value === 'object' && value !== null),
  indexes: {
    all: { keys: () => [''] },
    name: { keys: (domain) => [domain.name], unique: true },
    /** Found by name; one organization at a time. */
    verified: {
      keys: (domain) => (isVerified(domain) ? [domain.name] : []),
      unique: true,
      deploymentWide: true,
    },
    /** All that are read again daily. */
    routing: { keys: (domain) => (isVerified(domain) ? [''] : []), deploymentWide: true },
  },
}

/** Where the TXT record stands. */
export function txtName({ name }: Pick<Domain, 'name'>): string {
  return `_latchkey.${name}`
}

/** @throws {DomainError} `domain_not_found` */
export async function getDomain(
  records: Records,
  organizationId: OrganizationId,
  id: DomainId,
): Promise<Domain> {
  const domain = await records.find(organizationId, domains, id)
  if (domain === undefined) throw new DomainError('domain_not_found', `no domain ${id}`)
  return domain
}

/** RFC 1035 §2.3.4: 253 characters in all, of which `_latchkey.` takes ten. */
const lengthMax = 243
/** The converter would take `/`, `?`, `@` and the like for the end of the host, and decode `%2e`. */
const hostCharacters = /^[-.a-z0-9\u{80}-\u{10ffff}]+$/iu
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * A domain's name in lower case and punycode, in the one way that it is kept and compared. `undefined` for what no
 * organization can own: a single label, an address, a wildcard, anything with other characters.
 */
export function domainName(text: string): string | undefined {
  if (!hostCharacters.test(text)) return undefined
  const labels = domainToASCII(text.replace(/\.$/, '')).split('.')
  const name = labels.join('.')
  // A last label of digits, or of `0x…`, makes an address of it (WHATWG URL, "ends in a number").
  const isAddress = /^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')
  if (labels.length < 2 || name.length > lengthMax || isAddress) return undefined
  return labels.every((one) => label.test(one)) ? name : undefined
}

/** The domain of an e-mail address, as `domainName` writes it. */
export function domainOfEmail(email: string): string | undefined {
  const at = email.lastIndexOf('@')
  return at < 1 ? undefined : domainName(email.slice(at + 1))
}

/** Whose a domain is, while it is verified. */
export async function locateVerifiedDomain(
  records: Records,
  name: string,
): Promise<Reference<Domain> | undefined> {
  const [place] = await records.locate(domains, 'verified', name, { limit: 1 })
  return place
}
