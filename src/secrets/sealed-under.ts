import type { Index } from '../storage/ports.ts'

/** A sealed value reads `v1$<secret id>$<base64url>`. */
export const sealedFormat = 'v1'
export const sealedSeparator = '$'

/** The id of the deployment secret that sealed a value; nothing for what is no sealed value. */
export function secretIdOf(sealed: string): string | undefined {
  const [format, id] = sealed.split(sealedSeparator)
  return format === sealedFormat && id !== '' ? id : undefined
}

/**
 * Lists documents under each deployment secret that sealed a value of theirs, so that what an older one still holds is
 * found, over all organizations, whoever sealed it and whatever was interrupted. Declared under the name `sealedUnder`.
 */
export function sealedUnder<T>(valuesOf: (document: T) => readonly string[]): Index<T> {
  return {
    keys: (document) => [...new Set(valuesOf(document).flatMap((sealed) => secretIdOf(sealed) ?? []))],
    deploymentWide: true,
  }
}
