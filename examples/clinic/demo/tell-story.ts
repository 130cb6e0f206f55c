import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { startClinic } from '../clinic.ts'
import type { OperatorKey } from './latchkey-process.ts'
import { bearerOf, type Key, makeKey, makeOrganization, reasonOf, type Stage } from './management.ts'
import { type Bearer, exchange, type Story } from './story.ts'

/** Where the first story has led. */
export interface Told {
  readonly clinic: Clinic
  /** The key of the clinic's guard. */
  readonly guardKey: Key
  readonly stage: Stage
  /** The operator's own. */
  readonly operatorId: string
  readonly organizations: Organizations
}

export interface Organizations {
  readonly harbourStreet: string
  readonly willowLane: string
}

type Clinic = Awaited<ReturnType<typeof startClinic>>

/** Everything that the demo shows; answers the running clinic, and what goes on from here. */
export async function tellStory(
  story: Story,
  latchkey: string,
  operatorKey: OperatorKey,
  clinicPort: number,
): Promise<Told> {
  story.name(latchkey, 'Latchkey')
  story.name(`http://localhost:${clinicPort}`, 'the clinic')
  story.step(
    'Latchkey runs, on an empty SQLite store.',
    `It answers at ${latchkey}. At its first start it wrote a key for you, the operator,`,
    'into its data folder. With that key’s token this story does the rest.',
  )
  const key = operatorKey.client_secret
  const operator = await bearerOf({ latchkey }, 'latchkey', key, 'the operator’s token')
  const stage = { story, latchkey, api: `${latchkey}/api/v1`, bearer: operator }

  await documentIn(stage, `http://localhost:${clinicPort}`)
  story.step(
    'Two customers come.',
    'Each is an organization, and may use what the clinic’s document marks as grantable.',
  )
  const harbourStreet = await makeOrganization(stage, 'Harbour Street Practice', 'harbour-street')
  const willowLane = await makeOrganization(stage, 'Willow Lane Clinic', 'willow-lane')
  const organizations = { 'harbour-street': harbourStreet, 'willow-lane': willowLane }
  const { organization_id: operatorId } = operatorKey
  const { clinic, guardKey } = await guardedClinic(stage, operatorId, organizations, clinicPort)

  const displayKey = await keyFor(stage, harbourStreet)
  const bearer = { token: await tokenFor(stage, displayKey), of: 'the key’s token' }
  await callsAllowedAndRefused(stage, clinic.origin, bearer)
  await revoked(stage, clinic.origin, harbourStreet, displayKey, bearer)
  return { clinic, guardKey, stage, operatorId, organizations: { harbourStreet, willowLane } }
}

const Confirmation = z.object({
  confirmation: z.string(),
  changes: z.object({ newly_public: z.array(z.string()), roles: z.array(z.object({ role: z.string() })) }),
})
const Service = z.object({ operation_count: z.number(), role_count: z.number(), audience: z.string() })

async function documentIn({ story, api, latchkey, bearer }: Stage, audience: string): Promise<void> {
  story.step(
    'The OpenAPI document goes in.',
    'The clinic’s document (examples/clinic/openapi.yaml) becomes its permission model.',
    'First Latchkey says what it would make public, and what each role could do:',
  )
  const text = await readFile(new URL('../openapi.yaml', import.meta.url), 'utf8')
  const url = `${api}/services?${new URLSearchParams({ slug: 'clinic', audience })}`
  const sent = { method: 'POST', bearer, text } as const
  const asked = await story.expect(409, url, sent, (body) => {
    const told = Confirmation.safeParse(body)
    if (!told.success) return ''
    const { newly_public, roles } = told.data.changes
    return `${newly_public.join(', ')} would be public; ${roles.length} roles, from ${roles[0]?.role} to ${roles.at(-1)?.role}`
  })
  const { confirmation } = Confirmation.parse(asked.body)
  story.say('That is meant, so it is sent again with the confirmation:')
  const made = await story.expect(201, `${url}&confirmation=${confirmation}`, sent, (body) => {
    const { operation_count, role_count } = Service.parse(body)
    return `the service “clinic”: ${operation_count} operations, ${role_count} roles`
  })
  story.say(`Its own issuer is ${latchkey}/clinic, its audience ${Service.parse(made.body).audience}.`)
}

async function guardedClinic(
  stage: Stage,
  operatorId: string,
  organizations: Readonly<Record<string, string>>,
  port: number,
): Promise<Pick<Told, 'clinic' | 'guardKey'>> {
  const { story, latchkey } = stage
  story.step(
    'The clinic’s API starts, behind the SDK.',
    'Its guard gets a key of its own. From then on it decides by itself, within the API’s process.',
  )
  const guardKey = await makeKey(stage, operatorId, {
    service: 'latchkey',
    role: 'guard',
    guards_service: 'clinic',
    name: 'The clinic’s guard',
  })
  const clinic = await startClinic({ latchkey, key: guardKey.client_secret, organizations, port })
  await story.expect(200, `${clinic.origin}/status`)
  story.say('(The document says that anybody may call that one.)')
  return { clinic, guardKey }
}

function keyFor(stage: Stage, organizationId: string): Promise<Key> {
  stage.story.step(
    'Harbour Street makes a key.',
    'It is bound to one role, “patients:read”: a scope of the document. The secret is shown this once.',
  )
  const wanted = { service: 'clinic', role: 'patients:read', name: 'Waiting room display' }
  return makeKey(stage, organizationId, wanted)
}

