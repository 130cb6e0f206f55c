import type { Context } from 'koa'
import { z } from 'zod'
import {
  type Discovery,
  discoverTenant,
  recordRouting,
  type Tenant,
  tenantsOfProvenEmail,
} from '../../connections/tenant-discovery.ts'
import { DomainError } from '../../errors.ts'
import { arrivalOf } from '../../http/arrival.ts'
import { parseId } from '../../ids.ts'
import { organizations } from '../../organizations/organization.ts'
import { findApp } from '../apps.ts'
import { brandOf } from '../brand.ts'
import type { Form } from './form.ts'
import type { PagesOf } from './pages-of.ts'
import { answerPassword, showPassword } from './password.ts'
import { rememberedAt } from './remembered.ts'
import { beginThrough, finishThrough } from './through-connection.ts'
import { formOf, hintsOf, isAlone, keepProgress, type Progress, show, type UnderWay } from './under-way.ts'

const emailAddress = z.email().max(254)

/** A browser has come to the sign-in, or back to it: the page that comes next. */
export async function showSignIn(
  at: PagesOf,
  ctx: Context,
  here: UnderWay,
  step: string | undefined,
): Promise<void> {
  if (step === 'return') return finishThrough(at, ctx, here)
  if (step === 'other') return startOver(ctx, here)
  if (step === 'forgot') return showForgot(at, ctx, here)
  const { progress } = here
  if (progress.organizationId !== undefined) return showPassword(at, ctx, here)
  if (progress.isProven === true) return showChoice(at, ctx, here)
  if (progress.email !== undefined) return showCode(at, ctx, here)
  return progress.isAsked === true ? showEmail(at, ctx, here) : beginSignIn(at, ctx, here)
}

/** Takes in what a page has sent. */
export async function answerSignIn(
  at: PagesOf,
  ctx: Context,
  here: UnderWay,
  { step, form }: { readonly step: string | undefined; readonly form: Form },
): Promise<void> {
  switch (step) {
    case 'email':
      return answerEmail(at, ctx, here, form)
    case 'code':
      return answerCode(at, ctx, here, form)
    case 'choice':
      return answerChoice(at, ctx, here, form)
    case 'forgot':
      return answerForgot(at, ctx, here, form)
    case 'password':
      return answerPassword(at, ctx, here, form)
    default:
      throw new DomainError('not_found', 'there is no such form')
  }
}

/** What the request says of the person decides where they go, before they are asked anything. */
async function beginSignIn(at: PagesOf, ctx: Context, here: UnderWay): Promise<void> {
  const hints = hintsOf(here)
  const isAnew = here.interaction.prompt.name === 'select_account'
  const remembered = isAnew ? undefined : rememberedAt(at, ctx)
  const found = await discoverTenant({ records: at.deps.storedRecords }, at.service, {
    ...hints,
    remembered,
  })
  const email = found.kind === 'found' && found.reason === 'remembered' ? remembered?.email : hints.loginHint
  await goTo(at, ctx, here, found, email)
}

async function answerEmail(at: PagesOf, ctx: Context, here: UnderWay, form: Form): Promise<void> {
  const typed = (form.get('email') ?? '').trim()
  const email = emailAddress.safeParse(typed)
  if (!email.success) {
    await showEmail(at, ctx, here, {
      email: typed,
      error: 'That is not an e-mail address. Write it like ann@example.com.',
    })
    return
  }
  const hints = { ...hintsOf(here), email: email.data }
  const found = await discoverTenant({ records: at.deps.storedRecords }, at.service, hints)
  await goTo(at, ctx, here, found, email.data)
}

/** @param email what is known of the address, if anything */
async function goTo(
  at: PagesOf,
  ctx: Context,
  here: UnderWay,
  found: Discovery,
  email: string | undefined,
): Promise<void> {
  const known: Progress = email === undefined ? {} : { email }
  switch (found.kind) {
    case 'ask_email':
      await goOn(ctx, here, { isAsked: true })
      return
    case 'prove_email':
      return mailCode(at, ctx, here, found.email)
    case 'found':
      return goToTenant(at, ctx, here, found, known)
    default:
      throw new Error(`unknown discovery: ${found satisfies never}`)
  }
}

/**
 * @param progress what is known of the person
 * @throws {DomainError} `rate_limited`
 */
async function goToTenant(
  at: PagesOf,
  ctx: Context,
  here: UnderWay,
  found: Parameters<typeof recordRouting>[1],
  progress: Progress,
): Promise<void> {
  const { requestId, address } = arrivalOf(ctx.req)
  takeRouting(at, address)
  await recordRouting(at.deps, found, { serviceId: at.service.id, requestId, address })
  const { connectionId, organizationId } = found
  if (connectionId === undefined) await goOn(ctx, here, { ...progress, organizationId })
  else await beginThrough(at, ctx, here, connectionId, progress)
}

/** Each is told in the organization's trail, and whoever has begun one sign-in can be sent there again and again. */
function takeRouting({ deps }: PagesOf, address: string): void {
  const spent = deps.limits.takeBegun(address)
  if (spent === undefined) return
  throw new DomainError('rate_limited', 'too many sign-ins were begun from your address', {
    fix: `Try again in ${spent.seconds} seconds.`,
  })
}

