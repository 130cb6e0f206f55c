import type { Clock, EpochMs, Random } from './clock.ts'

declare const brand: unique symbol

/** A prefixed, time-ordered identifier: the prefix, `_`, and a 26-character lower-case ULID. */
export type Id<Name extends string> = string & { readonly [brand]: Name }

export type OrganizationId = Id<'OrganizationId'>
export type ServiceId = Id<'ServiceId'>
export type ResourceId = Id<'ResourceId'>
export type RoleId = Id<'RoleId'>
export type AssumptionId = Id<'AssumptionId'>
export type ClientKeyId = Id<'ClientKeyId'>
export type SecretId = Id<'SecretId'>
export type SigningKeyId = Id<'SigningKeyId'>
export type UserId = Id<'UserId'>
export type ConnectionId = Id<'ConnectionId'>
export type DomainId = Id<'DomainId'>
export type EventId = Id<'EventId'>
export type RegisteredAppId = Id<'RegisteredAppId'>
export type InitialAccessTokenId = Id<'InitialAccessTokenId'>
export type RevocationId = Id<'RevocationId'>
export type GrantId = Id<'GrantId'>
export type MailId = Id<'MailId'>
export type LinkId = Id<'LinkId'>
export type DecisionId = Id<'DecisionId'>

/** The `latchkey` command as a client of the service `latchkey`: the same in every deployment, so that it need not be told. */
export const commandClientId = 'key_00000000000000000000000cmd' as ClientKeyId

interface IdsByPrefix {
  org: OrganizationId
  svc: ServiceId
  res: ResourceId
  rol: RoleId
  asm: AssumptionId
  key: ClientKeyId
  sec: SecretId
  sgn: SigningKeyId
  usr: UserId
  con: ConnectionId
  dom: DomainId
  evt: EventId
  gra: GrantId
  rev: RevocationId
  app: RegisteredAppId
  iat: InitialAccessTokenId
  mal: MailId
  lnk: LinkId
  dec: DecisionId
}

export type IdPrefix = keyof IdsByPrefix

/** Makes a new identifier of the kind that the prefix names. */
export type NewId = <P extends IdPrefix>(prefix: P) => IdsByPrefix[P]

/** Crockford's base 32, lower case: no i, l, o, u. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const timeLength = 10
const randomLength = 16

/** A ULID in lower case: 48 bits of time, 80 bits of chance. */
export function ulid(nowMs: EpochMs, random: Random): string {
  return inBase32(nowMs, timeLength) + chanceOf(randomLength, random)
}

/** The lowest digits of a whole number, in the alphabet of ids: they sort as the numbers do. */
export function inBase32(number: number, digits: number): string {
  let text = ''
  let rest = number
  for (let i = 0; i < digits; i++) {
    text = alphabet.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}

/** Five bits of chance a character. */
export function chanceOf(length: number, random: Random): string {
  // One byte a character wastes three bits of each and keeps the code plain; the source is not scarce.
  let chance = ''
  for (const byte of random(length)) chance += alphabet.charAt(byte & 31)
  return chance
}

/** When an identifier was made, as it says itself. */
export function timeOf(id: Id<string>): EpochMs {
  let time = 0
  for (const digit of id.slice(4, 4 + timeLength)) time = time * 32 + alphabet.indexOf(digit)
  return time
}

/** What identifiers made at that time begin with: those made before sort before it, those made later after. */
export function idsFrom(prefix: IdPrefix, at: EpochMs): string {
  return `${prefix}_${inBase32(at, timeLength)}`
}

export function newIdFrom(clock: Clock, random: Random): NewId {
  return <P extends IdPrefix>(prefix: P) => `${prefix}_${ulid(clock(), random)}` as IdsByPrefix[P]
}

const idPattern = /^([a-z]{3})_[0-7][0-9a-hjkmnp-tv-z]{25}$/

/** Reads an identifier of the given kind; anything else, another kind included, is `undefined`. */
export function parseId<P extends IdPrefix>(prefix: P, text: string): IdsByPrefix[P] | undefined {
  return idPattern.exec(text)?.[1] === prefix ? (text as IdsByPrefix[P]) : undefined
}
