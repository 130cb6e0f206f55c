import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { startIdentityProvider } from '../../identity-provider/identity-provider.ts'
import type { Person } from '../../identity-provider/people.ts'
import type { Stage } from './management.ts'
import type { NameServer } from './name-server.ts'
import { Visitor } from './visitor.ts'

type Provider = Awaited<ReturnType<typeof startIdentityProvider>>

const domain = 'harbour-street.example'

/** Whom Harbour Street's provider knows, with passwords made for this run. */
export function harbourStreetPeople(): { readonly ines: Person; readonly tom: Person } {
  const password = () => randomBytes(9).toString('base64url')
  return {
    ines: {
      ...{ id: 'p-1', email: `ines@${domain}`, name: 'Ines Falk', groups: ['doctors'] },
      password: password(),
    },
    tom: {
      ...{ id: 'p-2', email: `tom@${domain}`, name: 'Tom Ruiz', groups: ['reception'] },
      password: password(),
    },
  }
}

/** Harbour Street shows that the domain is its own. */
export async function proveDomain(
  stage: Stage,
  organizationId: string,
  nameServer: NameServer,
): Promise<void> {
  const { story, api, bearer } = stage
  story.step(
    'Harbour Street proves its domain.',
    'Its people have an identity provider of their own, and sign in nowhere else. Addresses',
    `at ${domain} are to lead there, so it first shows that the domain is its own.`,
  )
  const domains = `${api}/organizations/${organizationId}/domains`
  const added = await story.expect(
    201,
    domains,
    { method: 'POST', bearer, json: { name: domain } },
    (body) => `publish TXT ${Claimed.parse(body).txt_name} ${Claimed.parse(body).txt_value}`,
  )
  const { id, txt_name, txt_value } = Claimed.parse(added.body)
  nameServer.publish(txt_name, txt_value)
  story.say('It publishes that. (Here a name server of the demo’s own answers for it.)')
  await story.expect(200, `${domains}/${id}/verify`, { method: 'POST', bearer }, (body) => {
    return `${domain} is ${Claimed.parse(body).state}`
  })
}
const Claimed = z.object({ id: z.string(), state: z.string(), txt_name: z.string(), txt_value: z.string() })

/** Harbour Street sets its provider up at Latchkey and Latchkey at its provider, tries that, and switches it on. */
export async function connect(
  stage: Stage,
  organizationId: string,
  ines: Person,
  provider: Provider,
): Promise<void> {
  const { story, api, bearer } = stage
  story.step(
    'Harbour Street connects its provider.',
    'Whoever is in its group “doctors” there shall see and take on patients; all others see them.',
  )
  const connections = `${api}/organizations/${organizationId}/connections`
  const doctors = ['patients:read', 'patients:write', 'appointments:read'].map((role) => {
    return { claim: 'groups', value: 'doctors', service: 'clinic', role }
  })
  const json = {
    ...{ name: 'Harbour Street sign-in', issuer: provider.issuer },
    scopes: ['openid', 'email', 'profile', 'groups'],
    mapping: { roles: doctors, default_roles: [{ service: 'clinic', role: 'patients:read' }] },
  }
  const made = await story.expect(201, connections, { method: 'POST', bearer, json }, (body) => {
    return `${Connection.parse(body).id}, to be registered with ${Connection.parse(body).redirect_uri}`
  })
  const { id, redirect_uri } = Connection.parse(made.body)
  const registered = await story.expect(
    201,
    `${provider.issuer}/reg`,
    {
      ...{ method: 'POST', json: { client_name: 'Latchkey', redirect_uris: [redirect_uri] } },
      bearer: { token: provider.registrationToken, of: 'the provider’s administrator' },
    },
    (body) => `client ${Registered.parse(body).client_id}`,
  )
  const client = Registered.parse(registered.body)
  const connection = `${connections}/${id}`
  await story.expect(200, connection, { method: 'PATCH', bearer, json: client }, stateOf)
  await tryOut(stage, connection, ines)
  story.say('It works. From now on its people sign in through it, and in no other way:')
  const required = { enforcement: 'required' }
  await story.expect(200, `${connection}/activate`, { method: 'POST', bearer, json: required }, stateOf)
}
const Connection = z.object({ id: z.string(), state: z.string(), redirect_uri: z.string() })
const Registered = z.object({ client_id: z.string(), client_secret: z.string() })

function stateOf(body: unknown): string {
  return `the connection is ${Connection.parse(body).state}`
}

async function tryOut({ story, bearer }: Stage, connection: string, ines: Person): Promise<void> {
  story.say('Before it counts, it is tried: the address of the answer is opened, and one signs in.')
  const begun = await story.expect(200, `${connection}/test`, { method: 'POST', bearer }, (body) => {
    return `open ${new URL(Begun.parse(body).url).origin}/…`
  })
  const visitor = new Visitor(story, 'Ines')
  await visitor.open(Begun.parse(begun.body).url, 'Harbour Street')
  await visitor.press('Sign in', { email: ines.email, password: ines.password }, 'The connection works')
  const read = await story.expect(200, `${connection}/test`, { bearer }, (body) => {
    const { state, roles } = Tested.parse(body)
    return `${state}; Ines would have ${roles.map(({ role }) => role).join(', ')}`
  })
  story.check(Tested.parse(read.body).state === 'passed', 'the test should have passed')
}
const Begun = z.object({ url: z.url() })
const Tested = z.object({ state: z.string(), roles: z.array(z.object({ role: z.string() })) })
