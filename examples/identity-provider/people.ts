import { hash, timingSafeEqual } from 'node:crypto'

export interface Person {
  /** Never given to anybody else: clients know the person by it, as `sub`. */
  readonly id: string
  readonly email: string
  /** In clear, since this provider lives for minutes. A real one keeps a slow hash alone (Argon2id). */
  readonly password: string
  readonly name: string
  readonly groups: readonly string[]
}

/** Whoever has this address and password. */
export function findPerson(people: readonly Person[], email: string, password: string): Person | undefined {
  const person = people.find((one) => one.email === email.trim().toLowerCase())
  return timingSafeEqual(digest(person?.password ?? ''), digest(password)) ? person : undefined
}

/** Digests are of one length, which is what can be compared in constant time. */
function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}
