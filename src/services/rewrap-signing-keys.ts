import { type Rewrap, rewrapOf } from '../secrets/rewrap.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { type SigningKey, services } from './service.ts'

type Deps = Parameters<typeof rewrapOf>[0] & { readonly secrets: Secrets }

/** The private halves of services' signing keys. The keys are the same after it, and so is every `kid`. */
export function rewrapSigningKeys(deps: Deps): Rewrap {
  return rewrapOf(deps, {
    kind: 'services',
    collection: services,
    reseal: (service) => ({
      ...service,
      signingKeys: service.signingKeys.map((key) => resealed(key, deps.secrets)),
    }),
  })
}

function resealed(key: SigningKey, secrets: Secrets): SigningKey {
  const label = 'signing-keys'
  const opened = secrets.open(label, key.id, key.sealedPrivateJwk)
  return { ...key, sealedPrivateJwk: secrets.seal(label, key.id, opened) }
}
