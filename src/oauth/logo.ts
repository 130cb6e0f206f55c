import { hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Service } from '../services/service.ts'
import { signInOf } from '../services/sign-in.ts'
import { derived } from '../storage/derived.ts'

interface Picture {
  readonly bytes: Buffer
  readonly mediaType: string
  readonly etag: string
}

const pictureOf = derived((service: Service): Picture | undefined => {
  const { logo } = signInOf(service).brand
  if (logo === undefined) return undefined
  const bytes = Buffer.from(logo.base64, 'base64')
  return { bytes, mediaType: logo.mediaType, etag: `"${hash('sha256', bytes, 'base64url')}"` }
})

/**
 * Answers with the logo of a service. A customer chose the bytes: no browser may take them for anything but the picture,
 * and opened by itself it can do nothing here.
 */
export function answerLogo(service: Service, request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('content-security-policy', "sandbox; default-src 'none'")
  response.setHeader('cross-origin-resource-policy', 'same-origin')
  const picture = pictureOf(service)
  if (picture === undefined) {
    response.statusCode = 404
    response.setHeader('cache-control', 'no-store')
    response.end()
    return
  }
  response.setHeader('cache-control', 'public, max-age=300')
  response.setHeader('etag', picture.etag)
  if (request.headers['if-none-match'] === picture.etag) {
    response.statusCode = 304
    response.end()
    return
  }
  response.setHeader('content-type', picture.mediaType)
  response.setHeader('content-length', picture.bytes.length)
  response.end(request.method === 'HEAD' ? undefined : picture.bytes)
}
