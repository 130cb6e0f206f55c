import { errors } from 'oidc-provider'
import { registeredApps } from '../registered-apps/registered-app.ts'
import type { Service } from '../services/service.ts'
import { signInOf } from '../services/sign-in.ts'
import { countLocatedUpTo } from '../storage/in-pages.ts'
import type { IssuerDeps } from './issuer-deps.ts'

const openAppsMaxDefault = 10_000
const countedForMs = 60_000

type Deps = Pick<IssuerDeps, 'clock' | 'openAppsMax' | 'storedRecords'>

/**
 * Where anybody may register, so many apps are taken and no more: else whoever has many addresses fills the store. Counted
 * anew each minute, so that who registers does not cost a count; nodes may so take a few more.
 * @returns counts one more; throws the library's error where there are too many
 */
export function openAppCounter(deps: Deps, service: Service): () => Promise<void> {
  const { clock, openAppsMax = openAppsMaxDefault, storedRecords } = deps
  const what = { index: 'service', key: service.id, max: openAppsMax }
  let counted = { at: Number.NEGATIVE_INFINITY, count: 0 }
  return async () => {
    if (signInOf(service).registration !== 'open') return
    if (clock() - counted.at >= countedForMs)
      counted = { at: clock(), count: await countLocatedUpTo(storedRecords, registeredApps, what) }
    if (counted.count >= openAppsMax) throw new TooManyApps()
    counted.count += 1
  }
}

/** RFC 7591 §3.2.2 has no error for it; this one is told by its text. */
class TooManyApps extends errors.OIDCProviderError {
  constructor() {
    super(403, 'access_denied')
    this.error_description =
      'this service has as many apps as it takes; those that nobody uses go after 30 days, or ask its operator'
  }
}
