/** `web` runs on a server or in a page; `native` on the person's own machine (RFC 8252). */
export const applicationTypes = ['web', 'native'] as const
export type ApplicationType = (typeof applicationTypes)[number]

/** Where an app is reached with a browser; each is compared letter by letter (RFC 9700 §4.1.3). */
export interface AppAddresses {
  readonly applicationType?: ApplicationType
  readonly redirectUris?: readonly string[]
  readonly postLogoutRedirectUris?: readonly string[]
  readonly backchannelLogoutUri?: string
}

export const redirectUrisMax = 20
const redirectUriLengthMax = 1000

const loopbackHosts: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * What is wrong with an address that a browser is sent to; `undefined`: nothing. Https; http on this machine's own
 * loopback; for a native app a scheme of its own, named after a domain (RFC 8252 §7.1). The port of a native app's
 * loopback address is free when it is used (§7.3).
 */
export function redirectUriFault(text: string, applicationType: ApplicationType): string | undefined {
  if (text.length > redirectUriLengthMax) return `is longer than ${redirectUriLengthMax} characters`
  if (text.includes('*')) return 'has a wildcard: addresses are compared letter by letter'
  if (text.includes('#')) return 'has a fragment (RFC 6749 §3.1.2)'
  const url = URL.parse(text)
  if (url === null) return 'is not an absolute address'
  // What a browser reads in another way than it is written cannot be compared letter by letter.
  if (url.href !== text && url.href !== `${text}/`) return `is not in its normal form: write ${url.href}`
  if (url.username !== '' || url.password !== '') return 'carries a name or a password'
  return schemeFault(url, applicationType)
}

function schemeFault({ protocol, hostname }: URL, applicationType: ApplicationType): string | undefined {
  const isLoopback = loopbackHosts.has(hostname)
  switch (protocol) {
    case 'https:':
      return isLoopback && applicationType === 'native'
        ? 'uses https on loopback: a native app listens there with http (RFC 8252 §7.3)'
        : undefined
    case 'http:':
      return isLoopback ? undefined : 'must be https: the code would cross the network in clear'
    default:
      if (applicationType === 'web')
        return 'must be https (a scheme of its own is for application_type native)'
      return protocol.includes('.')
        ? undefined
        : 'uses a scheme that is not named after a domain, such as com.example.app:/callback (RFC 8252 §7.1)'
  }
}

/** Plain http to this machine itself: whatever listens there runs where the browser does. */
export function isLoopbackUri(text: string): boolean {
  const url = URL.parse(text)
  return url?.protocol === 'http:' && loopbackHosts.has(url.hostname)
}

/** What is wrong with an address that our server calls; `undefined`: nothing. */
export function serverUriFault(text: string): string | undefined {
  return redirectUriFault(text, 'web')
}

export function addressesOf(key: AppAddresses): AppAddresses {
  const { applicationType, redirectUris, postLogoutRedirectUris, backchannelLogoutUri } = key
  return {
    ...(applicationType !== undefined && { applicationType }),
    ...(redirectUris !== undefined && { redirectUris }),
    ...(postLogoutRedirectUris !== undefined && { postLogoutRedirectUris }),
    ...(backchannelLogoutUri !== undefined && { backchannelLogoutUri }),
  }
}

/** As an audit event tells them; what there is none of is left out. */
export function shownAddresses(addresses: AppAddresses): Readonly<Record<string, unknown>> {
  const { applicationType, redirectUris = [], postLogoutRedirectUris = [], backchannelLogoutUri } = addresses
  return {
    ...(applicationType !== undefined && { application_type: applicationType }),
    ...(redirectUris.length > 0 && { redirect_uris: redirectUris }),
    ...(postLogoutRedirectUris.length > 0 && { post_logout_redirect_uris: postLogoutRedirectUris }),
    ...(backchannelLogoutUri !== undefined && { backchannel_logout_uri: backchannelLogoutUri }),
  }
}
