import type { Mail } from '../../src/mail/mail.ts'
import { passwordHasher } from '../../src/users/argon2.ts'
import { acceptInvitation } from '../../src/users/choose-password.ts'
import { type Invitation, inviteUser } from '../../src/users/invite-user.ts'
import { storedTries } from '../../src/users/tries.ts'
import { granter, openDeployment } from '../organizations/deployment.ts'

/** As good as any, and quick: what the real ones cost is a test of its own. */
export const cheap = { memory: 64, passes: 1, parallelism: 1 }

export const good = 'seven otters map the harbour'
export const better = 'quiet lantern, brass violin'
export const arrived = { requestId: 'req-9', address: '192.0.2.9' }

/** A deployment with what people need: mails are caught, work for afterwards is awaited by `settled`. */
export async function openPeople() {
  const at = await openDeployment()
  const mails: Mail[] = []
  const later: Promise<void>[] = []
  const faults: { cause: unknown; requestId: string }[] = []
  const tries = (name: string, most: number) =>
    storedTries({ ...at.deps, counters: at.store.counters }, { name, most })
  const deps = {
    ...at.deps,
    ...{ artifacts: at.store.artifacts, keep: at.store.commit, origin: 'https://id.example' },
    hasher: passwordHasher(at.deps.random, { cost: cheap }),
    sendMail: async (mail: Mail) => {
      mails.push(mail)
    },
    onFault: (cause: unknown, requestId: string) => {
      faults.push({ cause, requestId })
    },
    afterwards: (work: () => Promise<void>) => {
      later.push(work())
    },
    tries: { byPerson: tries('password', 5), byAddress: tries('passwords', 20) },
    goesWithUser: [],
    mails: {
      byAddress: tries('mails-from', 20),
      pair: (address: string) => tries(`mails-to-from-${address}`, 5),
      byEmail: tries('mails-to', 12),
    },
  }
  const linkOf = (mail: Mail | undefined) => /\?link=(\S+)/.exec(mail?.text ?? '')?.[1] ?? ''
  const invite = (more: Partial<Invitation> = {}, organizationId = at.customer.id) =>
    inviteUser(deps, at.by, granter, organizationId, {
      ...{ email: 'sam@harbour.example', roles: [{ service: 'clinic', role: 'patients:read' }], tags: {} },
      ...more,
    })
  return {
    ...at,
    ...{ deps, mails, faults, linkOf, invite },
    /** The link of the newest mail. */
    lastLink: () => linkOf(mails.at(-1)),
    settled: () => Promise.all(later.splice(0)),
    /** A user who has come in, with the password `good`. */
    makeActive: async (more: Partial<Invitation> = {}, organizationId = at.customer.id) => {
      await invite(more, organizationId)
      const use = { serviceId: at.clinic.id, link: linkOf(mails.at(-1)), password: good }
      return await acceptInvitation(deps, use, arrived)
    },
  }
}

export type People = Awaited<ReturnType<typeof openPeople>>
