import type { Caller } from '../evaluator/model.ts'
import type { VerifiedCaller } from '../sdk/verify-token.ts'

/** About whom a decision is asked, as whoever asks names them. */
export type AskedSubject = AskedToken | AskedPrincipal | MadeUpPrincipal

interface Circumstances {
  /** From where the request came: credentials may be bound to addresses. */
  readonly address?: string | undefined
  /** Lets keys of the environment `test` in. */
  readonly acceptTestKeys?: boolean | undefined
}

export interface AskedToken extends Circumstances {
  readonly kind: 'token'
  /** As it came with the request, without `Bearer`. */
  readonly token: string
  /** Whoever asks has verified the proof of the key that the token is bound to (RFC 9449): it cannot be seen here. */
  readonly proofChecked?: boolean | undefined
}

/** A client key or a user of the store, with the role and tags that they have now. */
export interface AskedPrincipal extends Circumstances {
  readonly kind: 'principal'
  readonly id: string
  /** Of a user: an app acts for them, with these scopes. Absent: they act themselves. Of a key: what it has asked for. */
  readonly scope?: readonly string[] | undefined
  /** Wherever requests come from: for what is asked without one. */
  readonly anywhere?: true | undefined
}

/** Nobody that there is: to see what somebody like that could do. */
export interface MadeUpPrincipal extends Circumstances {
  readonly kind: 'made_up'
  readonly principal: Caller
}

/** Who a decision is about. */
export interface SubjectCaller extends Caller {
  /** The OAuth client: a machine's own key, the app, or the principal itself where no client is known. */
  readonly clientId: string
  /** Of the token; none where there is none, so that nothing is known of a sign-in. */
  readonly claims: VerifiedCaller['claims']
}

/** What has become of a subject. */
export type Subject =
  | { readonly kind: 'caller'; readonly caller: SubjectCaller }
  /** Whoever presents this is let in nowhere. */
  | {
      readonly kind: 'refused'
      readonly reason: 'invalid_token' | 'token_revoked'
      /** In words for whoever asks. */
      readonly detail: string
      readonly caller?: SubjectCaller
    }
