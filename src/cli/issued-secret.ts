import { type FileHandle, open, rm } from 'node:fs/promises'
import { z } from 'zod'
import { Failure } from './failure.ts'
import type { Item } from './output.ts'
import type { Session } from './session.ts'

export interface SecretOptions {
  /** Where to write `CLIENT_ID`, `CLIENT_SECRET` and `TOKEN_ENDPOINT` lines. */
  readonly dotenv?: string
  /** Where to write JSON in the form of the operator's key file. */
  readonly output?: string
}

interface SecretFile {
  readonly path: string
  readonly form: 'env' | 'json'
  readonly handle: FileHandle
}

const Issued = z.looseObject({
  client_id: z.string(),
  /** `null`: the key proves itself otherwise, or not at all. */
  client_secret: z.string().nullable(),
  organization_id: z.string(),
  token_endpoint: z.string(),
})

/**
 * Makes a secret and shows it, this once; or writes it where nobody else can read it. Files are opened before
 * it is made, so that a path that cannot be written costs no secret.
 */
export async function showIssued(
  session: Session,
  options: SecretOptions,
  make: () => Promise<Item>,
): Promise<void> {
  const { output } = session
  const files = await openFiles(options)
  let answer: Item
  try {
    answer = await make()
  } catch (error) {
    for (const { path, handle } of files) await handle.close().then(() => rm(path, { force: true }))
    throw error
  }
  const issued = Issued.safeParse(answer)
  if (issued.success && files.length > 0) {
    for (const file of files) await write(file, contentOf(file.form, issued.data))
    const { client_secret: secret, ...rest } = answer
    for (const { path } of files)
      output.say(
        secret === null
          ? `The client’s id is in ${path}. It has no secret.`
          : `The secret is in ${path}, for its owner alone. It is not shown again.`,
      )
    output.show(rest)
    return
  }
  output.show(answer)
  if (issued.success && issued.data.client_secret !== null) output.say(keepNow)
}

const keepNow =
  'Keep the client_secret now: it is not shown again. (--dotenv or --output writes it to a file. One that is lost is replaced with `latchkey keys rotate`.)'

function contentOf(form: SecretFile['form'], issued: z.output<typeof Issued>): string {
  const { client_id, client_secret, organization_id, token_endpoint } = issued
  const secret = client_secret === null ? {} : { client_secret }
  if (form === 'env') {
    const lines = Object.entries({ client_id, ...secret, token_endpoint })
    return lines.map(([name, value]) => `${name.toUpperCase()}=${value}\n`).join('')
  }
  const { origin } = new URL(token_endpoint)
  const content = { origin, token_endpoint, organization_id, client_id, ...secret }
  return `${JSON.stringify(content, null, 2)}\n`
}

async function write({ handle }: SecretFile, content: string): Promise<void> {
  await handle.writeFile(content)
  await handle.close()
}

async function openFiles({ dotenv, output }: SecretOptions): Promise<readonly SecretFile[]> {
  const files: SecretFile[] = []
  for (const [path, form] of [
    [dotenv, 'env'],
    [output, 'json'],
  ] as const) {
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
