import type { Adapter, AdapterPayload } from 'oidc-provider'
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

/** Ends one of the person's own sessions; another's, or none, is no fault. Answers which apps it was used for. */
export async function endSession(
  deps: ArtifactDeps,
  serviceId: ServiceId,
  userId: UserId,
  id: string,
): Promise<readonly AppInSession[]> {
  const found = await deps.artifacts.listByAccount(serviceId, model, userId, { limit: sessionsMax })
  const one = found.find((artifact) => seen(deps, artifact).id === id)
  if (one === undefined) return []
  await deps.artifacts.destroy(serviceId, model, one.id)
  return appsIn(openArtifact(deps.secrets, one))
}

/** An app that has signed the person in during a session, by the name that it has for the session. */
export interface AppInSession {
  readonly clientId: string
  readonly sid: string
}

/** The apps of each of the person's sessions at the service. */
export async function signedInAt(
  deps: Pick<ArtifactDeps, 'artifacts' | 'secrets'>,
  serviceId: ServiceId,
  userId: UserId,
): Promise<readonly { readonly apps: readonly AppInSession[] }[]> {
  const found = await deps.artifacts.listByAccount(serviceId, model, userId, { limit: sessionsMax })
  return found.map((one) => ({ apps: appsIn(openArtifact(deps.secrets, one)) }))
}

export function appsIn({ authorizations }: Pick<AdapterPayload, 'authorizations'>): readonly AppInSession[] {
  return Object.entries(authorizations ?? {}).flatMap(([clientId, { sid }]) =>
    sid === undefined ? [] : [{ clientId, sid }],
  )
}

function seen({ secrets }: ArtifactDeps, artifact: Artifact): SeenSession {
  const { uid = '', loginTs = 0, seenAt, browser } = openArtifact(secrets, artifact)
  return {
    // Known to the library alone, and no way in: only the cookie's value is.
    id: uid,
    startedAt: loginTs * 1000,
    // Who has just signed out everywhere signs in up to a second ahead.
    lastSeenAt: Math.max(typeof seenAt === 'number' ? seenAt : 0, loginTs * 1000),
    browser: typeof browser === 'string' ? browser : browserName(undefined),
  }
}
