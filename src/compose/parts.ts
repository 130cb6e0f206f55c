import { readFileSync } from 'node:fs'
import type { Config } from '../config.ts'
import { guardedFetch } from '../connections/guarded-fetch.ts'
import { openIdSignIn } from '../connections/openid-sign-in.ts'
import type { UpstreamSignIn } from '../connections/upstream-sign-in.ts'
import type { Outbox } from '../mail/outbox.ts'
import { deploymentSecrets } from '../secrets/deployment-secrets.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { cacheRecords } from '../storage/cache.ts'
import { type Feed, followFeed } from '../storage/feed.ts'
import type { Store } from '../storage/ports.ts'
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
  /** For addresses that customers give. */
  readonly outgoing: typeof fetch
  readonly upstream: UpstreamSignIn
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
  return { config, machine, secrets, store, feed, cached, outgoing, outbox, upstream }
}

export async function closeParts({ outbox, feed, store }: Parts): Promise<void> {
  await outbox.close()
  await feed.stop()
  await store.close()
}

function outgoingFetch({ outgoing }: Config): typeof fetch {
  const { certificatesFile, ...rest } = outgoing
  const certificates = certificatesFile === undefined ? undefined : readFileSync(certificatesFile, 'utf8')
  return guardedFetch({ ...rest, certificates })
}
