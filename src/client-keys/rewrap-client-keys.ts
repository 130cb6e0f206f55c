import { type Rewrap, rewrapOf } from '../secrets/rewrap.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { type ClientKey, clientKeys } from './client-key.ts'

type Deps = Parameters<typeof rewrapOf>[0] & { readonly secrets: Secrets }

/** The hashes of client secrets. No key changes for its owner: its secrets, authority and tokens stay. */
export function rewrapClientKeys(deps: Deps): Rewrap {
  return rewrapOf(deps, {
    kind: 'client_keys',
    collection: clientKeys,
    reseal: (key) => resealed(key, deps.secrets),
  })
}

function resealed(key: ClientKey, secrets: Secrets): ClientKey {
  const { id, authentication } = key
  if (authentication.kind !== 'secret') return key
  const label = 'client-secrets'
  const moved = authentication.secrets.map((one) => ({
    ...one,
    sealedHash: secrets.seal(label, id, secrets.open(label, id, one.sealedHash)),
  }))
  return { ...key, authentication: { kind: 'secret', secrets: moved } }
}
