import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import type { Clock } from '../clock.ts'
import type { ServiceId } from '../ids.ts'
import type { Secrets } from '../secrets/secrets.ts'
import type { Artifact, Artifacts } from '../storage/ports.ts'

export interface ArtifactDeps {
  readonly artifacts: Artifacts
  readonly secrets: Secrets
  readonly clock: Clock
}

/**
 * What `oidc-provider` keeps for one service and model: payloads sealed, ids known only by their keyed hash.
 * @param onUsedTwice told the grant of what several have used at the same time
 */
export function artifactAdapter(
  deps: ArtifactDeps,
  serviceId: ServiceId,
  model: string,
  onUsedTwice: (grantId: string) => Promise<void> = async () => {},
): Adapter {
  const { artifacts, secrets } = deps
  const opened = async (found: Promise<Artifact | undefined>) => {
    const artifact = await found
    return artifact && openArtifact(secrets, artifact)
  }
  const firstFound = (text: string, look: (id: string) => Promise<Artifact | undefined>) =>
    foundFirst(secrets, text, look)
  const find = (id: string) => findArtifact(deps, serviceId, model, id)
  return {
    upsert: (id, payload, expiresIn) =>
      artifacts.upsert(serviceId, model, sealed(deps, id, payload, expiresIn)),
    find: (id) => opened(find(id)),
    findByUid: (uid) => opened(firstFound(uid, (digest) => artifacts.findByUid(serviceId, model, digest))),
    findByUserCode: (code) =>
      opened(firstFound(code, (digest) => artifacts.findByUserCode(serviceId, model, digest))),
    consume: async (id) => {
      const found = await find(id)
      // The library reads, checks, then consumes: of several that read it unconsumed, the store lets one through.
      if (found !== undefined && (await artifacts.consume(serviceId, model, found.id))) return
      // Whoever came later has it end what it bought (RFC 6749 §4.1.2); who came at the same moment has, too.
      const { grantId } = found === undefined ? {} : openArtifact(secrets, found)
      if (grantId !== undefined) await onUsedTwice(grantId)
      throw new errors.InvalidGrant('already consumed')
    },
    destroy: async (id) => {
      for (const digest of secrets.digests('artifact-ids', id))
        await artifacts.destroy(serviceId, model, digest)
    },
    revokeByGrantId: async (grantId) => {
      for (const digest of secrets.digests('artifact-ids', grantId))
        await artifacts.destroyByGrant(serviceId, digest)
    },
  }
}

/** Looks for what the library knows by this id; as the store keeps it. */
export function findArtifact(
  { artifacts, secrets }: ArtifactDeps,
  serviceId: ServiceId,
  model: string,
  id: string,
): Promise<Artifact | undefined> {
  return foundFirst(secrets, id, (digest) => artifacts.find(serviceId, model, digest))
}

/** Newest deployment secret first: what was hashed before a rotation is still found. */
async function foundFirst(
  secrets: Secrets,
  text: string,
  look: (id: string) => Promise<Artifact | undefined>,
): Promise<Artifact | undefined> {
  for (const id of secrets.digests('artifact-ids', text)) {
    const found = await look(id)
    if (found !== undefined) return found
  }
  return undefined
}

/** What the library gave to keep, and since when it is consumed. */
export function openArtifact(secrets: Secrets, found: Artifact): AdapterPayload {
  // Sealed by `upsert` above and authenticated since, so it is what the library gave us.
  const payload = JSON.parse(secrets.open('artifacts', found.id, found.payload).toString()) as AdapterPayload
  return found.consumedAt === undefined
    ? payload
    : { ...payload, consumed: Math.floor(found.consumedAt / 1000) }
}

function sealed(
  { secrets, clock }: ArtifactDeps,
  id: string,
  payload: AdapterPayload,
  expiresIn: number | undefined,
): Artifact {
  const digest = (text: string) => secrets.digest('artifact-ids', text)
  const hashedId = digest(id)
  const { uid, userCode, grantId, accountId } = payload
  return {
    id: hashedId,
    payload: secrets.seal('artifacts', hashedId, JSON.stringify(payload)),
    ...(uid === undefined ? {} : { uid: digest(uid) }),
    ...(userCode === undefined ? {} : { userCode: digest(userCode) }),
    ...(grantId === undefined ? {} : { grantId: digest(grantId) }),
    ...(accountId === undefined ? {} : { accountId }),
    ...(expiresIn === undefined ? {} : { expiresAt: clock() + expiresIn * 1000 }),
  }
}

/**
 * What may be taken once: `true` for at most one caller, whatever the number of processes. Kept for as long as it could
 * come again.
 */
export function takeOnce(deps: ArtifactDeps, serviceId: ServiceId, model: string) {
  const { artifacts, secrets } = deps
  return async (issuer: string, id: string, expiresAtSeconds: number): Promise<boolean> => {
    // Under every deployment secret: during a rotation nodes differ in which is the newest, and each must see what the
    // others took. In an order that they share, so that of two at once one takes all.
    for (const digest of secrets.digests('artifact-ids', `${issuer}\0${id}`).toSorted()) {
      const payload = secrets.seal('artifacts', digest, '{}')
      await artifacts.upsert(serviceId, model, { id: digest, payload, expiresAt: expiresAtSeconds * 1000 })
      if (!(await artifacts.consume(serviceId, model, digest))) return false
    }
    return true
  }
}

/** Takes a client assertion's `jti` (RFC 7523 §3); kept until the assertion has expired. */
export function takeAssertionId(deps: ArtifactDeps, serviceId: ServiceId) {
  return takeOnce(deps, serviceId, 'ReplayDetection')
}
