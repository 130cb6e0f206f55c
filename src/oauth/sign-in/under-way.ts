import type { Context } from 'koa'
import { errors, type Provider } from 'oidc-provider'
import { DomainError } from '../../errors.ts'
import type { ConnectionId, OrganizationId } from '../../ids.ts'
import { brandOf } from '../brand.ts'
import { signInRoute } from '../endpoints.ts'
import { hintsIn } from '../meant-organization.ts'
import type { Page } from '../page.ts'
import { leave, send } from '../pages.ts'
import { csrfFor } from './form.ts'
import type { PagesOf } from './pages-of.ts'

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

/** How far a person has come with signing in; kept with the interaction, which the browser cannot change. */
export interface Progress {
  /** The page that asks for the address has been shown. */
  readonly isAsked?: true
  /** The address that was given, or remembered. */
  readonly email?: string
  /** Names the code that was mailed to it. */
  readonly codeId?: string
  /** A mailed code has shown that the address is theirs. */
  readonly isProven?: true
  /** Where they sign in with a password. */
  readonly organizationId?: OrganizationId
  /** Their administrators have been asked to approve the app. */
  readonly hasAsked?: true
  /** They are away, at the provider of this connection. */
  readonly upstream?: {
    readonly connectionId: ConnectionId
    readonly stateHash: string
    readonly sealedKeep: string
  }
}

/** One person at one browser on the way through one authorization request. */
export interface UnderWay {
  readonly interaction: Interaction
  readonly progress: Progress
  /** Of the page that comes next. */
  readonly path: string
}

/**
 * The interaction of this browser, if it is the one that the path names.
 * @throws {DomainError} `not_found` if it is over, or another browser's
 */
export async function underWay({ provider, service }: PagesOf, ctx: Context, uid: string): Promise<UnderWay> {
  const interaction = await provider.interactionDetails(ctx.req, ctx.res).catch((cause: unknown) => {
    if (cause instanceof errors.SessionNotFound) throw over(cause)
    throw cause
  })
  if (interaction.uid !== uid) throw over(undefined)
  return {
    interaction,
    // Put there by `keepProgress` alone, and sealed in the store.
    progress: (interaction.result?.['progress'] ?? {}) as Progress,
    path: `/${service.slug}${signInRoute}/${uid}`,
  }
}

/**
 * What a session is asked, that session's browser answers (as RFC 6749 §10.12 says of the app's own): nobody can have another
 * person's browser say yes to a question that was not put to that person.
 * @throws {DomainError} `not_found` for the browser of another session, or of none any more
 */
export async function refuseOtherSession(
  { provider }: PagesOf,
  ctx: Context,
  { interaction }: UnderWay,
): Promise<void> {
  const { uid, accountId } = await provider.Session.get(ctx)
  const { session } = interaction
  if (session?.uid !== uid || session.accountId !== accountId) throw over(undefined)
}

function over(cause: unknown): DomainError {
  return new DomainError('not_found', 'this sign-in is over, or it was begun in another browser', {
    fix: 'go back to the app and start again',
    cause,
  })
}

export function hintsOf({ interaction }: UnderWay) {
  return hintsIn(interaction.params)
}

/** No app has asked for this sign-in. */
export function isAlone({ interaction }: UnderWay): boolean {
  return interaction.params['client_id'] === undefined
}

/** What every form of a sign-in has. */
export function formOf({ deps, service }: PagesOf, { interaction, path }: UnderWay, step: string) {
  return {
    brand: brandOf(service),
    action: `${path}/${step}`,
    csrf: csrfFor(deps.secrets, interaction.uid),
  }
}

export async function keepProgress({ interaction }: UnderWay, progress: Progress): Promise<void> {
  interaction.result = { ...interaction.result, progress }
  await interaction.persist()
}

/** Where the app waits for the answer. */
function redirectUriOf({ interaction }: UnderWay): string | undefined {
  const uri = interaction.params['redirect_uri']
  return typeof uri === 'string' ? uri : undefined
}

/** Answers with a page whose form may lead back to the app. */
export function show(ctx: Context, here: UnderWay, page: Page, status = 200): void {
  const end = redirectUriOf(here)
  send(ctx, page, status, end === undefined ? [] : [end])
}

/** Ends the interaction with its result; the browser goes back to the authorization endpoint. */
export async function finish(
  { provider, service }: PagesOf,
  ctx: Context,
  here: UnderWay,
  result: Parameters<Provider['interactionResult']>[2],
): Promise<void> {
  const returnTo = await provider.interactionResult(ctx.req, ctx.res, result)
  leave(ctx, brandOf(service), returnTo, redirectUriOf(here))
}
