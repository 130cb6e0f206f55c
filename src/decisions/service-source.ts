import type { ServiceId } from '../ids.ts'
import type { LiveRevocations } from '../revocations/live.ts'
import type { ServiceBundle } from '../sdk/compiled-bundle.ts'
import type { Deliver } from '../sdk/decision-log.ts'
import type { GuardSource } from '../sdk/guard-source.ts'
import { inProcessSource } from '../sdk/in-process-source.ts'
import type { Service } from '../services/service.ts'
import { derived } from '../storage/derived.ts'
import { feedAgeMsMax } from '../storage/feed.ts'
import type { Records } from '../storage/ports.ts'
import { serviceBundleOf, wireRevocation } from './bundle.ts'
import { organizationFact, resourceFact, roleFact } from './facts.ts'

export interface ServiceSourceDeps {
  /** The cached ones: every check asks them. */
  readonly records: Records
  /** Where resources are looked up, if not there: of many each is asked for now and then. */
  readonly resourceRecords?: Records
  readonly revocations: LiveRevocations
  readonly origin: string
  readonly feedAgeMs: () => number
  /** Keeps what is decided here. */
  readonly deliver?: Deliver
}

/**
 * What is decided by at the server itself: the node's own store, no loopback call.
 * @param find the service as it is now; throws where there is none any more
 * @param serviceId whose revocations count; absent: all there are
 */
export function serviceSource(
  deps: ServiceSourceDeps,
  find: () => Promise<Service>,
  serviceId?: ServiceId,
): GuardSource {
  const { records, resourceRecords = records, revocations, origin, feedAgeMs, deliver } = deps
  const bundleOf = derived((service: Service): ServiceBundle => serviceBundleOf(service, origin))
  return inProcessSource({
    bundle: async () => bundleOf(await find()),
    organization: async (id) => organizationFact(records, await find(), id),
    role: async (id) => roleFact(records, await find(), id),
    resource: async (name) => resourceFact(resourceRecords, await find(), name),
    revocationGeneration: () => revocations.generation(),
    revocations: () => revocations.of(serviceId).map(wireRevocation),
    isStale: () => feedAgeMs() > feedAgeMsMax,
    position: () => revocations.position(),
    ...(deliver === undefined ? {} : { deliver }),
  })
}
