import type { Person } from '../../identity-provider/people.ts'
import { startRounds } from '../../rounds/rounds.ts'
import { readMail } from './mails.ts'
import { makeKey, makeOrganization, type Stage } from './management.ts'
import type { Visitor } from './visitor.ts'
import type { Wren } from './willow-lane.ts'

type Rounds = Awaited<ReturnType<typeof startRounds>>

/** The developer registers the app: a client key like a machine's, with addresses to which people come back. */
export async function registerRounds(stage: Stage, clinic: string, port: number): Promise<Rounds> {
  const { story, latchkey } = stage
  const origin = `http://localhost:${port}`
  story.name(origin, 'Rounds')
  story.step(
    'Another company registers its app.',
    'Rounds plans visits, for people of any practice (examples/rounds, with openid-client alone).',
    'Its key has a redirect URI. What it may do, each person says; its own role plays no part in that.',
  )
  const makers = await makeOrganization(stage, 'Rounds Software', 'rounds')
  const key = await makeKey(stage, makers, {
    ...{ service: 'clinic', role: 'patients:read', name: 'Rounds' },
    redirect_uris: [`${origin}/callback`],
    post_logout_redirect_uris: [`${origin}/`],
  })
  return startRounds({
    ...{ issuer: `${latchkey}/clinic`, clientId: key.client_id, clientSecret: key.client_secret },
    ...{ api: clinic, port },
  })
}

interface Signing {
  readonly stage: Stage
  readonly rounds: Rounds
  readonly visitor: Visitor
}

/** Wren's way to Rounds: the address proven by a mailed code, the password, consent. */
export async function wrenGoesToRounds({ stage, rounds, visitor }: Signing, wren: Wren): Promise<void> {
  const { story } = stage
  story.step(
    'Wren goes to Rounds.',
    'Rounds sends Wren to Latchkey. Nobody has proven the domain of the address, so Latchkey says nothing',
    'of where it is known before it is proven: with a code by mail.',
  )
  await visitor.open(rounds.origin, 'Rounds')
  await visitor.press('Sign in with Clinic records', {}, 'Sign in')
  await visitor.press('Continue', { email: wren.email }, 'Enter the code')
  const code = /\b\d{6}\b/.exec(await readMail(stage, wren.email))?.[0] ?? ''
  await visitor.press('Continue', { code }, 'Enter your password')
  await visitor.press('Sign in', { password: wren.password }, 'Allow access?')
  story.quote(visitor.sees)
  await allow(stage, visitor)
}

/** Ines's way: to the identity provider of her own organization. */
export async function inesGoesToRounds({ stage, rounds, visitor }: Signing, ines: Person): Promise<void> {
  stage.story.step(
    'Ines goes to Rounds.',
    'Harbour Street has proven the domain of her address: it leads to Harbour Street’s own provider.',
    'Latchkey never sees her password. At her first sign-in she gets the roles of her groups.',
  )
  await visitor.open(rounds.origin, 'Rounds')
  await visitor.press('Sign in with Clinic records', {}, 'Sign in')
  await visitor.press('Continue', { email: ines.email }, 'Harbour Street')
  await visitor.press('Sign in', { email: ines.email, password: ines.password }, 'Allow access?')
  stage.story.quote(visitor.sees)
  await allow(stage, visitor)
}

/** Consent, and what Rounds knows from then on. */
async function allow({ story }: Stage, visitor: Visitor): Promise<void> {
  await visitor.press('Allow', {}, 'Today’s round')
  story.say('Rounds has a token now:')
  story.quote(visitor.sees.split('\n')[0] ?? '')
}

/** What Rounds may do for either: what was consented to and the person's own roles both allow. */
export async function roundsActs(
  { story }: Stage,
  { origin }: Rounds,
  { wren, ines }: { readonly wren: Visitor; readonly ines: Visitor },
): Promise<void> {
  story.step(
    'Rounds acts for both, within what scope and role allow.',
    'Its calls carry a token of each person. Wren’s front desk keeps the appointment book:',
  )
  await wren.open(`${origin}/patients/pat-2001`, 'Chidi Marsh')
  await wren.press('Plan', { at: '2030-06-01T10:00', reason: 'Ward round' }, 'Chidi Marsh')
  story.say('… but takes on no patients; Rounds cannot either, for Wren:')
  await wren.open(origin, 'Today’s round')
  await wren.press('Take on', { name: 'Dara Finch', born: '1990-01-31' }, 'Not allowed', 403)
  story.check(wren.sees.includes('operation_not_in_role'), `another reason was told: ${wren.sees}`)
  story.quote(wren.sees)
  story.say('Ines may take on patients. But Rounds has not asked for that scope, so it cannot:')
  await ines.press('Take on', { name: 'Dara Finch', born: '1990-01-31' }, 'Not allowed', 403)
  story.check(ines.sees.includes('insufficient_scope'), `another reason was told: ${ines.sees}`)
  story.quote(ines.sees)
  story.say('And what Rounds has asked for, but she may not do herself, was left out:')
  await ines.open(`${origin}/patients/pat-1001`, 'Ada Quill')
  await ines.press('Plan', { at: '2030-06-01T10:00', reason: 'Ward round' }, 'Not allowed', 403)
  story.check(ines.sees.includes('operation_not_in_role'), `another reason was told: ${ines.sees}`)
  story.quote(ines.sees)
}

const refusedWithinMs = 1_000

/** Consent ends: the token that Rounds has yet is refused. */
export async function consentTakenBack({ stage, rounds, visitor }: Signing): Promise<void> {
  const { story, latchkey } = stage
  story.step(
    'Wren takes it back.',
    'Each service has a page of one’s own sessions and apps. Rounds keeps its token, but …',
  )
  await visitor.open(`${latchkey}/clinic/login`, 'Your sessions and apps')
  await visitor.press('Take back', {}, 'Your sessions and apps')
  const tookMs = await visitor.openUntil(rounds.origin, 'Sign in again', 401, 5 * refusedWithinMs)
  story.check(
    tookMs < refusedWithinMs,
    `it should have been refused within ${refusedWithinMs} ms, not ${tookMs}`,
  )
  story.say(`… is refused, ${tookMs} ms later. Wren is still signed in at Latchkey, and would be asked anew:`)
  await visitor.press('Sign in with Clinic records', {}, 'Allow access?')
}
