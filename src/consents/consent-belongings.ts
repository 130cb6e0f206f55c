import type { Commit } from '../audit/record.ts'
import type { Belongings } from '../organizations/belongings.ts'
import type { ServiceContents } from '../services/service-contents.ts'
import { countLocatedUpTo, countUpTo, endInPages } from '../storage/in-pages.ts'
import { type Records, remove } from '../storage/ports.ts'
import { type Consent, consents } from './consent.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

function ended(consent: Consent, by: Parameters<Belongings['tidy']>[1]) {
  const { id, organizationId, serviceId, userId, clientId, appName } = consent
  const named = { user_id: userId, service_id: serviceId, client_id: clientId, app: appName }
  const details = { ...named, reason: 'gone_with_another' }
  return { type: 'consent.ended', organizationId, target: id, by, details } as const
}

/** The consents of an organization's people. Its tokens are dead already, so none needs an entry of its own. */
export function consentBelongings({ records, commit }: Deps): Belongings {
  return {
    kind: 'consents',
    count: (organizationId, max) =>
      countUpTo(records, organizationId, consents, { index: 'all', key: '', max }),
    tidy: (organizationId, by) =>
      endInPages(
        () => records.list(organizationId, consents, 'all', '', { limit: pageSize }),
        ([first, ...others]) =>
          commit(
            [ended(first, by), ...others.map((one) => ended(one, by))],
            [first, ...others].map((one) => remove(consents, one)),
          ),
      ),
  }
}

/** The consents at a service: its tokens have lost their signing key. */
export function consentContents({ records, commit }: Deps): ServiceContents {
  return {
    what: 'consents',
    count: ({ id }, max) => countLocatedUpTo(records, consents, { index: 'service', key: id, max }),
    tidy: (by, service) =>
      endInPages(
        () => records.locate(consents, 'service', service.id, { limit: pageSize }),
        async (places) => {
          for (const { organizationId, id } of places) {
            const consent = await records.find(organizationId, consents, id)
            if (consent !== undefined) await commit(ended(consent, by), [remove(consents, consent)])
          }
        },
      ),
  }
}
