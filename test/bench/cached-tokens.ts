// A guard's whole answer to requests whose tokens it has verified before, with the facts at hand: what an API waits for.
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { compileBundle, type ServiceBundle } from '../../src/sdk/compiled-bundle.ts'
import { FactsCache } from '../../src/sdk/facts-cache.ts'
import { type Guard, guardFrom } from '../../src/sdk/guard.ts'
import type { GuardRequest } from '../../src/sdk/guard-answer.ts'
import type { GuardSource } from '../../src/sdk/guard-source.ts'
import { RevocationIndex } from '../../src/sdk/revocation-index.ts'
import { quantile, type Row } from './table.ts'
import {
  entitlement,
  requestsTo,
  roleOf,
  type TaggedWorld,
  taggedWorld,
  type WorldCaller,
} from './tagged-world.ts'

type SigningKey = Parameters<SignJWT['sign']>[0]

const size = { roles: 100, resources: 100_000 }
const requestCount = 1_000
const measuredMs = 2_000
const p99Max = 3

const service = {
  ...{
    id: 'svc_bench',
    slug: 'bench',
    issuer: 'https://bench.example',
    audience: 'https://api.bench.example',
  },
  access_token_ttl_seconds: 3_600,
}

export async function measureCachedTokens(): Promise<readonly Row[]> {
  const world = taggedWorld(size)
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'ES256', use: 'sig' }
  const tokens = new Map<WorldCaller, string>()
  for (const caller of world.callers) tokens.set(caller, await tokenOf(caller, privateKey))
  const guard = guardFrom(sourceOf(world, jwk), {}, { clock: () => Date.now(), random: randomOf })
  const requests = requestsTo(world, requestCount).map(
    ({ method, path, caller }): GuardRequest => ({
      method,
      url: path,
      authorization: `Bearer ${tokens.get(caller)}`,
    }),
  )
  let allowed = 0
  for (const request of requests) if ((await guard.check(request)).allowed) allowed++
  if (allowed === 0 || allowed === requestCount) throw new Error('the requests do not tell answers apart')
  return [rowOf(guard, requests)]
}

function rowOf(guard: Guard, requests: readonly GuardRequest[]): Row {
  const samples: number[] = []
  for (const until = performance.now() + measuredMs; performance.now() < until; )
    for (const request of requests) {
      // Every header that a server reads is a new text.
      const asked = { ...request, authorization: anew(String(request.authorization)) }
      const start = process.hrtime.bigint()
      const answer = guard.checkNow(asked)
      samples.push(Number(process.hrtime.bigint() - start) / 1_000)
      if (answer === undefined) throw new Error('the guard had to wait for something')
    }
  // What is compiled on the way does not count.
  const warm = samples.slice(samples.length / 2)
  const [p50, p99] = [quantile(warm, 0.5), quantile(warm, 0.99)]
  const mean = warm.reduce((sum, one) => sum + one, 0) / warm.length
  return {
    what: `guard, cached token and decision: ${size.roles} callers, 100,000 resources, half refused`,
    figure: `${Math.round(1_000 / mean)} k/s, p50 ${p50.toFixed(2)} µs, p99 ${p99.toFixed(2)} µs`,
    bar: 'p99 < 3 µs',
    met: p99 < p99Max,
  }
}

function anew(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

function randomOf(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}

async function tokenOf({ principal }: WorldCaller, key: SigningKey): Promise<string> {
  const { id, organizationId, roles, tags } = principal
  const now = Math.floor(Date.now() / 1_000)
  const claims = {
    ...{
      client_id: id,
      org_id: organizationId,
      roles,
      tags,
      env: 'live',
      ver: { [id]: 1, [organizationId]: 1 },
    },
  }
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'bench' })
    .setIssuer(service.issuer)
    .setAudience(service.audience)
    .setSubject(id)
    .setJti(crypto.randomUUID())
    .setIssuedAt(now)
    .setExpirationTime(now + 3_600)
    .sign(key)
}

/** What a guard knows that follows a server, with a server that answers out of the world. */
function sourceOf({ model, callers, resources }: TaggedWorld, jwk: JWK): GuardSource {
  const bundle: ServiceBundle = { service, model, signing_keys: { keys: [{ ...jwk }] } }
  const compiled = compileBundle(bundle)
  const revocations = new RevocationIndex()
  const roles = new Map(callers.map((caller) => [caller.role, roleOf(caller)]))
  const facts = new FactsCache({
    ask: async (question) => ({
      position: 0,
      roles: Object.fromEntries(question.roles.map((id) => [id, wireRole(roles.get(id))])),
      organizations: Object.fromEntries(
        question.organizations.map((id) => [id, { state: 'active', entitlement }]),
      ),
      resources: Object.fromEntries(
        question.resources.map((name) => {
          const found = resources.get(name)
          return [
            name,
            found === undefined
              ? null
              : { owner: found.owner, tags: { env: [found.env], team: [found.team] } },
          ]
        }),
      ),
    }),
    position: () => 0,
    sizeMax: 1_000_000,
    signal: new AbortController().signal,
  })
  return {
    bundle: () => compiled,
    factsFor: (caller, names) => facts.factsFor(caller, names),
    factsAtHand: facts.facts,
    isRevoked: (marks) => revocations.ends(marks),
    isStale: () => false,
    refresh: async () => {},
    ready: async () => {},
    state: () => ({ kind: 'following', position: 0 }),
    close: () => {},
  }
}

function wireRole(role: ReturnType<typeof roleOf> | undefined) {
  return role === undefined ? null : { organization_id: role.organizationId, allow: role.allow }
}
