import { DomainError, type Fault } from '../errors.ts'
import { type AppAddresses, redirectUriFault, serverUriFault } from './redirect-uris.ts'

/** What is absent stays. */
export interface AddressesChange {
  readonly applicationType?: AppAddresses['applicationType'] | undefined
  readonly redirectUris?: readonly string[] | undefined
  readonly postLogoutRedirectUris?: readonly string[] | undefined
  /** `null`: nobody is told. */
  readonly backchannelLogoutUri?: string | null | undefined
}

/**
 * The addresses of an app after a change, all of them looked at again: what a native app may use a web app may not.
 * @throws {DomainError} `invalid_request` with every fault at its place
 */
export function changedAddresses(before: AppAddresses, change: AddressesChange): AppAddresses {
  const applicationType = change.applicationType ?? before.applicationType
  const redirectUris = change.redirectUris ?? before.redirectUris
  const postLogoutRedirectUris = change.postLogoutRedirectUris ?? before.postLogoutRedirectUris
  const backchannelLogoutUri =
    change.backchannelLogoutUri === undefined ? before.backchannelLogoutUri : change.backchannelLogoutUri
  const after: AppAddresses = {
    ...(applicationType !== undefined && { applicationType }),
    ...(redirectUris !== undefined && { redirectUris: [...new Set(redirectUris)] }),
    ...(postLogoutRedirectUris !== undefined && {
      postLogoutRedirectUris: [...new Set(postLogoutRedirectUris)],
    }),
    ...(typeof backchannelLogoutUri === 'string' && { backchannelLogoutUri }),
  }
  const faults = faultsOf(after)
  if (faults.length > 0) throw new DomainError('invalid_request', 'an address will not do', { faults })
  return after
}

function faultsOf(addresses: AppAddresses): readonly Fault[] {
  const { applicationType = 'web', redirectUris, postLogoutRedirectUris, backchannelLogoutUri } = addresses
  const inList = (pointer: string, uris: readonly string[] = []) =>
    uris.flatMap((uri, i) => fault(`${pointer}/${i}`, redirectUriFault(uri, applicationType)))
  return [
    ...inList('/redirect_uris', redirectUris),
    ...inList('/post_logout_redirect_uris', postLogoutRedirectUris),
    ...(backchannelLogoutUri === undefined
      ? []
      : fault('/backchannel_logout_uri', serverUriFault(backchannelLogoutUri))),
  ]
}

function fault(pointer: string, detail: string | undefined): readonly Fault[] {
  return detail === undefined ? [] : [{ pointer, detail }]
}
