import type { Commit } from '../audit/record.ts'
import { keyBelongings } from '../client-keys/key-belongings.ts'
import { keyContents } from '../client-keys/key-contents.ts'
import { keysHolding, revokeHolders } from '../client-keys/key-holders.ts'
import { keyTagKeys } from '../client-keys/key-tag-keys.ts'
import { rewrapClientKeys } from '../client-keys/rewrap-client-keys.ts'
import type { Clock } from '../clock.ts'
import { connectionBelongings } from '../connections/connection-belongings.ts'
import { connectionContents } from '../connections/connection-contents.ts'
import { connectionsGiving, takeFromMappings } from '../connections/connection-holders.ts'
import { rewrapConnections } from '../connections/rewrap-connections.ts'
import { consentBelongings, consentContents } from '../consents/consent-belongings.ts'
import type { NewId } from '../ids.ts'
import { rewrapMails } from '../mail/rewrap-mails.ts'
import { domainBelongings } from '../organizations/domain-belongings.ts'
import { appContents, initialAccessTokenContents } from '../registered-apps/app-contents.ts'
import { rewrapRegisteredApps } from '../registered-apps/rewrap-registered-apps.ts'
import {
  assumptionBelongings,
  assumptionContents,
  assumptionsOf,
  endAssumptionsOf,
  receivedAssumptionBelongings,
} from '../roles/assumption-belongings.ts'
import { roleBelongings } from '../roles/role-belongings.ts'
import { roleContents } from '../roles/role-contents.ts'
import { rolesNotFitting } from '../roles/roles-not-fitting.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { rewrapSigningKeys } from '../services/rewrap-signing-keys.ts'
import { entitlementBelongings, serviceBelongings } from '../services/service-belongings.ts'
import type { Store } from '../storage/ports.ts'
import { resourceBelongings, resourceContents } from '../tags/resource-belongings.ts'
import { resourceTagKeys } from '../tags/resource-tag-keys.ts'
import { rewrapLinks, rewrapUsers } from '../users/rewrap-users.ts'
import { userBelongings } from '../users/user-belongings.ts'
import { userContents } from '../users/user-contents.ts'
import { takeFromHolders, usersHolding } from '../users/user-holders.ts'
import { userTagKeys } from '../users/user-tag-keys.ts'

interface Deps {
  readonly records: Store['records']
  readonly commit: Commit
  readonly clock: Clock
  readonly newId: NewId
  readonly secrets: Secrets
}

/**
 * What earlier domains ask and only later ones know: what an organization or a service has, who holds a role, what is
 * sealed under a deployment secret. A new kind of document joins the lists that it belongs in.
 *
 * @param keep commits without an event: sealing anew changes nothing that anybody would want told
 */
export function answersOfLaterRows(deps: Deps, keep: Store['commit']) {
  const { records, secrets } = deps
  return {
    belongings: [
      ...[serviceBelongings, entitlementBelongings, roleBelongings, resourceBelongings, keyBelongings],
      ...[userBelongings, connectionBelongings, consentBelongings, domainBelongings],
      ...[assumptionBelongings, receivedAssumptionBelongings],
    ].map((of) => of(deps)),
    serviceContents: [
      ...[resourceContents, keyContents, userContents, connectionContents, consentContents],
      ...[assumptionContents, roleContents, appContents, initialAccessTokenContents],
    ].map((of) => of(deps)),
    holdersOf: [keysHolding, usersHolding, connectionsGiving, assumptionsOf].map((of) => of(records)),
    endHolders: [revokeHolders, takeFromHolders, takeFromMappings, endAssumptionsOf].map((of) => of(deps)),
    tagKeysInUse: [resourceTagKeys, keyTagKeys, userTagKeys].map((of) => of(records)),
    rolesNotFitting: rolesNotFitting(records),
    rewraps: [
      ...[rewrapSigningKeys, rewrapClientKeys, rewrapConnections, rewrapRegisteredApps],
      ...[rewrapUsers, rewrapLinks, rewrapMails],
    ].map((of) => of({ records, secrets, commit: keep })),
  }
}
