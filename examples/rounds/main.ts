// Rounds on its own: `npm run rounds`, with what it needs in the environment.
import { z } from 'zod'
import { startRounds } from './rounds.ts'

const Environment = z.object({
  ROUNDS_PORT: z.coerce.number().int().min(1).max(65_535).default(7702),
  ROUNDS_ISSUER: z.url().default('http://localhost:7700/clinic'),
  ROUNDS_API: z.url().default('http://localhost:7701'),
  /** Of the client key that Rounds' makers have registered at the issuer. */
  CLIENT_ID: z.string(),
  CLIENT_SECRET: z.string(),
})

const parsed = Environment.safeParse(process.env)
if (!parsed.success) {
  console.error(`Rounds did not start:\n${z.prettifyError(parsed.error)}`)
  process.exit(1)
}
const { ROUNDS_PORT, ROUNDS_ISSUER, ROUNDS_API, CLIENT_ID, CLIENT_SECRET } = parsed.data
const rounds = await startRounds({
  issuer: ROUNDS_ISSUER,
  clientId: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
  api: ROUNDS_API,
  port: ROUNDS_PORT,
})
console.log(`Rounds answers at ${rounds.origin}`)
process.once('SIGINT', rounds.close).once('SIGTERM', rounds.close)
