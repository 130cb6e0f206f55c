import { endInPages } from '../storage/in-pages.ts'
import type { Records } from '../storage/ports.ts'
import type { GoesWithUser } from '../users/delete-user.ts'
import { consents } from './consent.ts'
import { endConsent } from './end-consent.ts'

type Deps = Parameters<typeof endConsent>[0] & { readonly records: Records }

const pageSize = 100

/** What a person has let apps do goes with the person, an event each. */
export function endConsentsOfUser(deps: Deps): GoesWithUser {
  return (by, { organizationId, id }) =>
    endInPages(
      () => deps.records.list(organizationId, consents, 'user', id, { limit: pageSize }),
      async (page) => {
        for (const consent of page) await endConsent(deps, by, consent, 'user_gone')
      },
    )
}
