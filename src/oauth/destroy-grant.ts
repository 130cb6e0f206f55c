import type { Consent } from '../consents/consent.ts'
import type { ArtifactDeps } from './artifact-adapter.ts'

/** Destroys the codes and tokens that a consent has bought, under whichever deployment secret they were kept. */
export function destroyGrant({ artifacts, secrets }: Pick<ArtifactDeps, 'artifacts' | 'secrets'>) {
  return async ({ id, serviceId }: Consent): Promise<void> => {
    for (const digest of secrets.digests('artifact-ids', id))
      await artifacts.destroyByGrant(serviceId, digest)
  }
}
