import { type Rewrap, rewrapOf } from '../secrets/rewrap.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { oneTimeLinks } from './one-time-link.ts'
import { users } from './user.ts'

type Deps = Parameters<typeof rewrapOf>[0] & { readonly secrets: Secrets }

/** The hashes of passwords. Nobody signs in anew: passwords, authority, sessions and tokens stay. */
export function rewrapUsers(deps: Deps): Rewrap {
  const { secrets } = deps
  return rewrapOf(deps, {
    kind: 'users',
    collection: users,
    reseal: (user) => {
      if (user.password === undefined) return user
      const plain = secrets.open('passwords', user.id, user.password.sealedHash)
      return {
        ...user,
        password: { ...user.password, sealedHash: secrets.seal('passwords', user.id, plain) },
      }
    },
  })
}

/** The hashes of links that were mailed and not yet used. */
export function rewrapLinks(deps: Deps): Rewrap {
  const { secrets } = deps
  return rewrapOf(deps, {
    kind: 'one_time_links',
    collection: oneTimeLinks,
    reseal: (link) => ({
      ...link,
      sealedHash: secrets.seal('links', link.id, secrets.open('links', link.id, link.sealedHash)),
    }),
  })
}
