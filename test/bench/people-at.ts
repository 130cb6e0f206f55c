// A service whose people have signed in, with a password each, and let an app act for them.
import { randomBytes } from 'node:crypto'
import { newIdFrom, type OrganizationId, type ServiceId } from '../../src/ids.ts'
import { deploymentSecrets } from '../../src/secrets/deployment-secrets.ts'
import { insert } from '../../src/storage/ports.ts'
import { passwordHasher } from '../../src/users/argon2.ts'
import { type User, users } from '../../src/users/user.ts'
import { Browser } from '../oauth/browser.ts'
import { apiScope } from './app-answers.ts'
import type { PeopleAt } from './bare-library.ts'
import { importService, type Node, type Operator, openPlace, operatorOf, type Place } from './deployment.ts'
import { largeDocument } from './large-document.ts'
import { type AppAt, authorizationUrl, codeIn } from './load-flows.ts'

const peopleCount = 8
export const password = 'a long passphrase of the bench'

/** Somebody whose browser has been here. */
export interface Returning {
  readonly email: string
  readonly browser: Browser
}

export async function signInPeople(
  place: Place,
  node: Node,
): Promise<PeopleAt & { readonly people: readonly Returning[] }> {
  const operator = await operatorOf(place, node)
  const { id: serviceId } = await importService(operator, 'bench', documentWithScope())
  const app = await addApp(operator, `${node.origin}/bench`)
  const emails = await seedPeople(place, operator.organizationId, serviceId)
  const people: Returning[] = []
  for (const email of emails) people.push(await signIn(operator, app, node.origin, email))
  const cookies = await Promise.all(people.map(({ browser }) => browser.jar.getCookieString(node.origin)))
  return { app, cookies, people }
}

function documentWithScope(): string {
  const document = JSON.parse(largeDocument(undefined).text) as { components: object }
  const authorizationCode = {
    ...{ authorizationUrl: 'https://latchkey.example/authorize', tokenUrl: 'https://latchkey.example/token' },
    scopes: { reader: 'Read things' },
  }
  const securitySchemes = { latchkey: { type: 'oauth2', flows: { authorizationCode } } }
  return JSON.stringify({
    ...document,
    components: { ...document.components, securitySchemes },
    'x-latchkey-roles': { reader: { grantable: true, allow: [{ operations: ['getThing0'] }] } },
  })
}

async function addApp({ call, organizationId }: Operator, issuer: string): Promise<AppAt> {
  const redirectUri = 'https://app.bench.example/callback'
  const key = await call('POST', `/organizations/${organizationId}/keys`, {
    ...{ service: 'bench', name: 'app of the bench', role: 'reader', redirect_uris: [redirectUri] },
  })
  const clientId = String(key['client_id'])
  return {
    ...{ clientId, redirectUri },
    authorizationEndpoint: `${issuer}/oauth/authorize`,
    tokenEndpoint: `${issuer}/oauth/token`,
    introspectionEndpoint: `${issuer}/oauth/introspect`,
    userinfoEndpoint: `${issuer}/oauth/userinfo`,
    authorization: `Basic ${Buffer.from(`${clientId}:${key['client_secret']}`).toString('base64')}`,
  }
}

/** Straight into the store, each with the password. Answers their addresses. */
async function seedPeople(
  place: Place,
  organizationId: OrganizationId,
  serviceId: ServiceId,
): Promise<readonly string[]> {
  const clock = () => Date.now()
  const newId = newIdFrom(clock, randomBytes)
  const secrets = deploymentSecrets([place.secret], randomBytes)
  const hasher = passwordHasher(randomBytes)
  const store = await openPlace(place)
  const emails: string[] = []
  for (let i = 0; i < peopleCount; i++) {
    const id = newId('usr')
    const sealedHash = secrets.seal('passwords', id, await hasher.hash(password))
    const user: User = {
      ...{ id, organizationId, version: 1, authority: 1, createdBy: 'bench', createdAt: clock() },
      ...{ email: `person-${i}@bench.example`, emailVerifiedAt: clock(), state: { kind: 'active' } },
      ...{ roles: [{ serviceId, role: 'reader' }], tags: {}, identities: [] },
      password: { sealedHash, changedAt: clock() },
    }
    await store.commit([insert(users, user)])
    emails.push(user.email)
  }
  await store.close()
  return emails
}

/** As somebody does who comes for the first time: address, mailed code, password, consent. */
async function signIn(operator: Operator, app: AppAt, origin: string, email: string): Promise<Returning> {
  const browser = new Browser(origin)
  const emailPage = await browser.open(authorizationUrl(app, apiScope))
  const codePage = await browser.submit(emailPage, { email })
  const passwordPage = await browser.submit(codePage, { code: await mailedCode(operator, email) })
  const consentPage = await browser.submit(passwordPage, { password })
  const back = await browser.submit(consentPage, { decision: 'allow' })
  if (codeIn(back.url.href) === undefined)
    throw new Error(`${email} was not sent back with a code: ${back.status} ${back.url}\n${back.text}`)
  return { email, browser }
}

async function mailedCode({ call }: Operator, email: string): Promise<string> {
  const { items } = (await call('GET', '/mails?limit=100')) as { items?: { id: string; to: string }[] }
  const id = items?.find(({ to }) => to === email)?.id
  const { text } = (await call('POST', `/mails/${id}/read`)) as { text?: string }
  const code = text?.match(/\b\d{6}\b/)?.[0]
  if (code === undefined) throw new Error(`no code was mailed to ${email}`)
  return code
}
