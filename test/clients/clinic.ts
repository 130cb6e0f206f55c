// A whole deployment with the clinic's service, a customer and its people, for clients that were written elsewhere.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Browser, type Page } from '../../examples/clinic/demo/browser.ts'
import type { Config } from '../../src/config.ts'
import type { Key, Operator } from '../server/client.ts'
import { startDeployment } from '../server/deployment.ts'
import { itemsOf } from '../server/operations.ts'

const email = 'ines@harbour-street.example'
const password = 'seven herons over grey water'

/** Reads the newest mail to an address, as the operator can where no mail server is set. */
async function lastMailTo(operator: Operator, to: string): Promise<string> {
  const mails = itemsOf((await operator.do('GET', '/mails?limit=200')).text)
  const newest = mails.filter((mail) => mail['to'] === to).at(-1)
  return String((await operator.do('POST', `/mails/${newest?.['id']}/read`)).json['text'])
}

export interface AppAddresses {
  readonly redirect_uris: readonly string[]
  readonly post_logout_redirect_uris?: readonly string[]
  readonly backchannel_logout_uri?: string
  readonly application_type?: 'web' | 'native'
  readonly public?: true
}

/**
 * @param document another than the clinic's own
 * @param role what Ines may do
 */
export async function startClinic({
  document,
  role = 'front-desk',
  config,
}: {
  document?: string
  role?: string
  config?: Partial<Config>
} = {}) {
  const deployment = await startDeployment(config)
  const { operator, address } = deployment
  if (document === undefined) await operator.importClinic()
  else await operator.importDocument('clinic', document)
  const organization = await operator.makeOrganization('Harbour Street')
  const ines = await operator.makeUser(organization, {
    ...{ email, name: 'Ines Falk', roles: [{ service: 'clinic', role }] },
  })
  const [link = ''] = /^https?:\S+$/m.exec(await lastMailTo(operator, email)) ?? []
  const browser = new Browser()
  await browser.press(await browser.open(link), 'Set the password', { new_password: password })
  return {
    ...{ deployment, operator, organization, ines, origin: address, issuer: `${address}/clinic` },
    stop: deployment.stop,
    /** An app of the operator's own: nobody must let it in. */
    makeApp: async (name: string, addresses: AppAddresses): Promise<Key> => {
      const body = { service: 'clinic', name, role: 'patients:read', ...addresses }
      const { json } = await operator.do('POST', `/organizations/${operator.organizationId}/keys`, body)
      return { id: String(json['id']), secret: String(json['client_secret']) }
    },
    /** Address, mailed code, password: from the page that asks for the address to the one after. */
    signIn: async (person: Browser, page: Page): Promise<Page> => {
      const codePage = await person.press(page, 'Continue', { email })
      const [code = ''] = /\b\d{6}\b/.exec(await lastMailTo(operator, email)) ?? []
      const passwordPage = await person.press(codePage, 'Continue', { code })
      return person.press(passwordPage, 'Sign in', { password })
    },
  }
}

export type Clinic = Awaited<ReturnType<typeof startClinic>>

/** Where an app's people come back to, and what is told to it: it keeps what comes. */
export async function startLanding() {
  const posted: URLSearchParams[] = []
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') posted.push(new URLSearchParams(await text(request)))
    response.end('You are back in the app.')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on a port, not on a pipe, has an `AddressInfo`.
  const { port } = server.address() as AddressInfo
  return {
    posted,
    origin: `http://127.0.0.1:${port}`,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

export type Landing = Awaited<ReturnType<typeof startLanding>>
