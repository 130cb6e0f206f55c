/** 3 to 40 of `a-z0-9-`, neither beginning nor ending with a hyphen. */
export const slugPattern = /^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$/
const lengthMax = 40

/** A slug that reads like the name: `Clínica São João` is `clinica-sao-joao`. A name without Latin letters is `organization`. */
export function slugFrom(name: string): string {
  const slug = trimmed(
    name
      .normalize('NFKD')
      .replaceAll(/\p{M}/gu, '')
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-'),
  )
  if (slug === '') return 'organization'
  return slug.length < 3 ? `organization-${slug}` : slug
}

/** The same with an ending, for when another organization has it. */
export function slugWithEnding(slug: string, ending: string): string {
  return `${slug.slice(0, lengthMax - ending.length - 1)}-${ending}`
}

function trimmed(text: string): string {
  return text.replace(/^-/, '').slice(0, lengthMax).replace(/-$/, '')
}
