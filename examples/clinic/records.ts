export interface Patient {
  readonly id: string
  readonly name: string
  readonly born: string
}

interface Appointment {
  readonly id: string
  readonly patient_id: string
  readonly at: string
  readonly reason: string
}

/** What one practice keeps. */
export interface PracticeRecords {
  readonly patients: Map<string, Patient>
  readonly appointments: Map<string, Appointment>
}

/** What the two example practices start with: made-up people. */
const seeds: Readonly<Record<string, () => PracticeRecords>> = {
  'harbour-street': () =>
    recordsOf(
      [
        { id: 'pat-1001', name: 'Ada Quill', born: '1961-04-12' },
        { id: 'pat-1002', name: 'Bram Osei', born: '1988-11-30' },
      ],
      [{ id: 'apt-1', patient_id: 'pat-1001', at: '2030-05-02T09:30:00Z', reason: 'Blood pressure' }],
    ),
  'willow-lane': () =>
    recordsOf(
      [
        { id: 'pat-2001', name: 'Chidi Marsh', born: '1974-02-07' },
        { id: 'pat-2002', name: 'Edda Lund', born: '1950-09-18' },
      ],
      [{ id: 'apt-2', patient_id: 'pat-2001', at: '2030-05-03T14:00:00Z', reason: 'Vaccination' }],
    ),
}

function recordsOf(patients: readonly Patient[], appointments: readonly Appointment[]): PracticeRecords {
  return {
    patients: new Map(patients.map((patient) => [patient.id, patient])),
    appointments: new Map(appointments.map((appointment) => [appointment.id, appointment])),
  }
}

/** All practices' records. There is no way in but through an organization: one practice never sees another's. */
export class Records {
  readonly #practices = new Map<string, PracticeRecords>()

  /** @param organizations the organization's id in Latchkey for each practice of `seeds` */
  constructor(organizations: Readonly<Record<string, string>> = {}) {
    for (const [practice, organizationId] of Object.entries(organizations)) {
      const seed = seeds[practice]
      if (seed === undefined) throw new Error(`no practice ${practice}: ${Object.keys(seeds).join(', ')}`)
      this.#practices.set(organizationId, seed())
    }
  }

  of(organizationId: string): PracticeRecords {
    const known = this.#practices.get(organizationId)
    if (known !== undefined) return known
    const empty = recordsOf([], [])
    this.#practices.set(organizationId, empty)
    return empty
  }
}
