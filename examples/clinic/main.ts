// The clinic's API on its own: `npm run clinic`, with what it needs in the environment. (The script's `--conditions` lets
// `latchkey/sdk` be this repository's source; elsewhere the SDK is a package like any other.)
import { z } from 'zod'
import { startClinic } from './clinic.ts'

const Environment = z.object({
  CLINIC_PORT: z.coerce.number().int().min(1).max(65_535).default(7701),
  CLINIC_LATCHKEY: z.url().default('http://localhost:7700'),
  /** The guard's key. */
  CLIENT_SECRET: z.string(),
  /** Whose records are whose: `harbour-street=org_…,willow-lane=org_…`. */
  CLINIC_ORGANIZATIONS: z
    .string()
    .default('')
    .transform((text) => Object.fromEntries(new URLSearchParams(text.replaceAll(',', '&')))),
})

const parsed = Environment.safeParse(process.env)
if (!parsed.success) {
  console.error(`The clinic did not start:\n${z.prettifyError(parsed.error)}`)
  process.exit(1)
}
const { CLINIC_PORT, CLINIC_LATCHKEY, CLIENT_SECRET, CLINIC_ORGANIZATIONS } = parsed.data
const clinic = await startClinic({
  latchkey: CLINIC_LATCHKEY,
  key: CLIENT_SECRET,
  organizations: CLINIC_ORGANIZATIONS,
  port: CLINIC_PORT,
})
console.log(`The clinic answers at ${clinic.origin}`)
process.once('SIGINT', clinic.close).once('SIGTERM', clinic.close)
