import { maskSecrets } from '../sdk/mask-secrets.ts'

/** Where log lines go: structured, one object and a sentence. A `pino` logger fits. */
export interface Log {
  error(data: object, sentence: string): void
  warn(data: object, sentence: string): void
  info(data: object, sentence: string): void
  debug(data: object, sentence: string): void
}

/** Paths that a structured logger must blank out, in `pino`'s notation. */
export const redactedPaths: readonly string[] = [
  'authorization',
  'cookie',
  'client_secret',
  'client_assertion',
  '*.authorization',
  '*.cookie',
  '*["set-cookie"]',
  '*.client_secret',
  '*.client_assertion',
  '*.*.authorization',
  '*.*.cookie',
  '*.*["set-cookie"]',
  '*.*.client_secret',
  '*.*.client_assertion',
]

const causesMax = 5

/** An error and its causes as a log line holds them: client secrets and tokens in their words are masked. */
export function errorForLog(error: unknown, causesLeft = causesMax): object {
  if (!(error instanceof Error)) return { type: typeof error, message: maskSecrets(String(error)) }
  const { name, message, stack = '', cause } = error
  return {
    type: name,
    message: maskSecrets(message),
    stack: maskSecrets(stack),
    ...(cause === undefined || causesLeft === 0 ? {} : { cause: errorForLog(cause, causesLeft - 1) }),
  }
}
