import { once } from 'node:events'
import { createGuard } from 'latchkey/sdk'
import { clinicApi } from './api.ts'
import { Records } from './records.ts'

export interface ClinicOptions {
  /** Latchkey's address. */
  readonly latchkey: string
  /** `lk_…`, a key with the role `guard` for the service `clinic`: with it the guard learns what is allowed and revoked. */
  readonly key: string
  /** For each practice of the seed data the id of its organization in Latchkey. */
  readonly organizations: Readonly<Record<string, string>>
  readonly port: number
}

/** Starts the clinic's API, protected by Latchkey, on this machine alone. */
export async function startClinic({ latchkey, key, organizations, port }: ClinicOptions) {
  const guard = createGuard({ latchkey, service: 'clinic', key })
  await guard.ready()
  const server = clinicApi(guard.koa(), new Records(organizations)).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://localhost:${port}`,
    close(): void {
      void guard.close()
      server.closeAllConnections()
      server.close()
    },
  }
}
