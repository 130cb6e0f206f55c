const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/**
 * Reads a server's address, without the slash at its end. HTTPS, or HTTP to this machine: keys and tokens go there.
 * @throws {TypeError} for anything else, unless plain HTTP is allowed
 */
export function secureAddress(text: string, isPlainAllowed: boolean): string {
  const url = URL.parse(text)
  if (url === null) throw new TypeError(`${text} is not an address`)
  const isSecure = url.protocol === 'https:' || (url.protocol === 'http:' && loopback.test(url.hostname))
  if (!isSecure && !(url.protocol === 'http:' && isPlainAllowed))
    throw new TypeError(
      `${url.origin} is not HTTPS; a key sent there could be read on its way (\`sendKeyOverPlainHttp\` allows it)`,
    )
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new TypeError(`${url.origin} must be given without credentials, query and fragment`)
  return text.replace(/\/+$/, '')
}
