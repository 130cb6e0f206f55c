import { z } from 'zod'

const Patient = z.object({ id: z.string(), name: z.string(), born: z.string() })
export type Patient = z.output<typeof Patient>

const Appointment = z.object({ id: z.string(), at: z.string(), reason: z.string() })
export type Appointment = z.output<typeof Appointment>

const Problem = z.object({ code: z.string().optional(), detail: z.string().optional() }).catch({})

/** The API said no. */
export class Refused extends Error {
  readonly status: number
  /** A word for programs, such as `insufficient_scope`. */
  readonly code: string
  /** RFC 6750 §3: the scopes that would do. */
  readonly scope: string | undefined

  constructor(status: number, { code, detail }: z.output<typeof Problem>, scope: string | undefined) {
    super(detail ?? `the clinic answered ${status}`)
    this.status = status
    this.code = code ?? String(status)
    this.scope = scope
  }
}

/** The API that Rounds calls, with a person's access token: an HTTP API like any other. */
export function clinicRecords(api: string, accessToken: string) {
  const call = async (path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${api}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${accessToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer: unknown = await response.json().catch(() => undefined)
    if (response.ok) return answer
    const scope = /scope="([^"]*)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1]
    throw new Refused(response.status, Problem.parse(answer), scope)
  }
  const patient = (id: string) => `/patients/${encodeURIComponent(id)}`
  return {
    patients: async () => z.array(Patient).parse(await call('/patients')),
    patient: async (id: string) => Patient.parse(await call(patient(id))),
    appointments: async (id: string) => z.array(Appointment).parse(await call(`${patient(id)}/appointments`)),
    book: (id: string, at: string, reason: string) => call(`${patient(id)}/appointments`, { at, reason }),
    takeOn: (name: string, born: string) => call('/patients', { name, born }),
  }
}

export type ClinicRecords = ReturnType<typeof clinicRecords>
