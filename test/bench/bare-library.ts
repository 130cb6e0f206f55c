import { said } from './deployment.ts'
import type { AppAt } from './load-flows.ts'
import { onServerCore } from './side-by-side.ts'

/** People who have signed in and consented before, at one app. */
export interface PeopleAt {
  readonly app: AppAt
  /** What the browser of each sends. */
  readonly cookies: readonly string[]
}

/** What the process of the bare library says of itself, in one short line. */
export interface BareProvider {
  readonly tokenEndpoint: string
  readonly idPrefix: string
  readonly count: number
  readonly clientSecret: string
  readonly people: PeopleAt
}

export interface BareLibrary {
  readonly tokenEndpoint: string
  /** `id:secret` of each machine. */
  readonly clients: readonly string[]
  readonly people: PeopleAt
  stop(): void
}

/** The bare library in a process of its own. */
export async function startBare(): Promise<BareLibrary> {
  const child = onServerCore('bare-provider.ts')
  const line = await said(child, 'tokenEndpoint')
  const { idPrefix, count, clientSecret, ...rest } = JSON.parse(line) as BareProvider
  const clients = Array.from({ length: count }, (_, i) => `${idPrefix}${i}:${clientSecret}`)
  return { ...rest, clients, stop: () => child.kill('SIGTERM') }
}
