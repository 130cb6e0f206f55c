import type { Context } from 'koa'
import { errors, type Provider } from 'oidc-provider'
import { DomainError } from '../../errors.ts'
import { brandOf } from '../brand.ts'
import { signInRoute } from '../endpoints.ts'
import { leave } from '../pages.ts'
import { csrfFor } from './form.ts'
import type { PagesOf } from './pages-of.ts'

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

/** How far a person has come with signing in; kept with the interaction, which the browser cannot change. */
export interface Progress {
  /** The address that was given. */
  readonly email?: string
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

function over(cause: unknown): DomainError {
  return new DomainError('not_found', 'this sign-in is over, or it was begun in another browser', {
    fix: 'go back to the app and start again',
    cause,
  })
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
export function redirectUriOf({ interaction }: UnderWay): string | undefined {
  const uri = interaction.params['redirect_uri']
  return typeof uri === 'string' ? uri : undefined
}

/** Ends the interaction with its result; the browser goes back to the authorization endpoint, and from there to the app. */
export async function finish(
  { provider, service }: PagesOf,
  ctx: Context,
  here: UnderWay,
  result: Parameters<Provider['interactionResult']>[2],
): Promise<void> {
  const returnTo = await provider.interactionResult(ctx.req, ctx.res, result)
  leave(ctx, brandOf(service), returnTo, redirectUriOf(here))
}