async function mailCode(at: PagesOf, ctx: Context, here: UnderWay, email: string): Promise<void> {
  const { address } = arrivalOf(ctx.req)
  const { codeId } = await at.deps.accounts.sendCode({ email, serviceId: at.service.id }, { address })
  await goOn(ctx, here, { email, codeId })
}

async function answerCode(at: PagesOf, ctx: Context, here: UnderWay, form: Form): Promise<void> {
  const { codeId } = here.progress
  if (codeId === undefined) throw new DomainError('not_found', 'no code was sent')
  const code = form.get('code') ?? ''
  const answer = await at.deps.accounts.checkCode({ codeId, code, serviceId: at.service.id })
  switch (answer.kind) {
    case 'right':
      return goOn(ctx, here, { email: answer.email, isProven: true })
    case 'wrong':
      return showCode(at, ctx, here, 'That is not the code. Look at the newest mail.')
    case 'over':
      return showCode(at, ctx, here, 'This code is used up or too old. Begin again to get another.')
    default:
      throw new Error(`unknown answer: ${answer satisfies never}`)
  }
}

/** Only for who has proven the address: it tells where it is known. */
async function tenantsFor({ deps, service }: PagesOf, here: UnderWay): Promise<readonly Tenant[]> {
  const records = deps.storedRecords
  const { email = '', isProven } = here.progress
  if (isProven !== true) throw new DomainError('forbidden', 'the address is not proven')
  const all = await tenantsOfProvenEmail({ records }, service, email)
  const { organization, connection } = hintsOf(here)
  const asked = await Promise.all(
    all.map(async (tenant) => {
      const found = await records.find(tenant.organizationId, organizations, tenant.organizationId)
      return organization === undefined || organization === found?.id || organization === found?.slug
    }),
  )
  return all.filter((tenant, i) => asked[i] && (connection ?? tenant.connectionId) === tenant.connectionId)
}

async function showChoice(at: PagesOf, ctx: Context, here: UnderWay): Promise<void> {
  const tenants = await tenantsFor(at, here)
  const [first, ...others] = tenants
  if (first === undefined) {
    await keepProgress(here, { isAsked: true })
    const error =
      'Nobody with this address may sign in here. Ask an administrator of your organization to invite you.'
    await showEmail(at, ctx, { ...here, progress: {} }, { error })
  } else if (others.length === 0)
    await goToTenant(at, ctx, here, { ...first, reason: 'proven_email' }, here.progress)
  else {
    const choices = tenants.map(({ organizationId, name, how }) => ({
      ...{ value: organizationId, name },
      detail: how === 'password' ? 'with your password' : 'through its own sign-in',
    }))
    show(ctx, here, { kind: 'choice', ...formOf(at, here, 'choice'), choices })
  }
}

async function answerChoice(at: PagesOf, ctx: Context, here: UnderWay, form: Form): Promise<void> {
  const organizationId = parseId('org', form.get('choice') ?? '')
  const chosen = (await tenantsFor(at, here)).find((tenant) => tenant.organizationId === organizationId)
  if (chosen === undefined) throw new DomainError('not_found', 'there is no such choice')
  await goToTenant(at, ctx, here, { ...chosen, reason: 'choice' }, here.progress)
}

function showForgot(at: PagesOf, ctx: Context, here: UnderWay): void {
  show(ctx, here, { kind: 'forgot', ...formOf(at, here, 'forgot'), email: here.progress.email })
}

/** The same answer for every address. */
async function answerForgot(
  { deps, service }: PagesOf,
  ctx: Context,
  here: UnderWay,
  form: Form,
): Promise<void> {
  const email = emailAddress.safeParse((form.get('email') ?? '').trim())
  const { requestId, address } = arrivalOf(ctx.req)
  if (email.success)
    await deps.accounts.requestReset({ email: email.data, serviceId: service.id }, { requestId, address })
  show(ctx, here, {
    ...{ kind: 'notice', brand: brandOf(service), heading: 'Look into your mail' },
    text: 'If somebody has this address here, a mail is on its way with a link to choose a new password.',
    link: { url: here.path, text: 'Then sign in with it' },
  })
}

async function startOver(ctx: Context, here: UnderWay): Promise<void> {
  await goOn(ctx, here, { isAsked: true })
}

async function goOn(ctx: Context, here: UnderWay, progress: Progress): Promise<void> {
  await keepProgress(here, progress)
  ctx.status = 303
  ctx.redirect(here.path)
}

async function showEmail(
  at: PagesOf,
  ctx: Context,
  here: UnderWay,
  said: { readonly email?: string; readonly error?: string } = {},
): Promise<void> {
  const email = said.email ?? hintsOf(here).loginHint
  const app = isAlone(here) ? undefined : await appAsking(at, here)
  const page = { kind: 'email', ...formOf(at, here, 'email'), ...said, email, app: app?.name } as const
  show(ctx, here, page, said.error === undefined ? 200 : 422)
}

function appAsking({ deps, service, provider }: PagesOf, { interaction }: UnderWay) {
  return findApp(deps.records, service, provider, String(interaction.params['client_id']))
}

function showCode(at: PagesOf, ctx: Context, here: UnderWay, error?: string): void {
  const { email = '' } = here.progress
  const page = {
    kind: 'code',
    ...formOf(at, here, 'code'),
    email,
    otherUrl: `${here.path}/other`,
    error,
  } as const
  show(ctx, here, page, error === undefined ? 200 : 422)
}
