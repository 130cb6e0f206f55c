import type { Context } from 'koa'
import type { App } from '../../consents/app.ts'
import { type AppVerdict, appPolicyOf, appVerdict } from '../../consents/app-policy.ts'
import { askForApp } from '../../consents/ask-for-app.ts'
import { giveConsent } from '../../consents/give-consent.ts'
import { DomainError } from '../../errors.ts'
import { arrivalOf } from '../../http/arrival.ts'
import { parseId } from '../../ids.ts'
import { appOnPage } from '../app-on-page.ts'
import { findApp } from '../apps.ts'
import { brandOf } from '../brand.ts'
import { signInRoute } from '../endpoints.ts'
import { identityAsked, isIdentityScope } from '../identity-scopes.ts'
import { findPerson, type Person } from '../people.ts'
import { scopesOpenTo, usableScopes, wordsOf } from '../usable-scopes.ts'
import type { Form } from './form.ts'
import type { PagesOf } from './pages-of.ts'
import { finish, formOf, keepProgress, show, type UnderWay } from './under-way.ts'

/** What is asked of whom, for whom. */
interface Question {
  readonly person: Person
  readonly app: App
  /** Where the answer goes; none for a device, which asks for it. */
  readonly redirectUri: string | undefined
  readonly scopes: readonly {
    readonly name: string
    readonly description: string
    readonly usable: boolean
  }[]
}

export async function showConsent(at: PagesOf, ctx: Context, here: UnderWay): Promise<void> {
  const question = await questionOf(at, here)
  if ((await verdictOn(at, question)) !== 'allowed') return showRefusal(at, ctx, here, question)
  const { person, app, scopes, redirectUri } = question
  const { user, organization } = person
  const page = {
    kind: 'consent',
    ...formOf(at, here, 'consent'),
    app: appOnPage(app, redirectUri),
    person: { email: user.email, organization: organization.name },
    scopes,
    duration: 'until you take it back',
    accountUrl: `/${at.service.slug}${signInRoute}`,
  } as const
  show(ctx, here, page)
}

export async function answerConsent(at: PagesOf, ctx: Context, here: UnderWay, form: Form): Promise<void> {
  const decision = form.get('decision')
  if (decision !== 'allow') {
    const why = decision === 'back' ? 'the organization does not allow it' : 'the person said no'
    await finish(at, ctx, here, { error: 'access_denied', error_description: why })
    return
  }
  const question = await questionOf(at, here)
  if ((await verdictOn(at, question)) !== 'allowed')
    throw new DomainError('forbidden', 'your organization does not let its people use this app')
  const { person, app, scopes } = question
  const { user } = person
  const by = actorIn(ctx, person)
  const consent = await giveConsent({ ...at.deps, records: at.deps.storedRecords }, by, {
    ...{ organizationId: user.organizationId, userId: user.id, serviceId: at.service.id, app },
    scopes: scopes.filter(({ usable }) => usable).map(({ name }) => name),
  })
  await finish(at, ctx, here, { consent: { grantId: consent.id } })
}

/** What the person's organization says of the app. */
async function verdictOn({ deps, service }: PagesOf, { person, app }: Question): Promise<AppVerdict> {
  return appVerdict(await appPolicyOf(deps.storedRecords, person.organization.id), app, service)
}

/** Says who can let the app in; where they may be asked, they are, once. */
async function showRefusal(at: PagesOf, ctx: Context, here: UnderWay, question: Question): Promise<void> {
  const { person, app, scopes } = question
  const name = isolated(person.organization.name)
  const mayAsk = (await verdictOn(at, question)) === 'ask'
  if (mayAsk && here.progress.hasAsked !== true) {
    const asked = { app, scopes: scopes.map((scope) => scope.name), serviceId: at.service.id }
    await askForApp(at.deps, actorIn(ctx, person), asked)
    await keepProgress(here, { ...here.progress, hasAsked: true })
  }
  const told = `Ask an administrator of ${name}: they can see that you want to use it. Begin again in the app when it is approved.`
  show(ctx, here, {
    ...{
      kind: 'notice',
      brand: brandOf(at.service),
      wayBack: { ...formOf(at, here, 'consent'), app: app.name },
    },
    heading: mayAsk ? `${name} has to approve this app` : `${name} does not allow this app`,
    text: `${isolated(app.name)} cannot act for you yet: your organization decides which apps its people use. ${
      mayAsk ? told : `Ask an administrator of ${name} if you need it.`
    }`,
  })
}

/** Within a sentence, so that a name in another direction turns nothing around it (Unicode UAX #9, FSI and PDI). */
function isolated(name: string): string {
  return `\u2068${name}\u2069`
}

function actorIn(ctx: Context, { user }: Person) {
  const { requestId, address } = arrivalOf(ctx.req)
  return { kind: 'user', id: user.id, organizationId: user.organizationId, requestId, address } as const
}

async function questionOf(
  { deps, service, provider }: PagesOf,
  { interaction }: UnderWay,
): Promise<Question> {
  const { params, session } = interaction
  const userId = parseId('usr', session?.accountId ?? '')
  const person = userId && (await findPerson(deps.records, userId))
  const app = await findApp(deps.records, service, provider, String(params['client_id']))
  if (person === undefined || app === undefined)
    throw new DomainError('not_found', 'the app, or your account, is not there any more')
  const asked = String(params['scope'] ?? '').split(' ')
  const client = await provider.Client.find(app.clientId)
  const identity = identityAsked(params, client?.scope)
  const open = scopesOpenTo(service, app.clientId, app.apiScopes).filter((name) => asked.includes(name))
  const usable = await usableScopes(deps.records, service, person, open)
  const own = (name: string) => service.model.roles.some((role) => role.name === name && !role.delegable)
  // What only the operator's people can have is no news to others.
  const shown = open.filter((name) => usable.includes(name) || !own(name))
  const scopes = [...identity, ...shown].map((name) => ({
    ...{ name, description: wordsOf(service, name) },
    usable: isIdentityScope(name) || usable.includes(name),
  }))
  const { redirect_uri: redirectUri } = params
  return { person, app, redirectUri: typeof redirectUri === 'string' ? redirectUri : undefined, scopes }
}
