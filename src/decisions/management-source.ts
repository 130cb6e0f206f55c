import type { LiveRevocations } from '../revocations/live.ts'
import type { ServiceBundle } from '../sdk/compiled-bundle.ts'
import type { Deliver } from '../sdk/decision-log.ts'
import type { GuardSource } from '../sdk/guard-source.ts'
import { inProcessSource } from '../sdk/in-process-source.ts'
import { findServiceBySlug } from '../services/find-service.ts'
import { managementSlug } from '../services/management-service.ts'
import type { Service } from '../services/service.ts'
import { derived } from '../storage/derived.ts'
import { feedAgeMsMax } from '../storage/feed.ts'
import type { Records } from '../storage/ports.ts'
import { serviceBundleOf, wireRevocation } from './bundle.ts'
import { organizationFact, resourceFact, roleFact } from './facts.ts'

interface Deps {
  /** The cached ones: every check asks them. */
  readonly records: Records
  readonly revocations: LiveRevocations
  readonly origin: string
  readonly feedAgeMs: () => number
  /** Keeps what is decided here. */
  readonly deliver: Deliver
}

/** What the guard of the management API decides by: this process's own cache, no loopback call. */
export function managementSource({ records, revocations, origin, feedAgeMs, deliver }: Deps): GuardSource {
  const bundleOf = derived((service: Service): ServiceBundle => serviceBundleOf(service, origin))
  async function ownService(): Promise<Service> {
    const service = await findServiceBySlug(records, managementSlug)
    if (service === undefined) throw new Error('the service latchkey is not in the store')
    return service
  }
  return inProcessSource({
    bundle: async () => bundleOf(await ownService()),
    organization: async (id) => organizationFact(records, await ownService(), id),
    role: async (id) => roleFact(records, await ownService(), id),
    resource: async (name) => resourceFact(records, await ownService(), name),
    revocationGeneration: () => revocations.generation(),
    revocations: () => revocations.of(undefined).map(wireRevocation),
    isStale: () => feedAgeMs() > feedAgeMsMax,
    position: () => revocations.position(),
    deliver,
  })
}
