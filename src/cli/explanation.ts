import { z } from 'zod'

const Values = z.object({
  kind: z.string(),
  values: z.array(z.string()).default([]),
  more: z.number().default(0),
  why: z.string().default(''),
})
export type Values = z.output<typeof Values>

const Attempt = z.object({
  place: z.object({
    kind: z.string(),
    role: z.string().default(''),
    pointer: z.string().default(''),
    scopes: z.array(z.string()).default([]),
  }),
  reason: z.string(),
  fields_outside: z.array(z.string()).default([]),
  tags_unmatched: z.array(z.object({ key: z.string(), needed: Values, own: Values })).default([]),
  condition: z
    .object({
      decisive: z.array(
        z.object({
          text: z.string(),
          truth: z.string(),
          variables: z.array(z.object({ name: z.string(), values: Values })),
        }),
      ),
    })
    .default({ decisive: [] }),
  filters: z.array(z.object({ role: z.string(), fields: z.array(z.string()) })).default([]),
})
export type Attempt = z.output<typeof Attempt>

/** The parts of a decision that people are shown, of `decide` and of `explain`. */
export const ToldDecision = z.object({
  allowed: z.boolean(),
  reason: z.string(),
  detail: z.string().optional(),
  role: z.string().nullable().default(null),
  needed_scopes: z.array(z.string()).default([]),
  methods: z.array(z.string()).default([]),
  filter: z.array(z.object({ fields: z.array(z.string()) })).default([]),
})
export type ToldDecision = z.output<typeof ToldDecision>

/** The parts of an answer of `POST /{service}/explain` that people are shown. */
export const Explanation = z.object({
  decision: ToldDecision,
  principal: z
    .object({
      kind: z.string(),
      id: z.string(),
      organization_id: z.string(),
      roles: z.array(z.string()),
      scope: z.array(z.string()).optional(),
    })
    .nullable(),
  token_findings: z.array(z.object({ about: z.string(), said: z.string().optional(), expected: z.string() })),
  operations: z.array(
    z.object({
      operation: z.string(),
      method: z.string(),
      path: z.string(),
      reason: z.string(),
      organization: z.object({ asked: z.string(), own: z.string(), passes: z.boolean() }).optional(),
      resource: z
        .object({
          names: z.array(z.string()),
          standing: z.string(),
          registered: z.object({ name: z.string(), owner: z.string() }).optional(),
        })
        .optional(),
      sides: z.array(
        z.object({
          kind: z.string(),
          allows: z.boolean(),
          roles: z.array(
            z.object({ names: z.array(z.string()), standing: z.string(), attempts: z.array(Attempt) }),
          ),
        }),
      ),
    }),
  ),
  changes: z.array(z.object({ text: z.string() })),
})
export type Explanation = z.output<typeof Explanation>
