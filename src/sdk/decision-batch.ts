/** One decision as a guard tells of it. When it was made stands in its id. No query, body or token is ever in it. */
export interface WireDecision {
  readonly id: string
  readonly method: string
  readonly reason: string
  /** Absent where the path and method name none. */
  readonly operation?: string | undefined
  /** The operation's path template. */
  readonly path?: string | undefined
  /** The path parameters, unless the guard leaves them out. */
  readonly resource?: Readonly<Record<string, string>> | undefined
  /** Absent where no token was valid, or none was asked for. */
  readonly principal?:
    | {
        readonly kind: 'key' | 'user'
        readonly id: string
        readonly organization_id: string
        /** The OAuth client: a machine's own key, or the app. */
        readonly client_id: string
      }
    | undefined
  /** The role that opened it. */
  readonly role?: string | undefined
}

/** `POST /{service}/decisions`: up to 1,000 of them; sent again as it was until the server has taken it. */
export interface DecisionBatch {
  readonly decisions: readonly WireDecision[]
  /** So many had no room in the guard's queue, up to the time in the id. */
  readonly lost?: { readonly id: string; readonly count: number } | undefined
}
