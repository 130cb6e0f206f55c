import { hash } from 'node:crypto'

/** Of the picture itself, not of its base64. */
export const logoBytesMax = 256 * 1024

const mediaTypes = ['image/png', 'image/jpeg', 'image/webp'] as const

/** A raster picture. Never SVG, which may carry script. */
export interface Logo {
  readonly mediaType: (typeof mediaTypes)[number]
  readonly base64: string
}

export type LogoReading =
  | { readonly kind: 'logo'; readonly logo: Logo }
  | { readonly kind: 'refused'; readonly detail: string; readonly fix: string }

const oneOfThree = 'Send a PNG, JPEG or WebP picture.'

/** What a picture is, by its first bytes: what its sender calls it is not asked. */
export function readLogo(base64: string): LogoReading {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length === 0 || bytes.toString('base64') !== base64)
    return refused('is not base64 (RFC 4648 §4)', oneOfThree)
  if (bytes.length > logoBytesMax) {
    const kib = Math.ceil(bytes.length / 1024)
    return refused(`has ${kib} KiB, more than ${logoBytesMax / 1024}`, 'Send a smaller picture.')
  }
  const mediaType = mediaTypeOf(bytes)
  if (mediaType === undefined) return refused('is no PNG, JPEG or WebP picture', oneOfThree)
  return { kind: 'logo', logo: { mediaType, base64 } }
}

/** Names the content of a logo: it changes exactly when the picture does. */
export function logoSha256(logo: Logo): string {
  return hash('sha256', Buffer.from(logo.base64, 'base64'), 'hex')
}

function refused(detail: string, fix: string): LogoReading {
  return { kind: 'refused', detail, fix }
}

function mediaTypeOf(bytes: Buffer): Logo['mediaType'] | undefined {
  const begins = (text: string, at = 0) => bytes.subarray(at, at + text.length).toString('latin1') === text
  if (begins('\x89PNG\r\n\x1a\n')) return 'image/png'
  if (begins('\xff\xd8\xff')) return 'image/jpeg'
  if (begins('RIFF') && begins('WEBP', 8)) return 'image/webp'
  return undefined
}
