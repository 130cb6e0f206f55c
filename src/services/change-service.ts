import type { Actor, Commit } from '../audit/record.ts'
import { DomainError } from '../errors.ts'
import { expectVersion } from '../storage/expect-version.ts'
import { type Records, update } from '../storage/ports.ts'
import { confirmChanges } from './confirm-changes.ts'
import { checkAccessTokenTtl } from './create-service.ts'
import { changesBetween } from './document-changes.ts'
import { getService } from './find-service.ts'
import { audienceFault } from './read-servers.ts'
import { type Service, services } from './service.ts'
import { getCurrentDocument } from './service-document.ts'

interface Deps {
  readonly records: Records
  readonly commit: Commit
}

interface ServiceChange {
  readonly title?: string | undefined
  readonly accessTokenTtlSeconds?: number | undefined
  readonly audience?: string | undefined
  readonly confirmation?: string | undefined
  readonly ifMatch?: number | undefined
}

/**
 * Changes what the document does not say. Another audience ends every token's use at the API, so that it needs a
 * confirmation; a shorter life holds for new tokens.
 * @throws {DomainError} `service_not_found`, `service_protected`, `invalid_request`, `confirmation_required`,
 *   `precondition_failed`, `conflict`
 */
export async function changeService(
  deps: Deps,
  by: Actor,
  idOrSlug: string,
  change: ServiceChange,
): Promise<Service> {
  const before = await getService(deps.records, idOrSlug)
  expectVersion(before, change.ifMatch)
  const after = changed(before, change)
  if (after.audience !== before.audience) {
    const { sha256 } = await getCurrentDocument(deps.records, before)
    const { confirmation } = change
    confirmChanges({ changes: changesBetween(before, after), sha256, baseSha256: sha256, confirmation })
  }
  const details = differences(before, after)
  if (Object.keys(details).length === 0) return before
  const { organizationId, id } = before
  await deps.commit({ type: 'service.changed', organizationId, target: id, by, details }, [
    update(services, before, after),
  ])
  return { ...after, version: before.version + 1 }
}

function changed(before: Service, change: ServiceChange): Service {
  const { title, audience, accessTokenTtlSeconds } = change
  if (before.kind === 'system' && audience !== undefined)
    throw new DomainError('service_protected', `the audience of ${before.slug} is the deployment's origin`)
  const fault = audience === undefined ? undefined : audienceFault(audience, '/audience')
  if (fault !== undefined) throw new DomainError('invalid_request', fault.detail, { faults: [fault] })
  return {
    ...before,
    ...(title === undefined ? {} : { title }),
    ...(audience === undefined ? {} : { audience, audienceGiven: true as const }),
    ...(accessTokenTtlSeconds === undefined
      ? {}
      : { accessTokenTtlSeconds: checkAccessTokenTtl(accessTokenTtlSeconds, '/access_token_ttl_seconds') }),
  }
}

function differences(before: Service, after: Service) {
  const fields = {
    title: [before.title, after.title],
    audience: [before.audience, after.audience],
    access_token_ttl_seconds: [before.accessTokenTtlSeconds, after.accessTokenTtlSeconds],
  } as const
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, [was, is]]) =>
      was === is ? [] : [[name, { before: was, after: is }]],
    ),
  )
}
