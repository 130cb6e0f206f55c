import { type Rewrap, rewrapOf } from '../secrets/rewrap.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { type Connection, connections } from './connection.ts'

type Deps = Parameters<typeof rewrapOf>[0] & { readonly secrets: Secrets }

/** The secrets with which connections prove themselves. A test that is under way ends with its deployment secret. */
export function rewrapConnections(deps: Deps): Rewrap {
  return rewrapOf(deps, {
    kind: 'connections',
    collection: connections,
    reseal: (connection) => resealed(connection, deps.secrets),
  })
}

function resealed(connection: Connection, secrets: Secrets): Connection {
  const { id, authentication } = connection
  if (authentication.kind === 'none' || authentication.sealedSecret === undefined) return connection
  const label = 'connection-secrets'
  const sealedSecret = secrets.seal(label, id, secrets.open(label, id, authentication.sealedSecret))
  return { ...connection, authentication: { ...authentication, sealedSecret } }
}
