import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { Failure } from './failure.ts'

/** A client key as the command is given it. */
export interface Credential {
  readonly clientId: string
  readonly clientSecret: string
  /** Where it is exchanged for tokens; absent from a bare secret. */
  readonly tokenEndpoint?: string
  /** The server's origin; absent from a bare secret. */
  readonly origin?: string
}

const defaultKeyFile = './data/operator-key.json'

/** The form of `operator-key.json`, and of what `--output` writes. */
const KeyFile = z.looseObject({
  origin: z.url().optional(),
  token_endpoint: z.url().optional(),
  client_id: z.string().regex(/^key_[0-9a-z]{26}$/),
  client_secret: z.string().min(1),
})
const bareSecret = /^lk_(?:live|test)_([0-9a-z]{26})_[0-9A-Za-z]{49}$/

/** Where a key is looked for, first to last. */
export interface KeySources {
  /** `--key-file`; `-` is standard input. */
  readonly keyFile: string | undefined
  /** `LATCHKEY_CLI_KEY`: a key file's content, or a bare secret. */
  readonly keyText: string | undefined
  /** `LATCHKEY_CLI_KEY_FILE`. */
  readonly defaultFile: string | undefined
}

/** @throws {Failure} exit code 2: no key, or none that can be read */
export async function readCredential(sources: KeySources): Promise<Credential> {
  if (sources.keyFile === '-') return parseCredential(await text(process.stdin), 'standard input')
  if (sources.keyFile !== undefined) return readKeyFile(sources.keyFile)
  if (sources.keyText !== undefined) return parseCredential(sources.keyText, 'LATCHKEY_CLI_KEY')
  return readKeyFile(sources.defaultFile ?? defaultKeyFile)
}

async function readKeyFile(path: string): Promise<Credential> {
  let content: string
  try {
    content = await readFile(path, 'utf8')
  } catch (cause) {
    throw new Failure(`no key can be read from ${path}`, {
      exitCode: 2,
      fix: `the server writes operator-key.json into its data folder at its first start; name it with --key-file, put a key into LATCHKEY_CLI_KEY, or sign in with \`latchkey login\``,
      cause,
    })
  }
  return parseCredential(content, path)
}

/** @param from named in the refusal; the text itself never is, since it may hold a secret */
function parseCredential(content: string, from: string): Credential {
  const trimmed = content.trim()
  const id = bareSecret.exec(trimmed)?.[1]
  if (id !== undefined) return { clientId: `key_${id}`, clientSecret: trimmed }
  const parsed = KeyFile.safeParse(jsonOf(trimmed))
  if (!parsed.success)
    throw new Failure(`${from} holds no client key`, {
      exitCode: 2,
      fix: 'give a client secret (lk_live_…), or JSON with client_id and client_secret as in operator-key.json',
    })
  const { client_id, client_secret, token_endpoint, origin } = parsed.data
  return {
    clientId: client_id,
    clientSecret: client_secret,
    ...(token_endpoint === undefined ? {} : { tokenEndpoint: token_endpoint }),
    ...(origin === undefined ? {} : { origin }),
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
