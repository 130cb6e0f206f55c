import { z } from 'zod'
import { bearerOf, makeKey, reasonOf, type Stage } from './management.ts'
import type { Bearer } from './story.ts'
import type { Told } from './tell-story.ts'

/** Two wards of one practice: who reaches which patients, by tags, and why not. */
export async function tellThirdStory(told: Told, willowLane: Stage): Promise<void> {
  const { clinic, organizations } = told
  await knowPatients(told)
  await tagPatients(willowLane, organizations.willowLane)
  const role = await makeWardRole(willowLane, organizations.willowLane)
  const ward = await wardKey(willowLane, organizations.willowLane, role)
  await reachesItsWard(willowLane, clinic.origin, ward)
  await booksWithinTheCondition(willowLane, clinic.origin, ward)
  await explained(told, ward)
  await takesOn(willowLane, clinic.origin, organizations.willowLane, ward)
}

const guardOf = (told: Told) =>
  bearerOf(told.stage, 'latchkey', told.guardKey.client_secret, 'the guard’s token')

/** The API tells of what there is, and its owner has Latchkey refuse everything else. */
async function knowPatients(told: Told): Promise<void> {
  const { story, latchkey, api, bearer } = told.stage
  const { harbourStreet, willowLane } = told.organizations
  story.step(
    'Latchkey learns whose patients they are.',
    'So far the clinic’s API kept practices apart by itself. It tells of its patients with its guard’s key:',
  )
  const patient = (id: string, organization: string) => ({ path: `/patients/${id}`, organization })
  const resources = [
    ...['pat-1001', 'pat-1002'].map((id) => patient(id, harbourStreet)),
    ...['pat-2001', 'pat-2002'].map((id) => patient(id, willowLane)),
  ]
  const told4 = { method: 'POST', bearer: await guardOf(told), json: { resources } } as const
  await story.expect(200, `${latchkey}/clinic/resources/batch`, told4, (body) => {
    return Registered.parse(body)
      .items.map(({ outcome }) => outcome)
      .join(', ')
  })
  story.say(
    'The operator, whose service it is, says that from now on Latchkey refuses what it does not know:',
  )
  await story.expect(
    200,
    `${api}/organizations/${told.operatorId}/services/clinic`,
    { method: 'PATCH', bearer, json: { resources: 'latchkey' } },
    (body) => `resources of “clinic” are known by ${Rules.parse(body).resources}`,
  )
}
const Registered = z.object({ items: z.array(z.object({ outcome: z.string() })) })
const Rules = z.object({ resources: z.string() })

/** An organization tags what is its own. */
async function tagPatients({ story, api, bearer }: Stage, organizationId: string): Promise<void> {
  story.step(
    'Willow Lane has two wards.',
    'Its administrator tags the patients: a customer does that by itself, with what is its own.',
  )
  const resources = `${api}/organizations/${organizationId}/resources`
  const listed = await story.expect(200, `${resources}?service=clinic`, { bearer }, (body) =>
    Resources.parse(body)
      .items.map(({ path }) => path)
      .join(', '),
  )
  for (const { id, path } of Resources.parse(listed.body).items) {
    const ward = path.endsWith('pat-2001') ? 'north' : 'south'
    const asked = { method: 'PUT', bearer, json: { tags: { ward: [ward] } } } as const
    await story.expect(200, `${resources}/${id}/tags`, asked, () => `${path} is tagged ward=${ward}`)
  }
}
const Resources = z.object({ items: z.array(z.object({ id: z.string(), path: z.string() })) })

const condition =
  "$resourceTags:ward = $principalTags:ward AND $request:reason IN ('Check-up', 'Vaccination')"

/** A role of its own, with what the document alone could not say. */
async function makeWardRole({ story, api, bearer }: Stage, organizationId: string): Promise<string> {
  story.step(
    'It makes a role of its own, “Ward desk”.',
    'It sees names but no dates of birth, and books only what needs no doctor, in its own ward:',
  )
  story.quote(`where: ${condition}`)
  const json = {
    ...{ service: 'clinic', name: 'Ward desk' },
    allow: [
      { operations: ['GET /patients/{patientId}', 'listAppointments'] },
      { operations: ['bookAppointment'], where: condition },
    ],
    filter: [{ operations: ['getPatient'], fields: ['id', 'name'] }],
  }
  const url = `${api}/organizations/${organizationId}/roles`
  const made = await story.expect(201, url, { method: 'POST', bearer, json }, (body) => Made.parse(body).id)
  return Made.parse(made.body).id
}
const Made = z.object({ id: z.string() })

async function wardKey(stage: Stage, organizationId: string, role: string): Promise<Bearer> {
  stage.story.step('The north ward gets a key.', 'With that role, and the tag ward=north.')
  const wanted = { service: 'clinic', role, name: 'North ward', tags: { ward: ['north'] } }
  const { client_secret: secret } = await makeKey(stage, organizationId, wanted)
  return bearerOf(stage, 'clinic', secret, 'the ward’s token')
}

