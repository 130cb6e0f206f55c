import { open } from 'node:fs/promises'
import { z } from 'zod'
import { Failure } from './failure.ts'
import type { Item } from './output.ts'
import type { Session } from './session.ts'

export interface SecretOptions {
  /** Where to write `CLIENT_ID`, `CLIENT_SECRET` and `TOKEN_ENDPOINT` lines. */
  readonly envFile?: string
  /** Where to write JSON in the form of the operator's key file. */
  readonly output?: string
}

const Issued = z.looseObject({ id: z.string(), client_secret: z.string(), token_endpoint: z.string() })

/**
 * Shows a key that has just got a secret, which is seen this once; or writes it where nobody else can read it. The files
 * are opened before the key is made, so that a path that cannot be written costs no secret.
 */
export async function showIssued(
  { output, server }: Session,
  options: SecretOptions,
  make: () => Promise<Item>,
): Promise<void> {
  const files = await openFiles(options)
  const answer = await make()
  const issued = Issued.safeParse(answer)
  if (!issued.success || files.length === 0) {
    output.show(answer)
    if (issued.success) output.say(keepNow)
    return
  }
  const { id, client_secret, token_endpoint } = issued.data
  const origin = await server()
  const env = `CLIENT_ID=${id}\nCLIENT_SECRET=${client_secret}\nTOKEN_ENDPOINT=${token_endpoint}\n`
  const json = `${JSON.stringify({ origin, token_endpoint, client_id: id, client_secret }, null, 2)}\n`
  for (const { path, form, handle } of files) {
    await handle.writeFile(form === 'env' ? env : json)
    await handle.close()
    output.say(`The secret is in ${path}, for its owner alone. It is not shown again.`)
  }
  const { client_secret: _, ...rest } = answer
  output.show(rest)
}

const keepNow =
  'Keep the client_secret now: it is not shown again (next time, --env-file or --output writes it to a file). If it gets lost, `latchkey keys rotate` makes a new one.'

async function openFiles({ envFile, output }: SecretOptions) {
  const wanted = [
    { path: envFile, form: 'env' as const },
    { path: output, form: 'json' as const },
  ]
  const files = []
  for (const { path, form } of wanted) {
    if (path === undefined) continue
    try {
      // `wx`: a file that is there may be readable by others, and may hold what is still needed.
      files.push({ path, form, handle: await open(path, 'wx', 0o600) })
    } catch (cause) {
      throw new Failure(`${path} cannot be written anew`, {
        exitCode: 2,
        fix: 'name a file that does not exist yet, in a folder that does',
        cause,
      })
    }
  }
  return files
}
