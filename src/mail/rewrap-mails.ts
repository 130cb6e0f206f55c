import { type Rewrap, rewrapOf } from '../secrets/rewrap.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { keptMails } from './mail.ts'

type Deps = Parameters<typeof rewrapOf>[0] & { readonly secrets: Secrets }

/** What kept mails say. */
export function rewrapMails(deps: Deps): Rewrap {
  const { secrets } = deps
  return rewrapOf(deps, {
    kind: 'mails',
    collection: keptMails,
    reseal: (mail) => ({
      ...mail,
      sealed: secrets.seal('mails', mail.id, secrets.open('mails', mail.id, mail.sealed)),
    }),
  })
}
