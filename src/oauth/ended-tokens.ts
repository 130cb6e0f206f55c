import type { Clock } from '../clock.ts'
import { wireRevocation } from '../decisions/bundle.ts'
import type { LiveRevocations } from '../revocations/live.ts'
import type { Revocation } from '../revocations/revocation.ts'
import { RevocationIndex, type TokenMarks } from '../sdk/revocation-index.ts'

/** Which access tokens have ended before their time, asked of memory. */
export interface EndedTokens {
  has(marks: TokenMarks): boolean
  /** Takes in an entry that this node has committed, before the feed brings it. */
  add(entry: Revocation): void
  /** Live entries that end one token each, of this client. */
  ofClient(clientId: string): readonly Revocation[]
  /** This node has not heard of the others for too long to say that a token is still good. */
  isStale(): boolean
}

interface Deps {
  readonly revocations: LiveRevocations
  readonly clock: Clock
  readonly isStale: () => boolean
}

const forgetEveryMs = 60_000

/** Follows the entries of all services for as long as the process lives. */
export function endedTokens({ revocations, clock, isStale }: Deps): EndedTokens {
  let index = new RevocationIndex()
  let forgottenAt = clock()
  const readAll = () => {
    index = new RevocationIndex()
    index.add(revocations.of(undefined).map(wireRevocation))
  }
  readAll()
  revocations.onReset(readAll)
  revocations.onRow((_row, entries) => index.add(entries.map(wireRevocation)))
  return {
    has: (marks) => {
      const nowMs = clock()
      if (nowMs - forgottenAt >= forgetEveryMs) {
        index.forget(nowMs)
        forgottenAt = nowMs
      }
      return index.ends(marks)
    },
    add: (entry) => index.add([wireRevocation(entry)]),
    ofClient: (clientId) =>
      revocations.of(undefined).filter(({ ended }) => ended.kind === 'jti' && ended.clientId === clientId),
    isStale,
  }
}
