import { z } from 'zod'
import { type ErrorCode, errorCodes } from '../errors.ts'
import { statusOf, titleOf } from './status.ts'

/** RFC 9457, as the document describes it. */
export const ProblemBody = z
  .looseObject({
    type: z.string().describe('Where the code is explained.'),
    title: z.string().describe('A short name of the kind of problem.'),
    status: z.int(),
    code: z.enum(errorCodes).describe('For programs. Never changes its meaning.'),
    detail: z.string().describe('What is wrong, and why.'),
    fix: z.string().optional().describe('What to do about it.'),
    errors: z
      .array(
        z.object({
          pointer: z.string().describe('RFC 6901 JSON pointer into the body; `?name` for a query parameter.'),
          detail: z.string(),
          fix: z.string().optional(),
        }),
      )
      .optional()
      .describe('Every fault, each with its place.'),
    request_id: z.string().describe('Give it to the operator: it is in the log and in audit events.'),
  })
  .meta({ id: 'Problem', description: 'What went wrong (RFC 9457).' })

/** What an operation can answer instead, by status: the codes in their order. */
export function codesByStatus(codes: readonly ErrorCode[]): ReadonlyMap<number, readonly ErrorCode[]> {
  const byStatus = Map.groupBy(new Set(codes), (code) => statusOf[code])
  return new Map([...byStatus].toSorted(([a], [b]) => a - b))
}

export function explained(codes: readonly ErrorCode[]): string {
  return codes.map((code) => `\`${code}\`: ${titleOf[code]}.`).join(' ')
}
