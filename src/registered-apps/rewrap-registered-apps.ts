import { type Rewrap, rewrapOf } from '../secrets/rewrap.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { registeredApps } from './registered-app.ts'

type Deps = Parameters<typeof rewrapOf>[0] & { readonly secrets: Secrets }

/** The hashes of apps' secrets. Nothing changes for the apps. */
export function rewrapRegisteredApps({ secrets, ...deps }: Deps): Rewrap {
  const label = 'client-secrets'
  return rewrapOf(deps, {
    kind: 'registered_apps',
    collection: registeredApps,
    reseal: ({ sealedHash, ...app }) => ({
      ...app,
      ...(sealedHash !== undefined && {
        sealedHash: secrets.seal(label, app.id, secrets.open(label, app.id, sealedHash)),
      }),
    }),
  })
}
