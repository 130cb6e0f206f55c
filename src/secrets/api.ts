import { z } from 'zod'
import { actorOf } from '../audit/actor.ts'
import { type Clock, rfc3339 } from '../clock.ts'
import { type Route, route } from '../http/route.ts'
import { countMax, listSecrets, rewrapSecrets, type SecretStanding } from './rewrap-secrets.ts'

type Deps = Parameters<typeof rewrapSecrets>[0] & {
  readonly clock: Clock
  /** So long after it was hashed under an older secret, the last id of a used assertion has expired. */
  readonly assertionLifeSecondsMax: number
}

const tag = 'Deployment secrets'
const counts = z.record(z.string(), z.number().int())

const SecretBody = z.object({
  id: z.string().describe('Derived from the secret; nothing can be learnt from it.'),
  state: z
    .enum(['newest', 'older', 'missing'])
    .describe('As the answering server was given it: `missing` is in the store and not in LATCHKEY_SECRETS.'),
  needed_since: z
    .string()
    .nullable()
    .describe('Since when no server starts without it; null when nothing needs it.'),
  sealed: counts.describe(`How many have a value that it sealed, by kind. Counting stops at ${countMax}.`),
})

const RewrappedBody = z.object({
  newest: z.string(),
  moved: counts.describe('How many were sealed anew by this call, by kind.'),
  left: z.number().int().describe('How many are still sealed under older secrets: if any, call again.'),
  unneeded: z
    .array(z.string())
    .describe('The older secrets that nothing is sealed under any more: they may be taken out.'),
  take_out_after: z
    .string()
    .nullable()
    .describe('Sooner, a client assertion that was used shortly before could be used once more.'),
})

function present({ id, state, neededSinceAt, sealed }: SecretStanding): z.input<typeof SecretBody> {
  return { id, state, needed_since: neededSinceAt === undefined ? null : rfc3339(neededSinceAt), sealed }
}

/** The deployment's own secrets: under no organization, so the operator's alone. */
export function secretRoutes(deps: Deps): readonly Route[] {
  return [
    route({
      ...{ operationId: 'listSecrets', method: 'GET', path: '/secrets', tag, params: {} },
      summary: 'The deployment secrets by id, and what is sealed under each',
      ...{ status: 200, answer: z.object({ items: z.array(SecretBody) }), errors: [] },
      handle: async () => ({ body: { items: (await listSecrets(deps)).map(present) } }),
    }),
    route({
      ...{ operationId: 'rewrapSecrets', method: 'POST', path: '/secrets/rewrap', tag, params: {} },
      summary: 'Seal everything under the newest deployment secret',
      description:
        'Run it when every server has the new secret first in LATCHKEY_SECRETS. No key, token or `kid` changes. A ' +
        'call moves some thousands; repeat it until `left` is 0. May be repeated, and run at several servers at once.',
      ...{ status: 200, answer: RewrappedBody, errors: ['conflict'] },
      handle: async ({ principal }) => {
        const { unneeded, ...rest } = await rewrapSecrets(deps, actorOf(principal))
        const endsAt = deps.clock() + deps.assertionLifeSecondsMax * 1000
        const takeOutAfter = unneeded.length === 0 ? null : rfc3339(endsAt)
        return { body: { ...rest, unneeded: [...unneeded], take_out_after: takeOutAfter } }
      },
    }),
  ]
}
