import type { NewResource } from './bundle.ts'

/** What went wrong while following; the guard goes on by itself, but for `resource_not_registered`. Never holds a secret. */
export interface GuardTrouble {
  readonly kind:
    | 'server'
    | 'facts'
    | 'decisions'
    | 'copy_refused'
    | 'copy_not_written'
    | 'resource_not_registered'
  readonly message: string
  readonly cause: unknown
  /** With `resource_not_registered`: what the API has made, and now has to tell of itself. Absent: its id is not known. */
  readonly resource?: NewResource
}

export type Report = (trouble: GuardTrouble) => void
