/** What a derived key is for; each has a key of its own, so that no sealed value opens as another kind. */
export type SecretLabel =
  | 'client-secrets'
  | 'signing-keys'
  | 'cookies'
  | 'artifacts'
  | 'artifact-ids'
  | 'initial-access-tokens'
  | 'nonces'
  | 'refresh-successors'
  | 'check-value'
  | 'email-codes'
  | 'links'
  | 'mails'
  | 'passwords'
  | 'connection-secrets'
  | 'connection-tests'
  | 'domain-proofs'
  | 'tries'

/** Seals with the newest deployment secret, opens with any. */
export interface Secrets {
  /** The names of the deployment secrets, newest first; derived from them, and nothing can be learnt from them. */
  readonly ids: readonly [string, ...string[]]
  /** AES-256-GCM; `boundTo` (the id of what holds it) must be given again to open. Answers `v1$<secret id>$<base64url>`. */
  seal(label: SecretLabel, boundTo: string, plain: Uint8Array | string): string
  /** @throws {Error} if no deployment secret opens it for that label and id: the store was changed, or a secret is missing. */
  open(label: SecretLabel, boundTo: string, sealed: string): Buffer
  /** HMAC-SHA-256 under the newest secret, in base64url. */
  digest(label: SecretLabel, text: string): string
  /** The same under every secret, newest first, to find what was digested before a rotation. */
  digests(label: SecretLabel, text: string): readonly string[]
}
