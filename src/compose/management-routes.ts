import { auditRoutes } from '../audit/api.ts'
import { clientKeyRoutes } from '../client-keys/api.ts'
import { connectionRoutes } from '../connections/api.ts'
import { consentRoutes } from '../consents/api.ts'
import { endConsentsOfApp } from '../consents/end-consents-of-app.ts'
import { endConsentsOfUser } from '../consents/end-consents-of-user.ts'
import { authzenRulesRoutes } from '../decisions/api/authzen-rules.ts'
import { decisionLogRoutes } from '../decisions/api/decision-log.ts'
import { reachableRoutes } from '../decisions/api/reachable.ts'
import type { Route } from '../http/route.ts'
import { mailRoutes } from '../mail/api.ts'
import { destroyGrant } from '../oauth/destroy-grant.ts'
import { assertionLifeSecondsMax } from '../oauth/security-profile.ts'
import { domainRoutes } from '../organizations/api/domains.ts'
import { organizationRoutes } from '../organizations/api.ts'
import { registeredAppRoutes } from '../registered-apps/api.ts'
import { assumptionRoutes } from '../roles/api/assumptions.ts'
import { roleRoutes } from '../roles/api.ts'
import { secretRoutes } from '../secrets/api.ts'
import { serviceRoutes } from '../services/api.ts'
import { documentReader } from '../services/document-reader.ts'
import { resourceRoutes } from '../tags/api.ts'
import { userRoutes } from '../users/api.ts'
import { answersOfLaterRows } from './answers-of-later-rows.ts'
import { reservedSlugs } from './first-segments.ts'
import type { Parts } from './parts.ts'

/** Every operation of the management API. Its use cases read the store itself, not the cache: they decide on what is. */
export function managementRoutes(parts: Parts): readonly Route[] {
  const { config, machine, secrets, store, cached, outbox, outgoing, upstream, commit } = parts
  const { clock, newId, random, resolveTxt } = machine
  const { records, counters, artifacts, trails } = store
  const common = {
    ...{ records, counters, commit, clock, newId, random, secrets },
    ...{ origin: config.origin, sendMail: outbox.send },
  }
  const { belongings, serviceContents, rewraps, rolesNotFitting, ...holders } = answersOfLaterRows(
    common,
    cached.commit,
  )
  const ending = { ...common, destroyArtifacts: destroyGrant({ artifacts, secrets }) }
  return [
    ...organizationRoutes({ ...common, belongings }),
    ...domainRoutes({ ...common, resolveTxt }),
    ...serviceRoutes({
      ...common,
      readDocument: documentReader(),
      reservedSlugs,
      serviceContents,
      rolesNotFitting,
    }),
    ...roleRoutes({ ...common, ...holders }),
    ...assumptionRoutes(common),
    ...resourceRoutes(common),
    ...clientKeyRoutes(common),
    ...registeredAppRoutes({ ...common, endConsents: endConsentsOfApp(ending) }),
    ...userRoutes({ ...common, goesWithUser: [endConsentsOfUser(ending)] }),
    ...mailRoutes(common),
    ...consentRoutes(ending),
    ...connectionRoutes({ ...common, upstream, fetch: outgoing }),
    ...secretRoutes({ ...common, rewraps, assertionLifeSecondsMax }),
    ...auditRoutes(common),
    ...decisionLogRoutes({ records, trails }),
    ...reachableRoutes(common),
    ...authzenRulesRoutes(common),
  ]
}
