// `lk_<env>_<id>_<secret><crc>`: the id alone is no secret, what follows it is.
const clientSecret = /lk_(live|test)_([0-9A-Za-z]+)_[0-9A-Za-z]+/g
// A JWT: three parts in base64url, the first beginning with `{"`.
const token = /eyJ[\w-]{8,}\.[\w-]+\.[\w-]+/g

/** The text without client secrets and tokens, for problems and logs: a secret that was sent is never said again. */
export function maskSecrets(text: string): string {
  return text.replace(clientSecret, 'lk_$1_$2_[secret]').replace(token, '[token]')
}
