import type { Commit } from '../audit/record.ts'
import type { ServiceContents } from '../services/service-contents.ts'
import { countLocatedUpTo, endInPages } from '../storage/in-pages.ts'
import { type Collection, type Records, remove, type Stored } from '../storage/ports.ts'
import { initialAccessTokens } from './initial-access-token.ts'
import { registeredApps } from './registered-app.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

const pageSize = 100

/** The apps that registered themselves at a service go with it. Their tokens have lost their signing key already. */
export function appContents(deps: Deps): ServiceContents {
  return contentsOf(deps, 'registered apps', registeredApps, 'app.deleted')
}

export function initialAccessTokenContents(deps: Deps): ServiceContents {
  return contentsOf(deps, 'initial access tokens', initialAccessTokens, 'initial_access_token.deleted')
}

function contentsOf<T extends Stored>(
  { records, commit }: Deps,
  what: string,
  collection: Collection<T>,
  type: 'app.deleted' | 'initial_access_token.deleted',
): ServiceContents {
  return {
    what,
    count: ({ id }, max) => countLocatedUpTo(records, collection, { index: 'service', key: id, max }),
    tidy: (by, service) =>
      endInPages(
        () => records.locate(collection, 'service', service.id, { limit: pageSize }),
        async (places) => {
          for (const { organizationId, id } of places) {
            const found = await records.find(organizationId, collection, id)
            if (found === undefined) continue
            const details = { service: service.slug }
            await commit({ type, organizationId, target: id, by, details }, [remove(collection, found)])
          }
        },
      ),
  }
}
