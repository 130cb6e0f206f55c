import { errorForLog } from '../http/log.ts'
import { accountsOf } from '../oauth/accounts.ts'
import { endedTokens } from '../oauth/ended-tokens.ts'
import { createIssuers, type Issuers } from '../oauth/issuers.ts'
import { tokenLimits } from '../oauth/limits.ts'
import { feedAgeMsMax } from '../storage/feed.ts'
import { passwordHasher } from '../users/argon2.ts'
import { tokenQuotas } from './quotas.ts'
import type { RunningParts } from './running-parts.ts'

/** Issuers of every service: tokens, sign-in, consent. */
export function tokenIssuers(parts: RunningParts): Issuers {
  const { config, machine, store, feed, cached, revocations, activity, outgoing } = parts
  const { deliveries, listeners, passwordThreads } = parts
  const { clock, log, random } = machine
  const signIns = signInParts(parts)
  const issuers = createIssuers({
    ...signIns,
    ...{ deliveries, outgoing, activity, records: cached.records, artifacts: store.artifacts },
    endedTokens: endedTokens({ revocations, clock, isStale: () => feed.ageMs() > feedAgeMsMax }),
    accounts: accountsOf({
      ...signIns,
      ...{ records: store.records, artifacts: store.artifacts, counters: store.counters },
      ...{ keep: cached.commit, hasher: passwordHasher(random, { derive: passwordThreads.derive }) },
      ...{ sendMail: parts.outbox.send, afterAnswers: parts.afterAnswers },
    }),
    limits: tokenLimits(tokenQuotas(config)),
    onFault: (cause, requestId) =>
      log.error({ request_id: requestId, err: errorForLog(cause) }, 'a token request failed'),
  })
  listeners.push(issuers.hear)
  return issuers
}

/** What a sign-in is made of, at an issuer as at a connection's callback. */
export function signInParts({ config, machine, secrets, store, upstream, commit }: RunningParts) {
  const { clock, log, newId, random } = machine
  return {
    ...{ clock, newId, random, secrets, upstream, origin: config.origin, storedRecords: store.records },
    commit,
    onFault: (cause: unknown, requestId: string) =>
      log.error({ request_id: requestId, err: errorForLog(cause) }, 'a sign-in failed'),
  }
}
