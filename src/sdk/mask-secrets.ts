// `lk_<env>_<id>_<secret><crc>`: the id alone is no secret, what follows it is.
const clientSecret = /lk_(live|test)_([0-9A-Za-z]+)_[0-9A-Za-z]+/g
// A JWT: three parts in base64url, the first beginning with `{"`.
const token = /eyJ[\w-]{8,}\.[\w-]+\.[\w-]+/g
// `lki_<secret>`: with it an app may register; `lka_<secret>`: the secret of one that has.
const registration = /lk([ia])_[\w-]{20,}/g
// `<id>.<secret>` of a link that was mailed: with it somebody comes in.
const oneTimeLink = /\b([0-7][0-9a-hjkmnp-tv-z]{25})\.[\w-]{43}/g

/** The text without client secrets, tokens and mailed links, for problems and logs: a secret that was sent is never said again. */
export function maskSecrets(text: string): string {
  return text
    .replace(clientSecret, 'lk_$1_$2_[secret]')
    .replace(registration, 'lk$1_[secret]')
    .replace(oneTimeLink, '$1.[secret]')
    .replace(token, '[token]')
}
