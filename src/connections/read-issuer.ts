import type { ServerMetadata } from 'openid-client'
import { DomainError } from '../errors.ts'
import { discoverProvider } from './openid-provider.ts'
import { callsItself, type UpstreamFault, upstreamFault } from './upstream-fault.ts'

const wellKnown = '/.well-known/openid-configuration'

/**
 * The issuer as it calls itself, after it was asked. The address of its discovery document is taken for it, too.
 * @throws {DomainError} `connection_refused` with what was met
 */
export async function readIssuer(deps: { readonly fetch: typeof fetch }, given: string): Promise<string> {
  const issuer = given.endsWith(wellKnown) ? given.slice(0, -wellKnown.length) : given
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  if (url === undefined || url.search !== '' || url.hash !== '' || url.pathname.includes('/.well-known/'))
    throw refused({
      detail: 'is no issuer: an address without a query and a fragment',
      fix: 'give what the identity provider names as its issuer',
    })
  const metadata = await discovered(deps, issuer)
  const fault = faultOf(metadata, issuer)
  if (fault !== undefined) throw refused(fault)
  return metadata.issuer
}

async function discovered(deps: { readonly fetch: typeof fetch }, issuer: string): Promise<ServerMetadata> {
  try {
    return await discoverProvider(deps, issuer)
  } catch (cause) {
    throw refused(upstreamFault(cause), cause)
  }
}

function faultOf(metadata: ServerMetadata, issuer: string): UpstreamFault | undefined {
  const { issuer: named, authorization_endpoint, token_endpoint, jwks_uri } = metadata
  // A slash at the end of an origin is the only difference that is none.
  if (new URL(named).href !== new URL(issuer).href) return callsItself(named)
  const missing = Object.entries({ authorization_endpoint, token_endpoint, jwks_uri })
    .filter(([, value]) => value === undefined)
    .map(([name]) => name)
  if (missing.length > 0)
    return {
      detail: `its discovery document has no ${missing.join(', ')}`,
      fix: 'check that it is an OpenID provider with the authorization code flow',
    }
  // Many support it and do not say so.
  if (metadata.code_challenge_methods_supported?.includes('S256') ?? true) return undefined
  return { detail: 'does not support PKCE with S256', fix: 'switch it on there (RFC 7636)' }
}

function refused({ detail, fix }: UpstreamFault, cause?: unknown): DomainError {
  return new DomainError('connection_refused', `the issuer cannot be used: ${detail}`, {
    faults: [{ pointer: '/issuer', detail, fix }],
    fix,
    ...(cause === undefined ? {} : { cause }),
  })
}
