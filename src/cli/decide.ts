import type { Command } from 'commander'
import { z } from 'zod'
import { type AskedOptions, ask, askedBody, askedRequest, askingCommand } from './asking-command.ts'
import { ToldDecision } from './explanation.ts'
import { decisionLines } from './explanation-lines.ts'
import { Failure } from './failure.ts'
import type { Open, Session } from './session.ts'

const deniedExitCode = 1

export function decideCommand(open: Open): Command {
  return askingCommand('decide')
    .description("ask whether a request is allowed; with a guard's key (--key-file)")
    .addHelpText(
      'after',
      '\nEnds with 0 where it is allowed, 1 where it is denied, 2 or 3 where nothing was decided.',
    )
    .action(async (method: string, path: string, options: AskedOptions) => {
      const session = open()
      const answer = await decided(session, options, await askedBody(method, path, options))
      const decision = ToldDecision.parse(answer)
      if (session.output.json) session.output.show(answer)
      else for (const line of decisionLines(decision, askedRequest(method, path))) session.output.line(line)
      if (!decision.allowed) process.exitCode = deniedExitCode
    })
}

/** Nobody asks as who is made up: that is decided by an explanation alone, and not recorded. */
async function decided(session: Session, { service, organization }: AskedOptions, body: unknown) {
  try {
    if (organization === undefined) return await ask(session, service, 'decide', body)
    const { decision } = WithDecision.parse(await ask(session, service, 'explain', body))
    return decision
  } catch (error) {
    throw error instanceof Failure ? undecided(error) : error
  }
}

const WithDecision = z.object({ decision: z.record(z.string(), z.unknown()) })

/** What the server refuses to answer is no denial: a program must be able to tell the two. */
function undecided(failure: Failure): Failure {
  return failure.exitCode === deniedExitCode ? failure.with({ exitCode: 2 }) : failure
}
