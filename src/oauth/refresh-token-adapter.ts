import { type Adapter, errors } from 'oidc-provider'
import type { ServiceId } from '../ids.ts'
import { secretIdOf } from '../secrets/sealed-under.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { Artifact } from '../storage/ports.ts'
import { type ArtifactDeps, artifactAdapter, findArtifact, openArtifact } from './artifact-adapter.ts'

/** For so long after a refresh token was rotated it may be sent again: its answer may have been lost. */
export const refreshGraceMs = 10_000

const model = 'RefreshToken'

/**
 * Refresh tokens are rotated (RFC 9700 §4.14.2), and an honest repeat is told from a stolen token: within the grace, until
 * the successor is used, a rotated token counts as unused, and every repeat gets the one successor. Later the library is
 * told that it was used, and revokes the whole family.
 * @param onRotate told the value that the next refresh token of this request must have
 */
export function refreshTokenAdapter(
  deps: ArtifactDeps,
  serviceId: ServiceId,
  onRotate: (successor: string) => void,
): Adapter {
  const { artifacts, secrets, clock } = deps
  const find = (id: string) => findArtifact(deps, serviceId, model, id)
  /** The HMAC by which a token gives its successor: no two repeats get different ones, and nothing but hashes is stored. */
  const successorOf = (id: string, secretAt: number): string => {
    const successor = secrets.digests('refresh-successors', `${serviceId}\0${id}`)[secretAt]
    if (successor === undefined) throw new Error('a refresh token is sealed under a secret that is not given')
    return successor
  }
  const mayBeRepeated = async (id: string, rotated: Artifact): Promise<boolean> => {
    if (rotated.consumedAt === undefined || clock() - rotated.consumedAt > refreshGraceMs) return false
    const successor = await find(successorOf(id, sealedAt(secrets, rotated)))
    // None yet: whoever was first has not stored it, or died before.
    return successor?.consumedAt === undefined
  }
  return {
    ...artifactAdapter(deps, serviceId, model),
    find: async (id) => {
      const found = await find(id)
      if (found === undefined) return undefined
      const { consumed, ...payload } = openArtifact(secrets, found)
      return consumed === undefined || (await mayBeRepeated(id, found)) ? payload : { ...payload, consumed }
    },
    consume: async (id) => {
      // A token's id is hashed under the very secret that seals it.
      for (const [secretAt, digest] of secrets.digests('artifact-ids', id).entries())
        if (await artifacts.consume(serviceId, model, digest)) return onRotate(successorOf(id, secretAt))
      const rotated = await find(id)
      if (rotated === undefined) throw new errors.InvalidGrant('refresh token not found')
      if (!(await mayBeRepeated(id, rotated))) throw new errors.InvalidGrant('refresh token already used')
      onRotate(successorOf(id, sealedAt(secrets, rotated)))
    },
  }
}

/** Which deployment secret sealed it: nodes agree on that while a newer one is put in front. */
function sealedAt(secrets: Secrets, { payload }: Artifact): number {
  return secrets.ids.indexOf(secretIdOf(payload) ?? '')
}
