import { z } from 'zod'
import type { AskedSubject } from '../asked-subject.ts'

const tokenLengthMax = 16_384

/** About whom a decision is asked, on the wire: `token` or `principal`, one of the two. */
export const subjectFields = {
  token: z
    .string()
    .min(1)
    .max(tokenLengthMax)
    .optional()
    .describe('The access token that came with the request, without `Bearer`.'),
  principal: z
    .strictObject({
      id: z.string().max(200).describe('Of a client key or a user.'),
      scope: z
        .array(z.string().max(200))
        .max(1_000)
        .optional()
        .describe('Of a user: what the app that acts for them may do. Without it they act themselves.'),
    })
    .optional()
    .describe('Somebody by name, with the role and the tags that they have now.'),
  proof_checked: z
    .literal(true)
    .optional()
    .describe('The token is bound to a key (DPoP), and you have verified the proof.'),
  address: z
    .string()
    .max(100)
    .optional()
    .describe('Where the request came from: keys may be bound to addresses.'),
  accept_test_keys: z.boolean().optional().describe('Lets keys of the environment `test` in.'),
}

type SubjectBody = z.output<z.ZodObject<typeof subjectFields>>

/** `undefined`: nobody is named, or somebody twice. */
export function askedSubject(body: SubjectBody): AskedSubject | undefined {
  const { token, principal, proof_checked, address, accept_test_keys } = body
  const circumstances = { address, acceptTestKeys: accept_test_keys }
  if (token !== undefined && principal === undefined)
    return { kind: 'token', token, proofChecked: proof_checked, ...circumstances }
  if (token === undefined && principal !== undefined)
    return { kind: 'principal', ...principal, ...circumstances }
  return undefined
}
