import type { Adapter } from 'oidc-provider'
import type { EpochMs } from '../clock.ts'
import type { ServiceId, UserId } from '../ids.ts'
import type { Artifact } from '../storage/ports.ts'
import { type ArtifactDeps, artifactAdapter, openArtifact } from './artifact-adapter.ts'
import { browserName } from './browser-name.ts'

const model = 'Session'
/** So many of one person at one service are shown. */
const sessionsMax = 100

/** One sign-in of a person at one browser. */
export interface SeenSession {
  readonly id: string
  readonly startedAt: EpochMs
  readonly lastSeenAt: EpochMs
  readonly browser: string
}

/**
 * Sessions as the library keeps them, and beside it what their person wants to know.
 * @param userAgent of the request that the library works on
 */
export function sessionAdapter(
  deps: ArtifactDeps,
  serviceId: ServiceId,
  userAgent: () => string | undefined,
): Adapter {
  const kept = artifactAdapter(deps, serviceId, model)
  return {
    ...kept,
    upsert: (id, payload, expiresIn) => {
      const seen = { seenAt: deps.clock(), browser: browserName(userAgent()) }
      return kept.upsert(id, { ...payload, ...seen }, expiresIn)
    },
  }
}

/** The person's sessions at the service, those seen last first. */
export async function sessionsOf(
  deps: ArtifactDeps,
  serviceId: ServiceId,
  userId: UserId,
): Promise<readonly SeenSession[]> {
  const found = await deps.artifacts.listByAccount(serviceId, model, userId, { limit: sessionsMax })
  return found.map((one) => seen(deps, one)).toSorted((a, b) => b.lastSeenAt - a.lastSeenAt)
}

/** Ends one of the person's own sessions; another's, or none, is no fault. */
export async function endSession(
  deps: ArtifactDeps,
  serviceId: ServiceId,
  userId: UserId,
  id: string,
): Promise<void> {
  const found = await deps.artifacts.listByAccount(serviceId, model, userId, { limit: sessionsMax })
  for (const one of found)
    if (seen(deps, one).id === id) await deps.artifacts.destroy(serviceId, model, one.id)
}

function seen({ secrets }: ArtifactDeps, artifact: Artifact): SeenSession {
  const { uid = '', loginTs = 0, seenAt, browser } = openArtifact(secrets, artifact)
  return {
    // Known to the library alone, and no way in: only the cookie's value is.
    id: uid,
    startedAt: loginTs * 1000,
    lastSeenAt: typeof seenAt === 'number' ? seenAt : loginTs * 1000,
    browser: typeof browser === 'string' ? browser : browserName(undefined),
  }
}
