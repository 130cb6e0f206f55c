/** Asymmetric algorithms of RFC 7518 §3.1, RFC 8037 and RFC 9864: nobody but who holds the key can sign. */
const verifiable = [
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
  'Ed25519',
] as const
export type VerificationAlgorithm = (typeof verifiable)[number]

/** @throws {TypeError} for none at all, or a symmetric one: a configuration read from JSON has no types */
export function assertVerifiable(algorithms: readonly string[]): void {
  const isSafe = (algorithm: string) => verifiable.some((one) => one === algorithm)
  if (algorithms.length === 0 || !algorithms.every(isSafe))
    throw new TypeError(`algorithms must be some of ${verifiable.join(', ')}`)
}
