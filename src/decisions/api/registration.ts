import type { Actor } from '../../audit/record.ts'
import type { Service } from '../../services/service.ts'
import type { Registration, registerResources } from '../../tags/register-resources.ts'

export type ResourceDeps = Parameters<typeof registerResources>[0]

/** A guard's call about resources, once it is let in. */
export interface ResourceCall {
  readonly service: Service
  readonly by: Actor
  /** The service as it is now. Throws once the token no longer opens this. */
  readonly stillAuthorized: () => Promise<Service>
}

/** As one line of an answer about many. */
export function presentRegistration(registration: Registration) {
  switch (registration.kind) {
    case 'registered':
      return { outcome: registration.kind, name: registration.resource.name }
    case 'unchanged':
      return { outcome: registration.kind, name: registration.name }
    case 'refused': {
      const { code, message, faults } = registration.error
      return { outcome: registration.kind, code, detail: message, errors: faults }
    }
    default:
      throw new Error(`unknown registration: ${registration satisfies never}`)
  }
}
