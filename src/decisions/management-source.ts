import type { LiveRevocations } from '../revocations/live.ts'
import type { ServiceBundle } from '../sdk/compiled-bundle.ts'
import type { GuardSource } from '../sdk/guard-source.ts'
import { inProcessSource } from '../sdk/in-process-source.ts'
import { type Service, services } from '../services/service.ts'
import { derived } from '../storage/derived.ts'
import type { Records } from '../storage/ports.ts'
import { wireRevocation } from './bundle.ts'
import { organizationFact, roleFact } from './facts.ts'

interface Deps {
  /** The cached ones: every check asks them. */
  readonly records: Records
  readonly revocations: LiveRevocations
  readonly origin: string
  readonly feedAgeMs: () => number
}

/** The slug of the service that protects the management API. */
export const managementSlug = 'latchkey'
const feedAgeMsMax = 5_000

/** What the guard of the management API decides by: this process's own cache, no loopback call. */
export function managementSource({ records, revocations, origin, feedAgeMs }: Deps): GuardSource {
  const bundleOf = derived(
    (service: Service): ServiceBundle => ({
      service: {
        id: service.id,
        slug: service.slug,
        issuer: `${origin}/${service.slug}`,
        audience: service.audience,
        access_token_ttl_seconds: service.accessTokenTtlSeconds,
      },
      model: service.model,
      signing_keys: { keys: service.signingKeys.map((key) => key.publicJwk) },
    }),
  )
  async function ownService(): Promise<Service> {
    const [place] = await records.locate(services, 'slug', managementSlug, { limit: 1 })
    const service = place && (await records.find(place.organizationId, services, place.id))
    if (service === undefined) throw new Error('the service latchkey is not in the store')
    return service
  }
  return inProcessSource({
    bundle: async () => bundleOf(await ownService()),
    organization: async (id) => organizationFact(records, await ownService(), id),
    role: async (id) => roleFact(records, await ownService(), id),
    revocationGeneration: () => revocations.generation(),
    revocations: () => revocations.of(undefined).map(wireRevocation),
    isStale: () => feedAgeMs() > feedAgeMsMax,
    position: () => revocations.position(),
  })
}
