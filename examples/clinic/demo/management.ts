import { createTokenSource } from 'latchkey/sdk'
import { z } from 'zod'
import type { Bearer, Story } from './story.ts'

/** What the steps share: the story, and Latchkey's management API with somebody's token: the operator's, at first. */
export interface Stage {
  readonly story: Story
  readonly latchkey: string
  readonly api: string
  readonly bearer: Bearer
}

const Made = z.object({ id: z.string() })

/** @returns its id */
export async function makeOrganization(
  { story, api, bearer }: Stage,
  name: string,
  slug: string,
): Promise<string> {
  const asked = { method: 'POST', bearer, json: { name, slug } } as const
  const made = await story.expect(
    201,
    `${api}/organizations`,
    asked,
    (body) => `${name} is ${Made.parse(body).id}`,
  )
  return Made.parse(made.body).id
}

const Key = z.object({ client_id: z.string(), client_secret: z.string() })
export type Key = z.output<typeof Key>

export async function makeKey(
  { story, api, bearer }: Stage,
  organizationId: string,
  json: Readonly<Record<string, unknown>>,
): Promise<Key> {
  const asked = { method: 'POST', bearer, json } as const
  const url = `${api}/organizations/${organizationId}/keys`
  const issued = await story.expect(201, url, asked, (body) => {
    const { client_id, client_secret } = Key.parse(body)
    return `${client_id}, secret ${client_secret.slice(0, 12)}…${client_secret.slice(-4)}`
  })
  return Key.parse(issued.body)
}

/** The same with a token of the organization's own administrator: a key of it with the role that Latchkey has for that. */
export async function asAdministrator(stage: Stage, organizationId: string, of: string): Promise<Stage> {
  const wanted = { service: 'latchkey', role: 'organization-admin', name: 'Administrator' }
  const key = await makeKey(stage, organizationId, wanted)
  return { ...stage, bearer: await bearerOf(stage, 'latchkey', key.client_secret, of) }
}

/** A token for a key, without a word. */
export async function bearerOf(
  { latchkey }: Pick<Stage, 'latchkey'>,
  service: string,
  key: string,
  of: string,
): Promise<Bearer> {
  const tokens = createTokenSource({ latchkey, service, key })
  const token = await tokens.token()
  tokens.close()
  return { token, of }
}

const Problem = z.object({ code: z.string(), detail: z.string() })

/** Why a request was refused: the code for programs, and what it means. */
export const reasonOf = (body: unknown): string => {
  const problem = Problem.safeParse(body)
  return problem.success ? `${problem.data.code}: ${problem.data.detail}` : ''
}
