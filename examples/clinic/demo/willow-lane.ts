import { randomBytes } from 'node:crypto'
import { readMail } from './mails.ts'
import type { Stage } from './management.ts'
import { Visitor } from './visitor.ts'

/** Somebody with a password at Latchkey itself. */
export interface Wren {
  readonly email: string
  readonly password: string
}

/** Willow Lane's administrator invites somebody, who chooses a password. */
export async function invite(stage: Stage, willowLane: Stage, organizationId: string): Promise<Wren> {
  const { story, api } = stage
  const wren = { email: 'wren@willow-lane.example', password: randomBytes(12).toString('base64url') }
  story.step(
    'Willow Lane invites Wren.',
    'It has no identity provider: its people have a password. Wren sits at the front desk of the north ward.',
  )
  const json = {
    ...{ email: wren.email, name: 'Wren Abbot' },
    ...{ roles: [{ service: 'clinic', role: 'front-desk' }], tags: { ward: ['north'] } },
  }
  const asked = { method: 'POST', bearer: willowLane.bearer, json } as const
  await story.expect(
    201,
    `${api}/organizations/${organizationId}/users`,
    asked,
    () => `${wren.email} is invited`,
  )
  story.say('This demo has no mail server, so the operator reads what would have been sent:')
  const link = /http\S+/.exec(await readMail(stage, wren.email))?.[0] ?? ''
  const visitor = new Visitor(story, 'Wren')
  await visitor.open(link, 'Choose a password')
  const common = { new_password: 'willow lane clinic' }
  await visitor.press('Set the password', common, 'Error: Choose a password', 422)
  story.quote(visitor.sees.split('\n')[0] ?? '')
  await visitor.press('Set the password', { new_password: wren.password }, 'Your account is ready')
  return wren
}
