import type { Context } from 'koa'
import { findClientKey } from '../../client-keys/find-client-key.ts'
import { DomainError } from '../../errors.ts'
import { arrivalOf } from '../../http/arrival.ts'
import { refusalOf } from '../../http/authenticate.ts'
import type { Limiter } from '../../http/limits.ts'
import { type ClientKeyId, parseId } from '../../ids.ts'
import type { Guard } from '../../sdk/guard.ts'
import type { Admission, GuardAnswer, Rejection } from '../../sdk/guard-answer.ts'
import { findServiceBySlug } from '../../services/find-service.ts'
import type { Service } from '../../services/service.ts'
import type { Records } from '../../storage/ports.ts'
import { deniedBy } from './management-authentication.ts'
import type { Spend } from './spend.ts'
import type { WrongTokens } from './wrong-tokens.ts'

export interface AuthorizeDeps {
  /** The cached ones: each look is a look-up in memory. */
  readonly records: Records
  /** The guard of the service `latchkey`. */
  readonly guard: Guard
  /** What each guard's key asks, in any of its tokens. */
  readonly callsOfKey: Limiter
  /** What comes without a good token, by address. */
  readonly wrongTokens: WrongTokens
}

/** A call that is let in, and is counted as one. */
interface GuardCall {
  readonly service: Service
  readonly operationId: string
  readonly keyId: ClientKeyId
  readonly spend: Spend
}

/**
 * The key must be one that guards the very service in the path, and of that service's owner; anything else looks like
 * a service that does not exist.
 * @throws {DomainError} `invalid_token`, `forbidden`, `service_not_found`, `rate_limited`, `stale_bundle` and the like
 */
export async function authorizeGuard(deps: AuthorizeDeps, ctx: Context): Promise<GuardCall> {
  const { wrongTokens, callsOfKey } = deps
  const { address } = arrivalOf(ctx.req)
  await wrongTokens.admit(address, ctx.req.headersDistinct['authorization'])
  const answer = await ask(deps, ctx)
  if (isWrong(answer)) wrongTokens.failed(address)
  ctx.set('X-Decision-Id', answer.decisionId)
  const spend = spending(callsOfKey, ctx, answer.caller)
  // Whatever comes of it: who may not ask here can ask no oftener than who may.
  spend(1)
  if (!answer.allowed) throw refused(ctx, answer)
  const { service, keyId } = await guarded(deps, answer)
  wrongTokens.right(keyId)
  return { service, operationId: answer.operation.id, keyId, spend }
}

/** The same of a call that goes on: the service as it is now. Throws once it may not. */
export async function authorizeAgain(deps: AuthorizeDeps, ctx: Context): Promise<Service> {
  const answer = await ask(deps, ctx, { admittedBefore: true })
  if (!answer.allowed) throw refused(ctx, answer)
  const { service } = await guarded(deps, answer)
  return service
}

function ask(
  { guard }: AuthorizeDeps,
  ctx: Context,
  more: { readonly admittedBefore?: true } = {},
): Promise<GuardAnswer> {
  const { authorization, dpop } = ctx.req.headersDistinct
  const { address } = arrivalOf(ctx.req)
  return guard.check({ method: ctx.method, url: ctx.req.url ?? '/', authorization, dpop, address, ...more })
}

/** Of a token that was good until it was ended it is not so: its guard is to hear that it needs another one. */
function isWrong(answer: GuardAnswer): boolean {
  return !answer.allowed && answer.reason === 'invalid_token' && answer.caller === undefined
}

function refused(ctx: Context, answer: Rejection): DomainError {
  const [authorization] = ctx.req.headersDistinct['authorization'] ?? []
  const allow = answer.headers['allow']?.split(', ') ?? []
  return refusalOf(deniedBy(answer), { authorization }, { namesOrganization: false, allow })
}

async function guarded(
  { records }: AuthorizeDeps,
  { caller, parameters }: Admission,
): Promise<{ readonly service: Service; readonly keyId: ClientKeyId }> {
  const slug = parameters['service'] ?? ''
  const keyId = parseId('key', caller?.id ?? '')
  const [key, service] = await Promise.all([
    keyId && findClientKey(records, keyId),
    findServiceBySlug(records, slug),
  ])
  const guards =
    service !== undefined &&
    key?.guardsServiceId === service.id &&
    service.organizationId === key.organizationId &&
    key.organizationId === caller?.organizationId
  if (!guards) throw new DomainError('service_not_found', `no service ${slug}`)
  return { service, keyId: key.id }
}

/** Counts what a call costs, and says what is left. @throws {HttpRefusal} `rate_limited` */
function spending(limiter: Limiter, ctx: Context, caller: GuardAnswer['caller']): Spend {
  return (calls) => {
    if (calls === 0 || caller === undefined) return
    ctx.set('RateLimit-Policy', limiter.policy)
    ctx.set('RateLimit', limiter.take(caller.id, calls))
  }
}
