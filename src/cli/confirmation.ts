import { createInterface } from 'node:readline/promises'
import { z } from 'zod'
import { Failure } from './failure.ts'
import type { Item } from './output.ts'
import type { Session } from './session.ts'
import { printable } from './table.ts'

const names = z.array(z.string()).default([])

/** What a document changes, as the refusal `confirmation_required` lists it. */
const Changes = z.object({
  operations_added: names,
  operations_removed: names,
  operations_moved: z
    .array(z.object({ operation_id: z.string(), before: z.string(), after: z.string() }))
    .default([]),
  newly_public: names,
  no_longer_public: names,
  ownership_check_lost: names,
  step_up_weakened: names,
  roles_added: names,
  roles_removed: names,
  roles: z
    .array(
      z.object({
        ...{ role: z.string(), gains: names, loses: names, widened: names, narrowed: names, becomes: names },
      }),
    )
    .default([]),
  roles_unfit: z.array(z.object({ organization_id: z.string(), role_id: z.string() })).default([]),
  more_roles_unfit: z.boolean().default(false),
  roles_not_looked_at: z.boolean().default(false),
  audience: z.object({ before: z.string(), after: z.string() }).nullish(),
})
const NeedsConfirmation = z.object({
  code: z.literal('confirmation_required'),
  changes: Changes,
  confirmation: z.string(),
})

export interface ConfirmOptions {
  /** The confirmation of a call before. */
  readonly confirm?: string
  readonly yes?: true
}

/**
 * Makes a call that may need a confirmation: shows what would change, then asks at a terminal, goes on with `--yes`, or
 * says how to repeat.
 */
export async function confirmed(
  { output, interactive }: Session,
  { confirm, yes }: ConfirmOptions,
  call: (confirmation: string | undefined) => Promise<Item>,
): Promise<Item> {
  try {
    return await call(confirm)
  } catch (error) {
    const asked = NeedsConfirmation.safeParse(error instanceof Failure ? error.problem : undefined)
    if (!asked.success) throw error
    const { changes, confirmation } = asked.data
    for (const line of changeLines(changes)) output.say(line)
    if (yes === true || (interactive && !output.json && (await agreed()))) return call(confirmation)
    throw new Failure('nothing was changed: these changes need a confirmation', {
      exitCode: 1,
      fix: `repeat with --confirm ${confirmation} (these changes alone), or with --yes`,
      ...(error instanceof Failure && error.problem !== undefined ? { problem: error.problem } : {}),
      cause: error,
    })
  }
}

/** The changes in words, what opens the API first. */
function changeLines(changes: z.output<typeof Changes>): readonly string[] {
  const lines = [
    ...told('Anybody may call, without a token', changes.newly_public),
    ...told('No longer checked against the caller’s organization', changes.ownership_check_lost),
    ...told('An older or weaker sign-in will do', changes.step_up_weakened),
    ...told('No longer open to anybody', changes.no_longer_public),
    ...told('Operations gone', changes.operations_removed),
    ...changes.operations_moved.map(
      ({ operation_id, before, after }) => `Operation ${operation_id}: was ${before}, becomes ${after}`,
    ),
    ...told('Roles gone', changes.roles_removed),
    ...told(
      'Roles of organizations that no longer fit, as far as they do not',
      changes.roles_unfit.map(({ organization_id, role_id }) => `${role_id} of ${organization_id}`),
    ),
    ...othersUnfit(changes),
    ...changes.roles.flatMap(({ role, gains, loses, widened, narrowed, becomes }) => [
      ...told(`Role ${role} gains`, gains),
      ...told(`Role ${role} loses`, loses),
      ...told(`Role ${role} allows more of`, widened),
      ...told(`Role ${role} allows less of`, narrowed),
      ...told(`Role ${role} becomes`, becomes),
    ]),
    ...(changes.audience
      ? [`Audience: was ${changes.audience.before}, becomes ${changes.audience.after}`]
      : []),
  ]
  return lines.map(printable)
}

function othersUnfit(changes: z.output<typeof Changes>): readonly string[] {
  if (changes.roles_not_looked_at)
    return ['There were too many roles of organizations to look at: others may no longer fit']
  return changes.more_roles_unfit ? ['More roles of organizations no longer fit'] : []
}

const namesShownMax = 12

function told(what: string, list: readonly string[]): readonly string[] {
  if (list.length === 0) return []
  const more = list.length > namesShownMax ? ` and ${list.length - namesShownMax} more` : ''
  return [`${what}: ${list.slice(0, namesShownMax).join(', ')}${more}`]
}

async function agreed(): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return /^y(es)?$/i.test((await terminal.question('Is that meant? [y/N] ')).trim())
  } finally {
    terminal.close()
  }
}
