import type { EpochMs } from '../clock.ts'
import type { Service } from '../services/service.ts'
import { signInOf } from '../services/sign-in.ts'

/** For so long a person may take to sign in and decide. */
export const interactionSeconds = 1800

/**
 * A session ends when nobody has used it for a while, and some time after the sign-in whatever is done with it.
 * @param beganAt in seconds
 * @returns what is left, in seconds
 */
export function sessionSeconds(service: Service, beganAt: number | undefined, nowMs: EpochMs): number {
  if (beganAt === undefined) return interactionSeconds
  const { sessionIdleSeconds, sessionAbsoluteSeconds } = signInOf(service)
  const left = beganAt + sessionAbsoluteSeconds - Math.floor(nowMs / 1000)
  return Math.max(1, Math.min(sessionIdleSeconds, left))
}
