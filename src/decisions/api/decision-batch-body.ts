import { z } from 'zod'
import { methods } from '../../evaluator/model.ts'

const text = (lengthMax: number) => z.string().min(1).max(lengthMax)
const id = z.string().regex(/^dec_[0-7][0-9a-hjkmnp-tv-z]{25}$/, 'is not the id of a decision')
const parametersMax = 50

const DecisionEntry = z.strictObject({
  id,
  method: z.enum([...methods, 'other']),
  reason: z.string().regex(/^[a-z_]{1,40}$/, 'is not a reason code'),
  operation: text(500).optional(),
  path: text(2_000).optional(),
  resource: z
    .record(text(200), z.string().max(500))
    .refine((resource) => Object.keys(resource).length <= parametersMax, `has more than ${parametersMax} ids`)
    .optional(),
  principal: z
    .strictObject({
      kind: z.enum(['key', 'user']),
      id: text(200),
      organization_id: text(200),
      client_id: text(500),
    })
    .optional(),
  role: text(200).optional(),
})

/** What a guard tells of its decisions. Strict, so that nothing comes in that a guard should not send. */
export const DecisionBatchBody = z.strictObject({
  decisions: z.array(DecisionEntry).max(1_000),
  lost: z.strictObject({ id, count: z.int().min(1) }).optional(),
})

export const TakenBody = z.object({
  recorded: z.number().int(),
  repeated: z.number().int().describe('Had come before.'),
  over_quota: z
    .number()
    .int()
    .describe('Counted, not kept: over what is kept of an organization in a minute.'),
})

export const decisionBatchExample = {
  decisions: [
    {
      id: 'dec_01jz8x6v0kq3m5n7p9r1s3t5v7',
      method: 'GET',
      reason: 'operation_not_in_role',
      operation: 'listPatients',
      path: '/patients',
    },
  ],
}
