import { homedir } from 'node:os'
import { join } from 'node:path'
import { Failure } from './failure.ts'

/** What the command takes from the process that it runs in. */
export interface Surroundings {
  /** `LATCHKEY_CLI_…` of the environment; an empty value counts as absent. */
  readonly server: string | undefined
  readonly key: string | undefined
  readonly keyFile: string | undefined
  /** Where the command keeps what is the person's own. */
  readonly ownFolder: string
  readonly stdout: NodeJS.WriteStream
  /** Whether a question can be asked and answered. */
  readonly interactive: boolean
}

/** @throws {Failure} exit code 2, naming a `LATCHKEY_CLI_…` variable that the command does not know */
export function surroundingsOf(process: NodeJS.Process): Surroundings {
  const { LATCHKEY_CLI_SERVER, LATCHKEY_CLI_KEY, LATCHKEY_CLI_KEY_FILE, XDG_CONFIG_HOME, ...others } =
    process.env
  const unknown = Object.keys(others).filter((name) => name.startsWith('LATCHKEY_CLI_'))
  if (unknown.length > 0)
    throw new Failure(`unknown ${unknown.join(', ')}`, {
      exitCode: 2,
      fix: 'there are LATCHKEY_CLI_SERVER, LATCHKEY_CLI_KEY and LATCHKEY_CLI_KEY_FILE',
    })
  return {
    server: LATCHKEY_CLI_SERVER || undefined,
    key: LATCHKEY_CLI_KEY || undefined,
    keyFile: LATCHKEY_CLI_KEY_FILE || undefined,
    // XDG Base Directory Specification, on every system alike.
    ownFolder: join(XDG_CONFIG_HOME || join(homedir(), '.config'), 'latchkey'),
    stdout: process.stdout,
    interactive: process.stdin.isTTY === true && process.stdout.isTTY === true,
  }
}
