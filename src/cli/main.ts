#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { appsCommand } from './apps.ts'
import { assumptionsCommand } from './assumptions.ts'
import { connectionsCommand } from './connections.ts'
import { consentsCommand } from './consents.ts'
import { decideCommand } from './decide.ts'
import { domainsCommand } from './domains.ts'
import { entitlementsCommand } from './entitlements.ts'
import { explainCommand } from './explain.ts'
import { describeFailure, Failure } from './failure.ts'
import { guardCommand } from './guard.ts'
import { keysCommand } from './keys.ts'
import { loginCommand, logoutCommand, whoamiCommand } from './login.ts'
import { mailsCommand } from './mails.ts'
import { organizationsCommand } from './organizations.ts'
import { resourcesCommand } from './resources.ts'
import { rolesCommand } from './roles.ts'
import { secretsCommand } from './secrets.ts'
import { servicesCommand } from './services.ts'
import { type GlobalOptions, type Open, openSession } from './session.ts'
import { surroundingsOf } from './surroundings.ts'
import { tokenCommand } from './token.ts'
import { activityCommand, auditCommand, decisionsCommand } from './trails.ts'
import { usersCommand } from './users.ts'

const program = new Command('latchkey')
  .description('Manages a Latchkey server, through its management API.')
  .option('--server <origin>', 'the server (LATCHKEY_CLI_SERVER; else as the key file says)')
  .option('--key-file <path>', 'the client key to use (LATCHKEY_CLI_KEY_FILE); - is standard input')
  .option('--json', 'answers as the API gives them, for programs')
  .option(
    '--send-key-over-plain-http',
    'allow a server elsewhere that has no HTTPS: the key can be read on its way',
  )
  .configureHelp({ showGlobalOptions: true })
  .showSuggestionAfterError()

const open: Open = () => openSession(surroundingsOf(process), program.opts<GlobalOptions>())
for (const group of [
  servicesCommand,
  organizationsCommand,
  rolesCommand,
  resourcesCommand,
  assumptionsCommand,
  keysCommand,
  usersCommand,
  domainsCommand,
  connectionsCommand,
  appsCommand,
  consentsCommand,
  mailsCommand,
  entitlementsCommand,
  auditCommand,
  activityCommand,
  decisionsCommand,
  decideCommand,
  explainCommand,
  tokenCommand,
  loginCommand,
  logoutCommand,
  whoamiCommand,
  secretsCommand,
  guardCommand,
])
  program.addCommand(group(open))
inheritSettings(program)

/** Commands that were made apart know nothing of the program's settings. */
function inheritSettings(command: Command): void {
  command.exitOverride()
  for (const child of command.commands) {
    child.copyInheritedSettings(command)
    inheritSettings(child)
  }
}

// Whoever reads the output may stop reading (`| head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}

function report(error: unknown): number {
  // Commander has told its own already; asking for help is no error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (!(error instanceof Failure)) throw error
  const { problem, exitCode } = error
  const asJson = program.opts<GlobalOptions>().json === true && problem !== undefined
  console.error(asJson ? JSON.stringify(problem, null, 2) : describeFailure(error))
  return exitCode
}
