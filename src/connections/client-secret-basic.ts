import type { ClientAuth } from 'openid-client'

/**
 * HTTP Basic as providers read it who follow RFC 6749 §2.3.1, and as those do who pass over its form encoding, LemonLDAP::NG
 * among them: only what the first would read in another way is encoded. The library encodes all punctuation, and with it
 * almost every generated secret.
 */
export function clientSecretBasic(secret: string): ClientAuth {
  return (_server, { client_id: id }, _body, headers) => {
    headers.set('authorization', `Basic ${btoa(`${encoded(id).replaceAll(':', '%3A')}:${encoded(secret)}`)}`)
  }
}

function encoded(text: string): string {
  return text.replaceAll(/[^!-~]|[%+]/gu, (one) => (one === ' ' ? '+' : encodeURIComponent(one)))
}