async function reachesItsWard({ story }: Stage, clinic: string, bearer: Bearer): Promise<void> {
  story.step('It reaches the patients of its ward.', 'Of the answer only what the role lets through is left:')
  const seen = await story.expect(200, `${clinic}/patients/pat-2001`, { bearer })
  story.check(
    JSON.stringify(seen.body) === JSON.stringify({ id: 'pat-2001', name: 'Chidi Marsh' }),
    'the date of birth should have been left out, and nothing else',
  )
  story.say(
    'Another ward’s patient: the tags do not match. Another practice’s: there is none, for all it is told.',
  )
  const south = await story.expect(403, `${clinic}/patients/pat-2002`, { bearer }, reasonOf)
  story.check(reasonOf(south.body).startsWith('tag_mismatch'), 'the reason is another')
  const harbour = await story.expect(404, `${clinic}/patients/pat-1001`, { bearer }, reasonOf)
  story.check(reasonOf(harbour.body).startsWith('unknown_resource'), 'the reason is another')
}

async function booksWithinTheCondition({ story }: Stage, clinic: string, bearer: Bearer): Promise<void> {
  story.step(
    'It books what the condition lets it book.',
    'The guard reads the field of the body that it names.',
  )
  const url = `${clinic}/patients/pat-2001/appointments`
  const visit = (reason: string) => ({ at: '2030-06-01T10:00:00Z', reason })
  await story.expect(201, url, { method: 'POST', bearer, json: visit('Check-up') })
  const refused = await story.expect(403, url, { method: 'POST', bearer, json: visit('Surgery') }, reasonOf)
  story.check(reasonOf(refused.body).startsWith('condition_false'), 'the reason is another')
}

/** Whose service it is can ask why, and what would change it. */
async function explained(told: Told, ward: Bearer): Promise<void> {
  const { story, latchkey } = told.stage
  story.step(
    'Why was the south ward’s patient refused?',
    'Whoever runs the clinic’s API asks Latchkey, and is told what was tried, and the least that would change it:',
  )
  const json = { token: ward.token, request: { method: 'GET', path: '/patients/pat-2002' } }
  const asked = { method: 'POST', bearer: await guardOf(told), json } as const
  const why = await story.expect(200, `${latchkey}/clinic/explain`, asked, (body) => {
    return Explained.parse(body).decision.reason
  })
  const { operations, changes } = Explained.parse(why.body)
  for (const { key, needed, own } of unmatchedIn(operations))
    story.quote(`${key}: the resource has ${shown(needed)}, the key has ${shown(own)}`)
  for (const { text } of changes) story.quote(`or: ${text}`)
  story.check(changes.length > 0, 'a change should have been proposed')
}

const Values = z.object({ values: z.array(z.string()).default([]) })
const Unmatched = z.object({ key: z.string(), needed: Values, own: Values })
const Attempt = z.object({ tags_unmatched: z.array(Unmatched).default([]) })
const Side = z.object({ roles: z.array(z.object({ attempts: z.array(Attempt) })) })
const Explained = z.object({
  decision: z.object({ reason: z.string() }),
  operations: z.array(z.object({ sides: z.array(Side) })),
  changes: z.array(z.object({ text: z.string() })),
})

function unmatchedIn(operations: z.output<typeof Explained>['operations']): z.output<typeof Unmatched>[] {
  const roles = operations.flatMap(({ sides }) => sides).flatMap((side) => side.roles)
  return roles.flatMap(({ attempts }) => attempts).flatMap((attempt) => attempt.tags_unmatched)
}

const shown = ({ values }: z.output<typeof Values>) => values.join(' or ') || 'none'

/** A new patient is known at once: the document says where the answer has its id. */
async function takesOn(stage: Stage, clinic: string, organizationId: string, ward: Bearer): Promise<void> {
  const { story } = stage
  story.step(
    'A patient is taken on.',
    'The document says where the answer has its id (x-latchkey-creates): the guard tells Latchkey before it leaves.',
  )
  const wanted = { service: 'clinic', role: 'patients:write', name: 'Reception' }
  const { client_secret: secret } = await makeKey(stage, organizationId, wanted)
  const bearer = await bearerOf(stage, 'clinic', secret, 'the reception’s token')
  const json = { name: 'Farah Stone', born: '2001-03-08' }
  const made = await story.expect(201, `${clinic}/patients`, { method: 'POST', bearer, json })
  story.say('It has no tag yet, so that every ward of Willow Lane reaches it, and no other practice:')
  await story.expect(200, `${clinic}/patients/${Made.parse(made.body).id}`, { bearer: ward })
}
