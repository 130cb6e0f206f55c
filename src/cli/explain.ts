import type { Command } from 'commander'
import { type AskedOptions, ask, askedBody, askedRequest, askingCommand } from './asking-command.ts'
import { Explanation } from './explanation.ts'
import { explanationLines } from './explanation-lines.ts'
import type { Open } from './session.ts'

export function explainCommand(open: Open): Command {
  return askingCommand('explain')
    .description(
      "tell why a request is allowed or denied, and what would have it allowed; with a guard's key (--key-file)",
    )
    .action(async (method: string, path: string, options: AskedOptions) => {
      const session = open()
      const answer = await ask(session, options.service, 'explain', await askedBody(method, path, options))
      if (session.output.json) session.output.show(answer)
      else
        for (const line of explanationLines(Explanation.parse(answer), askedRequest(method, path)))
          session.output.line(line)
    })
}
