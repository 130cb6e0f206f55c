import type { Actor } from '../audit/record.ts'
import type { Service } from './service.ts'

/** What another part keeps for a service and must let go of when the service is deleted: a question to later rows. */
export interface ServiceContents {
  /** In the plural, as people say it: `client keys`. */
  readonly what: string
  /** How many there are; counting stops at `countMax`. */
  count(service: Service, countMax: number): Promise<number>
  /** Lets go of all of them, in pages, an event each. Called after the service is gone; may be called again. */
  tidy(by: Actor, service: Service): Promise<void>
}
