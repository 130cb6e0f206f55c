import {
  type ApplicationType,
  redirectUriFault,
  redirectUrisMax,
  serverUriFault,
} from '../client-keys/redirect-uris.ts'
import type { Service } from '../services/service.ts'
import { appNameFault } from './app-name.ts'

/** Client metadata as it comes in (RFC 7591 §2), before anything of it is believed. */
type Metadata = Readonly<Record<string, unknown>>

const appGrantTypes = [
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
] as const
const authenticationMethods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']
const metadataLengthMax = 16_384

/**
 * What an app that nobody answers for may not say of itself; `undefined`: nothing. Only acting for people is open to it,
 * and its answers go where nobody else listens.
 */
export function appMetadataFault(metadata: Metadata, service: Service): string | undefined {
  const { grant_types = ['authorization_code'], response_types = ['code'] } = metadata
  const text = JSON.stringify(metadata)
  // As JSON writes them: control characters, and half a character.
  if (/\\u(00[01]|d[89a-f])/.test(text)) return 'the metadata have control characters'
  if (text.length > metadataLengthMax) return 'the metadata are too long'
  if (!['string', 'undefined'].includes(typeof metadata['scope'])) return 'scope must be a text'
  if (!isListOf(grant_types, appGrantTypes))
    return `grant_types may be ${appGrantTypes.join(', ')}: apps act for people alone`
  if (!isListOf(response_types, ['code'])) return 'response_types may be code alone'
  if (
    !authenticationMethods.includes(String(metadata['token_endpoint_auth_method'] ?? 'client_secret_basic'))
  )
    return `token_endpoint_auth_method may be ${authenticationMethods.join(', ')}`
  return appNameFault(metadata['client_name'], service) ?? redirectFault(metadata) ?? addressFault(metadata)
}

function redirectFault(metadata: Metadata): string | undefined {
  const type: ApplicationType = metadata['application_type'] === 'native' ? 'native' : 'web'
  for (const name of ['redirect_uris', 'post_logout_redirect_uris']) {
    const uris = metadata[name] ?? []
    if (!Array.isArray(uris) || uris.length > redirectUrisMax)
      return `${name} must be a list of ${redirectUrisMax} at most`
    for (const uri of uris) {
      const fault = typeof uri === 'string' ? redirectUriFault(uri, type) : 'is not a text'
      if (fault !== undefined) return `${name}: one of them ${fault}`
    }
  }
  return undefined
}

/** What our server would call, and what would make it call others. */
function addressFault(metadata: Metadata): string | undefined {
  if (metadata['sector_identifier_uri'] !== undefined || metadata['subject_type'] === 'pairwise')
    return 'subject_type may be public alone'
  for (const name of ['jwks_uri', 'backchannel_logout_uri']) {
    const uri = metadata[name]
    if (uri === undefined) continue
    const fault = typeof uri === 'string' ? serverUriFault(uri) : 'is not a text'
    if (fault !== undefined) return `${name} ${fault}`
  }
  return undefined
}

function isListOf(value: unknown, allowed: readonly string[]): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((one) => allowed.includes(one))
}
