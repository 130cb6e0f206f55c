import { hash } from 'node:crypto'
import type { ClientKey } from '../client-keys/client-key.ts'
import type { Organization } from '../organizations/organization.ts'

/** An app as a person meets it: something that may act in their name. */
export interface App {
  readonly clientId: string
  readonly name: string
  /** The organization that answers for it; absent: it has only said itself what it is. */
  readonly organization?: Pick<Organization, 'id' | 'name'>
  readonly redirectUris: readonly string[]
  /** The scopes of the API for which it may ask; absent: all. */
  readonly apiScopes?: readonly string[]
  /** It proves itself at the token endpoint. */
  readonly isConfidential: boolean
  /** Other as soon as its redirect URIs, its keys or its name are. */
  readonly fingerprint: string
}

/** The app that a client key is. */
export function appOfKey(key: ClientKey, organization: Pick<Organization, 'id' | 'name'>): App {
  const { id, name, redirectUris = [], authentication } = key
  const keys = authentication.kind === 'private_key_jwt' ? authentication.jwks.keys : []
  return {
    ...{ clientId: id, name, organization, redirectUris },
    isConfidential: authentication.kind !== 'none',
    fingerprint: fingerprintOf({ name, redirectUris, keys }),
  }
}

/** An app that has only said itself what it is. */
export function appThatSays(said: {
  readonly clientId: string
  /** Without one it is called by the host of its answers. */
  readonly name: string | undefined
  readonly redirectUris: readonly string[]
  readonly isConfidential: boolean
  readonly apiScopes: readonly string[]
  readonly keys: readonly unknown[]
}): App {
  const { clientId, redirectUris, isConfidential, apiScopes, keys } = said
  const host = URL.parse(redirectUris[0] ?? clientId)?.host
  const name = said.name ?? (host === undefined || host === '' ? clientId : host)
  return {
    clientId,
    name,
    redirectUris,
    isConfidential,
    apiScopes,
    fingerprint: fingerprintOf({ name, redirectUris, keys }),
  }
}

/** @param keys the app's own public keys, if it has any; a secret may be rotated without a new app behind it */
function fingerprintOf(parts: {
  readonly name: string
  readonly redirectUris: readonly string[]
  readonly keys: readonly unknown[]
}): string {
  const { name, redirectUris, keys } = parts
  return hash('sha256', JSON.stringify([name, [...redirectUris].sort(), keys]), 'base64url')
}

/**
 * Whether consent to the app may be remembered: only if nobody else can be it (RFC 8252 §8.6): it proves itself, or
 * the answer goes to a host of its own over TLS alone.
 */
export function isRecognizable({ isConfidential, redirectUris }: App): boolean {
  return (
    isConfidential || (redirectUris.length > 0 && redirectUris.every((uri) => uri.startsWith('https://')))
  )
}
