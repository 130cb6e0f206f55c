import { hash, timingSafeEqual } from 'node:crypto'
import type { Actor, Commit } from '../audit/record.ts'
import type { Clock, EpochMs, Random } from '../clock.ts'
import { DomainError, hasCode } from '../errors.ts'
import type { ConnectionId, OrganizationId } from '../ids.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { type Change, insert, type Records, update } from '../storage/ports.ts'
import { type Connection, connections, findConnection, getConnection, redirectUriOf } from './connection.ts'
import { type ConnectionTest, connectionTests, isOver, type TestState, testMsMax } from './connection-test.ts'
import { maskedClaims } from './masked-claims.ts'
import { type Arrived, personSaid } from './sign-in-through.ts'
import type { UpstreamIdentity, UpstreamSignIn } from './upstream-sign-in.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
  readonly clock: Clock
  readonly random: Random
  readonly secrets: Secrets
  readonly upstream: UpstreamSignIn
  /** Where the deployment is reached, without a trailing slash. */
  readonly origin: string
}

/** A `state` that begins so belongs to a test, not to a sign-in. */
const statePrefix = 'test.'
const stateBytes = 32
const label = 'connection-tests'

export function isTestState(state: string): boolean {
  return state.startsWith(statePrefix)
}

/**
 * Begins a sign-in that lets nobody in: whoever opens the address signs in at the provider, and what came of it can be
 * read here. Takes the place of the last test.
 * @throws {DomainError} `connection_not_found`, `connection_state` without a client id, `connection_refused` with what was met
 */
export async function beginConnectionTest(
  deps: Deps,
  by: Actor,
  organizationId: OrganizationId,
  id: ConnectionId,
): Promise<{ readonly url: string; readonly endsAt: EpochMs }> {
  const connection = await getConnection(deps.records, organizationId, id)
  const before = await deps.records.find(organizationId, connectionTests, id)
  const state = statePrefix + Buffer.from(deps.random(stateBytes)).toString('base64url')
  const redirectUri = redirectUriOf(deps.origin, id)
  const { url, keep } = await begun(deps.upstream, connection, { redirectUri, state })
  const begunAt = deps.clock()
  const underWay: TestState = {
    ...{ kind: 'under_way', stateHash: hashOf(state), sealedKeep: deps.secrets.seal(label, id, keep) },
    connectionVersion: connection.version,
  }
  await deps.commit({ type: 'connection.test_begun', organizationId, target: id, by }, [
    before === undefined
      ? insert(connectionTests, { id, organizationId, version: 1, begunAt, state: underWay })
      : update(connectionTests, before, { ...before, begunAt, state: underWay }),
  ])
  return { url, endsAt: begunAt + testMsMax }
}

/** Here the fault is the connection's, not that of who calls. */
async function begun(
  upstream: UpstreamSignIn,
  connection: Connection,
  ask: { readonly redirectUri: string; readonly state: string },
) {
  try {
    return await upstream.begin(connection, ask)
  } catch (cause) {
    if (!hasCode(cause, 'sign_in_refused')) throw cause
    throw asConnectionRefused(cause)
  }
}

function asConnectionRefused(cause: DomainError): DomainError {
  const { message, fix } = cause
  return new DomainError('connection_refused', message, { cause, ...(fix === undefined ? {} : { fix }) })
}

/**
 * Where the browser comes back from a test. What came is kept for whoever reads the result; a success makes the connection
 * one that may be made active, unless it was changed meanwhile. A test ends once.
 * @returns the connection as it is then, and how the test ended
 * @throws {DomainError} `not_found` if there is no such test, or it is over
 */
export async function finishConnectionTest(
  deps: Deps,
  id: ConnectionId,
  { callbackUrl, state }: { readonly callbackUrl: string; readonly state: string },
  arrived: Arrived,
): Promise<{ readonly connection: Connection; readonly test: ConnectionTest }> {
  const connection = await findConnection(deps.records, id)
  const before =
    connection && (await deps.records.find(connection.organizationId, connectionTests, connection.id))
  const kept = before?.state
  if (connection === undefined || before === undefined || kept?.kind !== 'under_way') throw over()
  if (isOver(before, deps.clock()) || !isEqual(kept.stateHash, hashOf(state))) throw over()
  const ended =
    kept.connectionVersion === connection.version
      ? await resultOf(deps, connection, kept, { callbackUrl, state })
      : failed(deps.clock(), 'the connection was changed since the test began', 'test it again')
  return await commitResult(deps, connection, before, ended, arrived)
}

type Ended = Exclude<TestState, { readonly kind: 'under_way' }>

async function resultOf(
  { records, clock, secrets, upstream }: Deps,
  connection: Connection,
  { sealedKeep }: Extract<TestState, { readonly kind: 'under_way' }>,
  { callbackUrl, state }: { readonly callbackUrl: string; readonly state: string },
): Promise<Ended> {
  let identity: UpstreamIdentity | undefined
  try {
    const keep = secrets.open(label, connection.id, sealedKeep).toString()
    identity = await upstream.finish(connection, { callbackUrl }, keep, state)
    const { roles = [], tags = {} } = await personSaid(records, connection, identity)
    const claims = maskedClaims(identity.attributes, connection.mapping)
    return { kind: 'passed', endedAt: clock(), claims, roles, tags }
  } catch (cause) {
    if (!(cause instanceof DomainError) || cause.code !== 'sign_in_refused') throw cause
    const claims = identity === undefined ? {} : maskedClaims(identity.attributes, connection.mapping)
    return failed(clock(), cause.message, cause.fix ?? null, claims)
  }
}

function failed(
  endedAt: EpochMs,
  detail: string,
  fix: string | null,
  claims: Readonly<Record<string, unknown>> = {},
): Ended {
  return { kind: 'failed', endedAt, detail, fix, claims }
}

async function commitResult(
  deps: Deps,
  before: Connection,
  test: ConnectionTest,
  ended: Ended,
  { requestId, address }: Arrived,
): Promise<{ readonly connection: Connection; readonly test: ConnectionTest }> {
  const { id, organizationId } = before
  const by: Actor = {
    ...{ kind: 'system', id: 'connection-test', organizationId, requestId },
    ...(address === undefined ? {} : { address }),
  }
  const details = { outcome: ended.kind, ...(ended.kind === 'failed' ? { detail: ended.detail } : {}) }
  const after: ConnectionTest = { ...test, state: ended, version: test.version + 1 }
  const changes: Change[] = [update(connectionTests, test, after)]
  let connection = before
  if (ended.kind === 'passed') {
    connection = { ...before, testedAt: ended.endedAt, version: before.version + 1 }
    changes.push(update(connections, before, connection))
  }
  await deps.commit({ type: 'connection.tested', organizationId, target: id, by, details }, changes)
  return { connection, test: after }
}

function over(): DomainError {
  return new DomainError('not_found', 'this test is over, or there was none', { fix: 'begin the test anew' })
}

function hashOf(state: string): string {
  return hash('sha256', state, 'base64url')
}

function isEqual(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}
