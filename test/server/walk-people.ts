// Every operation on people, their domains and connections, and the apps that act for them, called once with success.
import * as client from 'openid-client'
import { startRealProvider } from '../connections/upstream.ts'
import { appUri, ask } from '../oauth/app.ts'
import { Browser } from '../oauth/browser.ts'
import type { Operator, Reply } from './client.ts'
import { publishedTxt } from './deployment.ts'
import { itemsOf } from './operations.ts'
import { linkIn, mailsTo, openLink, signInAs } from './people.ts'

interface Walk {
  readonly operator: Operator
  /** The organization whose people they are. */
  readonly ours: string
  /** Makes a change, and notes whose trail must tell of it as what, the newest first. */
  change(
    operationId: string,
    organizationId: string,
    events: readonly string[],
    request: readonly [string, string, unknown?],
  ): Promise<Reply>
  /** Must stay in the answer that shows it. */
  keepSecret(text: string): void
}

const email = 'ann@ours.example'
const idOf = ({ json }: Reply): string => String(json['id'])

export async function walkPeople(walk: Walk): Promise<void> {
  const domain = await walkDomains(walk)
  const user = await walkInvitation(walk)
  await walkApps(walk)
  await walkConnections(walk)
  await walkEnds(walk, user, domain)
}

async function walkDomains({ ours, change }: Walk): Promise<string> {
  const path = `/organizations/${ours}/domains`
  const added = await change('addDomain', ours, ['domain.added'], ['POST', path, { name: 'ours.example' }])
  const one = `${path}/${idOf(added)}`
  publishedTxt.set(String(added.json['txt_name']), String(added.json['txt_value']))
  await change('verifyDomain', ours, ['domain.verified'], ['POST', `${one}/verify`])
  return one
}

async function walkInvitation({ operator, ours, change, keepSecret }: Walk): Promise<string> {
  const op = operator.organizationId
  const path = `/organizations/${ours}/users`
  const roles = [{ service: 'clinic', role: 'patients:read' }]
  const invited = await change('inviteUser', ours, ['user.invited'], ['POST', path, { email, roles }])
  const one = `${path}/${idOf(invited)}`
  const service = { service: 'clinic' }
  await change('resendInvitation', ours, ['user.invited'], ['POST', `${one}/invitation`, service])
  const [first, last] = await mailsTo(operator, email)
  const read = await change('readMail', op, ['mail.read'], ['POST', `/mails/${last}/read`])
  await change('deleteMail', op, ['mail.deleted'], ['DELETE', `/mails/${first}`])
  const link = linkIn(String(read.json['text']))
  keepSecret(link.searchParams.get('link') ?? '')
  await openLink(operator, link)
  await change('changeUser', ours, ['user.changed'], ['PATCH', one, { name: 'Ann' }])
  await change('sendPasswordReset', ours, ['user.reset_sent'], ['POST', `${one}/password-reset`, service])
  return one
}

async function walkApps(walk: Walk): Promise<void> {
  const { operator, ours, change, keepSecret } = walk
  const op = operator.organizationId
  const policy = ['PATCH', `/organizations/${ours}/apps`, { mode: 'all', unverified: 'allow' }] as const
  await change('changeAppPolicy', ours, ['app_policy.changed'], policy)
  const tokens = '/services/clinic/initial-access-tokens'
  const named = { name: 'partners' }
  const made = await change(
    'createInitialAccessToken',
    op,
    ['initial_access_token.created'],
    ['POST', tokens, named],
  )
  keepSecret(String(made.json['initial_access_token']))
  const gone = ['DELETE', `${tokens}/${idOf(made)}`] as const
  await change('deleteInitialAccessToken', op, ['initial_access_token.deleted'], gone)

  // Registration was opened to all before.
  const app = await client.dynamicClientRegistration(
    new URL(`${operator.address}/clinic`),
    {
      ...{ client_name: 'Calendar', redirect_uris: [appUri], scope: 'patients:read' },
      ...{ grant_types: ['authorization_code'], response_types: ['code'] },
    },
    undefined,
    { execute: [client.allowInsecureRequests] },
  )
  await consentTo(operator, app)
  const given = itemsOf((await operator.do('GET', `/organizations/${ours}/consents`)).text)
  const consent = ['DELETE', `/organizations/${ours}/consents/${String(given[0]?.['id'])}`] as const
  await change('endConsent', ours, ['consent.ended'], consent)
  const { client_id: id } = app.clientMetadata()
  await change('deleteRegisteredApp', op, ['app.deleted'], ['DELETE', `/services/clinic/apps/${id}`])
}

/** Signs in with address, mailed code and password, and lets the app act. */
async function consentTo(operator: Operator, app: client.Configuration): Promise<void> {
  const { url } = await ask(app)
  const browser = new Browser(operator.address)
  const consentPage = await signInAs(operator, browser, await browser.open(url), email)
  const { url: back } = await browser.submit(consentPage, { decision: 'allow' })
  if (!back.searchParams.has('code')) throw new Error(`no code came back: ${back.href}`)
}

async function walkConnections({ operator, ours, change }: Walk): Promise<void> {
  const clientSecret = 'a-secret-of-the-upstream-provider'
  const path = `/organizations/${ours}/connections`
  const clients: Parameters<typeof startRealProvider>[1][number][] = []
  const person = { sub: 'ann', claims: { email, email_verified: true } }
  const provider = await startRealProvider(() => person, clients)
  const body = { name: 'Ours', issuer: provider.issuer, client_id: 'latchkey', client_secret: clientSecret }
  const made = await change('createConnection', ours, ['connection.created'], ['POST', path, body])
  const redirectUri = String(made.json['redirect_uri'])
  await provider.close()
  const again = await startRealProvider(
    () => person,
    [{ client_id: 'latchkey', client_secret: clientSecret, redirect_uris: [redirectUri] }],
    Number(new URL(provider.issuer).port),
  )
  const one = `${path}/${idOf(made)}`
  const renamed = { name: 'Our own sign-in' }
  await change('changeConnection', ours, ['connection.changed'], ['PATCH', one, renamed])
  const begun = await change('testConnection', ours, ['connection.test_begun'], ['POST', `${one}/test`])
  const back = await again.browse(String(begun.json['url']))
  await new Browser(operator.address).open(back)
  await change('activateConnection', ours, ['connection.activated'], ['POST', `${one}/activate`, {}])
  await change('disableConnection', ours, ['connection.disabled'], ['POST', `${one}/disable`])
  await change('deleteConnection', ours, ['connection.deleted'], ['DELETE', one])
  await again.close()
}

async function walkEnds({ ours, change }: Walk, user: string, domain: string): Promise<void> {
  await change('disableUser', ours, ['user.disabled'], ['POST', `${user}/disable`])
  await change('enableUser', ours, ['user.enabled'], ['POST', `${user}/enable`])
  await change('deleteUser', ours, ['user.deleted'], ['DELETE', user])
  await change('removeDomain', ours, ['domain.removed'], ['DELETE', domain])
}
