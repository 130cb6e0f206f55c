import { Failure } from './failure.ts'

/** A role on a service, as an option writes it: `clinic=patients:read`. */
export function roleAssignment(text: string): { readonly service: string; readonly role: string } {
  const cut = text.indexOf('=')
  if (cut < 1)
    throw new Failure(`${text} is no role on a service`, {
      exitCode: 2,
      fix: 'write it as service=role, such as clinic=patients:read',
    })
  return { service: text.slice(0, cut), role: text.slice(cut + 1) }
}
