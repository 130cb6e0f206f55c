import type { Actor } from '../audit/record.ts'
import { endInPages } from '../storage/in-pages.ts'
import type { Records } from '../storage/ports.ts'
import { consents } from './consent.ts'
import { endConsent } from './end-consent.ts'

type Deps = Parameters<typeof endConsent>[0] & { readonly records: Records }

const pageSize = 100

/** What people have let an app do ends when there is no such app any more, an event each. Safe to repeat. */
export function endConsentsOfApp(deps: Deps): (by: Actor, clientId: string) => Promise<void> {
  return (by, clientId) =>
    endInPages(
      () => deps.records.locate(consents, 'clientAnywhere', clientId, { limit: pageSize }),
      async (places) => {
        for (const { organizationId, id } of places) {
          const consent = await deps.records.find(organizationId, consents, id)
          if (consent !== undefined) await endConsent(deps, by, consent, 'app_gone')
        }
      },
    )
}
