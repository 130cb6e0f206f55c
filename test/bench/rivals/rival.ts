import type { WorldRequest } from '../tagged-world.ts'

/**
 * Another way to decide the same. It is told which operation and which resource a request names, which Latchkey reads out
 * of method and path itself; and it may prepare all that it can for each role.
 */
export interface Rival {
  readonly name: string
  allows(request: WorldRequest): boolean
}
