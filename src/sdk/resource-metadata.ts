import type { CompiledBundle } from './compiled-bundle.ts'

/** What a guard tells clients about the API, beside what the service says (RFC 9728 §2). */
export interface ResourceDescription {
  /** A name for people. */
  readonly name?: string
  /** An address with documentation for developers. */
  readonly documentation?: string
  readonly policy?: string
  readonly termsOfService?: string
}

/** How a client that knows nothing but the API's address finds out how to get a token for it (RFC 9728). */
export interface ResourceMetadata {
  /** Where the document is to be found: named in challenges. */
  readonly url: string
  readonly document: Readonly<Record<string, unknown>>
}

export interface MetadataRules {
  readonly issuer?: string
  readonly audience?: string
  readonly proofAlgorithms: readonly string[]
  readonly proofRequired: boolean
}

const wellKnown = '/.well-known/oauth-protected-resource'

/** `undefined` where the audience is no address: then there is no place for it (RFC 9728 §1.2). */
export function resourceMetadata(
  { service, model }: CompiledBundle,
  { issuer, audience, proofAlgorithms, proofRequired }: MetadataRules,
  { name, documentation, policy, termsOfService }: ResourceDescription,
): ResourceMetadata | undefined {
  const resource = audience ?? service.audience
  const url = URL.parse(resource)
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined
  const scopes = model.model.roles.filter((role) => role.delegable)
  return {
    // §3.1: between the host and the path, whose slash at its end goes.
    url: url.origin + wellKnown + url.pathname.replace(/\/$/, ''),
    document: {
      resource,
      authorization_servers: [issuer ?? service.issuer],
      scopes_supported: scopes.map((role) => role.name),
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: proofAlgorithms,
      ...(proofRequired ? { dpop_bound_access_tokens_required: true } : {}),
      ...(name === undefined ? {} : { resource_name: name }),
      ...(documentation === undefined ? {} : { resource_documentation: documentation }),
      ...(policy === undefined ? {} : { resource_policy_uri: policy }),
      ...(termsOfService === undefined ? {} : { resource_tos_uri: termsOfService }),
    },
  }
}

/** An answer that is complete: nothing of it needs a decision. */
export interface MetadataAnswer {
  readonly status: 200 | 204 | 405
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The answer, if the request is for the document: to anybody, scripts of other origins included. */
export function metadataAnswer(
  { url, document }: ResourceMetadata,
  method: string,
  target: string,
): MetadataAnswer | undefined {
  if (target.split('?', 1)[0] !== new URL(url).pathname) return undefined
  const open = { 'access-control-allow-origin': '*' }
  switch (method) {
    case 'GET':
    case 'HEAD': {
      const headers = { ...open, 'content-type': 'application/json', 'cache-control': 'public, max-age=300' }
      return { status: 200, headers, body: JSON.stringify(document) }
    }
    case 'OPTIONS':
      return { status: 204, headers: { ...open, 'access-control-allow-headers': '*' }, body: '' }
    default:
      return { status: 405, headers: { ...open, allow: 'GET, HEAD, OPTIONS' }, body: '' }
  }
}