const Granted = z.object({ access_token: z.string(), expires_in: z.number() })
const Claims = z.object({ iss: z.string(), sub: z.string(), org_id: z.string(), roles: z.array(z.string()) })

async function tokenFor({ story, latchkey }: Stage, key: Key): Promise<string> {
  story.step(
    'A machine exchanges the key for a token.',
    'Plain OAuth 2.0 client credentials; any OAuth client can.',
  )
  const granted = await story.expect(
    200,
    `${latchkey}/clinic/oauth/token`,
    {
      method: 'POST',
      client: { id: key.client_id, secret: key.client_secret },
      form: { grant_type: 'client_credentials' },
    },
    (body) => {
      const { access_token, expires_in } = Granted.parse(body)
      return `a signed JWT of ${access_token.length} characters, good for ${expires_in / 60} minutes`
    },
  )
  const { access_token } = Granted.parse(granted.body)
  const claims = Claims.parse(
    JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString()),
  )
  story.say(`It says: org_id ${claims.org_id}, roles ${claims.roles.join(', ')}, sub ${claims.sub}`)
  return access_token
}

async function callsAllowedAndRefused({ story }: Stage, clinic: string, bearer: Bearer): Promise<void> {
  story.step('The token opens what its role names …')
  const listed = await story.expect(200, `${clinic}/patients`, { bearer })
  story.check(
    JSON.stringify(listed.body).includes('Ada Quill'),
    'Harbour Street did not see its own patients',
  )
  story.say('Its own patients only. Willow Lane’s are not refused to it; for it they do not exist:')
  await story.expect(404, `${clinic}/patients/pat-2001`, { bearer })

  story.step('… and nothing else. The answer says why.')
  const json = { name: 'Dora Lund', born: '1990-06-01' }
  const refused = await story.expect(403, `${clinic}/patients`, { method: 'POST', bearer, json }, reasonOf)
  story.check(reasonOf(refused.body).startsWith('operation_not_in_role'), 'the reason is another')
  const scope = /scope="([^"]*)"/.exec(refused.headers.get('www-authenticate') ?? '')?.[1]
  if (scope !== undefined) story.say(`Its WWW-Authenticate header names the scope that would do: ${scope}`)

  story.step('A token that somebody has changed is worth nothing.', 'Here its role is made “admin”:')
  await story.expect(
    401,
    `${clinic}/patients`,
    {
      bearer: { token: withRole(bearer.token, 'admin'), of: 'the changed token' },
    },
    reasonOf,
  )
}

/** The token with another role in it, under the signature of the old one. */
function withRole(token: string, role: string): string {
  const [header, payload = '', signature] = token.split('.')
  const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const forged = JSON.stringify({ ...z.record(z.string(), z.unknown()).parse(claims), roles: [role] })
  return [header, Buffer.from(forged).toString('base64url'), signature].join('.')
}

const refusedWithinMs = 5_000

async function revoked(
  stage: Stage,
  clinic: string,
  organizationId: string,
  key: Key,
  bearer: Bearer,
): Promise<void> {
  const { story, api, latchkey, bearer: operator } = stage
  story.step('The key is revoked.', 'Its token would have lived for minutes yet. It does not:')
  const url = `${api}/organizations/${organizationId}/keys/${key.client_id}/revoke`
  const json = { reason: 'key_compromise' }
  await story.expect(200, url, { method: 'POST', bearer: operator, json }, () => 'revoked')
  const revokedAt = performance.now()
  let status = 200
  while (status === 200 && performance.now() - revokedAt < refusedWithinMs)
    status = (await exchange(`${clinic}/patients`, { bearer })).status
  const tookMs = performance.now() - revokedAt
  await story.expect(401, `${clinic}/patients`, { bearer }, reasonOf)
  story.say(`First refused by the clinic ${Math.ceil(tookMs)} ms after Latchkey’s answer.`)
  story.say('And there is no new token for it:')
  await story.expect(401, `${latchkey}/clinic/oauth/token`, {
    method: 'POST',
    client: { id: key.client_id, secret: key.client_secret },
    form: { grant_type: 'client_credentials' },
  })
}

/** A key that works, and what to do with it. */
export async function whatToTry(stage: Stage, clinic: string, organizationId: string): Promise<void> {
  const { story, latchkey } = stage
  story.step(
    'Your turn.',
    'Willow Lane gets a key for its north ward that sees and books, to try things with:',
  )
  const wanted = { service: 'clinic', role: 'front-desk', name: 'To try', tags: { ward: ['north'] } }
  const key = await makeKey(stage, organizationId, wanted)
  console.log(`
# a token, then the calls it opens (200, 201), and two it does not (403: another ward's patient; not in its role)
TOKEN=$(curl -s -u ${key.client_id}:${key.client_secret} \\
  -d grant_type=client_credentials ${latchkey}/clinic/oauth/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
curl -i -H "Authorization: Bearer $TOKEN" ${clinic}/patients
curl -i -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{"at":"2030-06-01T10:00:00Z","reason":"Check-up"}' ${clinic}/patients/pat-2001/appointments
curl -i -H "Authorization: Bearer $TOKEN" ${clinic}/patients/pat-2002
curl -i -H "Authorization: Bearer $TOKEN" -X POST ${clinic}/patients
`)
}
