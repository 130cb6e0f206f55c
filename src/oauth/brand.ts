import type { Service } from '../services/service.ts'
import { signInOf } from '../services/sign-in.ts'
import type { BrandOnPage } from './page.ts'

/** What a service looks like on its pages. */
export function brandOf(service: Service): BrandOnPage {
  const { name, colour, logo } = signInOf(service).brand
  return {
    name: name ?? service.title,
    colour,
    logoUrl: logo === undefined ? undefined : `/${service.slug}/logo`,
  }
}
