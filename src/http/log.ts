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
