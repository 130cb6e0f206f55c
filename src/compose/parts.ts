import { readFileSync } from 'node:fs'
import { type Commit, type Happening, recorder } from '../audit/record.ts'
import type { Config } from '../config.ts'
import { guardedFetch } from '../connections/guarded-fetch.ts'
import { openIdSignIn } from '../connections/openid-sign-in.ts'
import type { UpstreamSignIn } from '../connections/upstream-sign-in.ts'
import { type AfterAnswers, afterAnswers } from '../http/after-answers.ts'
import { errorForLog } from '../http/log.ts'
import type { Outbox } from '../mail/outbox.ts'
import { createDeliveries, type Deliveries } from '../oauth/deliveries.ts'
import { deploymentSecrets } from '../secrets/deployment-secrets.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { cacheRecords } from '../storage/cache.ts'
import { type Feed, followFeed } from '../storage/feed.ts'
import type { Store } from '../storage/ports.ts'
import { type DerivingThreads, derivingThreads } from '../users/argon2-threads.ts'
import type { Machine } from './machine.ts'
import { openOutbox } from './open-outbox.ts'
import { openStore } from './open-store.ts'

/** What everything else is built on; there before anything is listened at. */
export interface Parts {
  readonly config: Config
  readonly machine: Machine
  readonly secrets: Secrets
  readonly store: Store
  readonly feed: Feed
  /** Records through the cache, and the commit that keeps the cache true: every commit goes through it. */
  readonly cached: ReturnType<typeof cacheRecords>
  readonly outbox: Outbox
  readonly afterAnswers: AfterAnswers
  /** For addresses that customers give. */
  readonly outgoing: typeof fetch
  readonly upstream: UpstreamSignIn
  /** For passwords of people. */
  readonly passwordThreads: DerivingThreads
  /** To apps, when somebody has signed out. */
  readonly deliveries: Deliveries
  /** The `commit` of every domain. What it has stored, it tells `listeners`. */
  readonly commit: Commit
  /** Issuers join them once there are some. */
  readonly listeners: ((happening: Happening) => void)[]
}

export async function openParts(
  config: Config,
  secretTexts: readonly string[],
  machine: Machine,
): Promise<Parts> {
  const secrets = deploymentSecrets(secretTexts, machine.random)
  const store = await openStore(config.store, machine.clock)
  const feed = await followFeed({ changes: store.changes, monotonic: machine.monotonic })
  const cached = cacheRecords({ records: store.records, commit: store.commit, feed })
  const outgoing = outgoingFetch(config)
  const upstream = openIdSignIn({ secrets, clock: machine.clock, fetch: outgoing })
  const outbox = await openOutbox({ machine, secrets, store, cached }, config)
  const deliveries = openDeliveries(outgoing, machine)
  const listeners: Parts['listeners'][number][] = []
  const commit = recorder(cached.commit, machine.clock, machine.newId, (happening) => {
    for (const listen of listeners) listen(happening)
  })
  const opened = { config, machine, secrets, store, feed, cached, afterAnswers: afterAnswers(machine.random) }
  const passwordThreads = derivingThreads()
  return { ...opened, passwordThreads, outgoing, outbox, upstream, deliveries, commit, listeners }
}

export async function closeParts(parts: Parts): Promise<void> {
  const { afterAnswers, passwordThreads, deliveries, outbox, feed, store } = parts
  await afterAnswers.close()
  await passwordThreads.close()
  await deliveries.close()
  await outbox.close()
  await feed.stop()
  await store.close()
}

function openDeliveries(outgoing: typeof fetch, { log }: Machine): Deliveries {
  return createDeliveries({
    fetch: outgoing,
    onGivenUp: (host, why) => log.warn({ host, why }, 'an app was not told that somebody signed out'),
    onFault: (cause) => log.error({ err: errorForLog(cause) }, 'apps were not told that somebody signed out'),
  })
}

function outgoingFetch({ outgoing }: Config): typeof fetch {
  const { certificatesFile, ...rest } = outgoing
  const certificates = certificatesFile === undefined ? undefined : readFileSync(certificatesFile, 'utf8')
  return guardedFetch({ ...rest, certificates })
}
