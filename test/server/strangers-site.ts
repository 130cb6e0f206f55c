// A deployment as strangers meet it: customers whose people sign in with a password, and what asks it.
import { Agent, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { startNameServer } from '../../examples/clinic/demo/name-server.ts'
import { appUri, ask } from '../oauth/app.ts'
import { Browser, type Seen } from '../oauth/browser.ts'
import { Operator } from './client.ts'
import { emptyPlace, freePort, newDeploymentSecret } from './deployment.ts'
import { addApp, addPerson, appAt } from './people.ts'
import { type ServerProcess, startServer } from './processes.ts'

/** Each name is as long as the other of its pair, so that pages with them are. */
export const known = { domain: 'known.example', person: 'person', slug: 'known-slug' }
export const unknown = { domain: 'other.example', person: 'nobody', slug: 'other-slug' }
/** The same again, so that nothing is asked twice. */
export const unknownToo: typeof known = { domain: 'third.example', person: 'noname', slug: 'third-slug' }

const later = fileURLToPath(new URL('later.ts', import.meta.url))
const slower = fileURLToPath(new URL('slower.ts', import.meta.url))

export interface Site {
  readonly operator: Operator
  readonly organizationId: string
  /** The address of a person that there is, each another; and one of nobody, as long. */
  readonly address: (who: typeof known, n: number) => string
  readonly app: Awaited<ReturnType<typeof appAt>>
  /** Goes on to the next quarter of an hour, in which nothing has been counted yet. */
  nextQuarter(): Promise<void>
  stop(): Promise<void>
}

/** A customer with a verified domain and no single sign-on, and this many people with a password. */
export async function startSite(people: number): Promise<Site> {
  const place = await emptyPlace()
  const names = await startNameServer()
  const port = String(await freePort())
  const { store, folder } = place
  const environment = {
    LATCHKEY_PORT: port,
    LATCHKEY_ORIGIN: `http://127.0.0.1:${port}`,
    LATCHKEY_DATA: folder,
    LATCHKEY_STORE: store.kind === 'sqlite' ? `sqlite:${store.path}` : store.url,
    LATCHKEY_SECRETS: newDeploymentSecret(),
    LATCHKEY_NAME_SERVERS: names.address,
    LATCHKEY_TRUSTED_PROXIES: '1',
    NODE_OPTIONS: `--import=${later} --import=${slower}`,
  }
  const server = await startServer(environment)
  const operator = await Operator.at(server.address, folder)
  await operator.importClinic()
  const app = await addApp(operator, await operator.makeOrganization('Rounds Ltd'))
  const organization = { name: known.domain, slug: known.slug }
  const organizationId = String((await operator.do('POST', '/organizations', organization)).json['id'])
  await verifyDomain(operator, organizationId, names.publish)
  const address = ({ person, domain }: typeof known, n: number) =>
    `${person}-${String(n).padStart(3, '0')}@${domain}`
  for (let n = 0; n < people; n += 1) await addPerson(operator, organizationId, address(known, n))
  return {
    ...{ operator, organizationId, address },
    app: await appAt(operator.address, app),
    nextQuarter: () => letMinutesGoBy(server, 15),
    stop: async () => {
      await server.stop()
      names.close()
      await place.drop()
    },
  }
}

async function verifyDomain(
  operator: Operator,
  organizationId: string,
  publish: (name: string, text: string) => void,
): Promise<void> {
  const path = `/organizations/${organizationId}/domains`
  const { json } = await operator.do('POST', path, { name: known.domain })
  publish(String(json['txt_name']), String(json['txt_value']))
  await operator.do('POST', `${path}/${String(json['id'])}/verify`)
}

async function letMinutesGoBy({ lines, signal }: ServerProcess, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const before = lines.length
    signal('SIGUSR2')
    while (lines.length === before) await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A page, and the browser that it was shown to. */
export interface Shown {
  readonly browser: Browser
  readonly page: Seen
}

export async function openPage({ operator }: Site, path: string): Promise<Shown> {
  const browser = new Browser(operator.address)
  return { browser, page: await browser.open(path) }
}

export async function authorizationUrl({ app }: Site, more: Record<string, string>): Promise<URL> {
  const { url } = await ask(app, { redirectUri: appUri, more })
  return url
}

/** Every answer that a browser got, and the page at its end, without what is another each time. */
export function seenBy({ browser, page }: Shown) {
  const answers = browser.trail.map(({ method, url, answer: { status, headers } }) => ({
    ...{ method, status, path: masked(url.pathname + url.search) },
    headers: [...headers]
      .filter(([name]) => !['date', 'set-cookie', 'x-request-id'].includes(name))
      .map(([name, value]) => `${name}: ${masked(value)}`),
    cookies: headers.getSetCookie().map(cookieShape),
  }))
  return { answers, status: page.status, text: masked(page.text) }
}

function cookieShape(cookie: string): string {
  const [, name = '', value = '', attributes = ''] = /^([^=]*)=([^;]*)(.*)$/.exec(cookie) ?? []
  return `${name}=<${value.length}>${masked(attributes.replace(/expires=[^;]*/i, 'expires=<when>'))}`
}

/** What is another each time is as long as before, so that `content-length` tells. */
function masked(text: string): string {
  return decodeURIComponent(text.replaceAll(/%(?![0-9a-f]{2})/gi, '%25'))
    .replaceAll(/[\w.-]+@(known|other)\.example/g, '<address>')
    .replaceAll(/(known|other)(\.example|-slug)/g, '<name>')
    .replaceAll(/\b\d+ seconds/g, '<seconds>')
    .replaceAll(/\breq_[\w-]+/g, '<request>')
    .replaceAll(/[\w-]{40,}/g, '<token>')
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 })
let asked = 0

interface Asked {
  readonly cookie?: string
  readonly body?: string
  /** So much longer than it would take. */
  readonly slowerMs?: number
}

/** Sends a request from another address each time, follows no redirect, and says how long the answer took. */
export function timed(
  method: 'GET' | 'POST',
  url: URL,
  { cookie = '', body = '', slowerMs = 0 }: Asked = {},
): Promise<{ readonly ms: number; readonly location: URL; readonly cookie: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof timed>>>()
  asked += 1
  const headers = {
    'x-forwarded-for': `10.${asked >> 16}.${(asked >> 8) & 255}.${asked & 255}`,
    'x-slower-ms': String(slowerMs),
    ...(cookie === '' ? {} : { cookie }),
    ...(body === '' ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
  }
  const startMs = performance.now()
  const sent = request(url, { method, agent, headers }, (answer) => {
    const ms = performance.now() - startMs
    const { location = '', 'set-cookie': cookies = [] } = answer.headers
    answer.on('end', () => {
      const given = cookies.map((one) => one.split(';')[0]).join('; ')
      resolve({ ms, location: new URL(location, url), cookie: given })
    })
    answer.resume()
  })
  sent.on('error', reject)
  sent.end(body)
  return promise
}

/** How long an answer to a form takes, whose hidden fields and cookies come from the page that was shown. */
export function formOf({ browser, page }: Shown) {
  const url = new URL(/<form[^>]* action="([^"]*)"/.exec(page.text)?.[1] ?? '', page.url)
  const csrf = /name="csrf" value="([^"]*)"/.exec(page.text)?.[1] ?? ''
  return async (fields: Readonly<Record<string, string>>, slowerMs = 0): Promise<number> => {
    const cookie = await browser.jar.getCookieString(url.href)
    const body = new URLSearchParams({ csrf, ...fields }).toString()
    return (await timed('POST', url, { cookie, body, slowerMs })).ms
  }
}
