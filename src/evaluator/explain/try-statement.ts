import { Circumstances } from '../circumstances.ts'
import type { DenialReason } from '../model.ts'
import { reasonAgainst } from '../try-statements.ts'
import type { ExplainedSide } from './explanation.ts'
import { readStatement } from './read-statement.ts'
import type { Source } from './sources.ts'
import type { TriedFor } from './tried.ts'

/** Steps 4 to 6 for one statement. */
export function tryStatement(
  { statement }: Source,
  kind: ExplainedSide['kind'],
  of: TriedFor,
): 'allowed' | DenialReason {
  const { compiled } = readStatement(statement)
  const within = compiled.fields?.verdict(of.request) ?? 'within'
  if (within !== 'within' && within !== 'body_required') return within
  const circumstances = circumstancesOf(of)
  if (typeof circumstances === 'string') return circumstances
  const candidate = { ...compiled, by: { role: undefined }, matchesTags: kind === 'roles' }
  return reasonAgainst(candidate, circumstances) ?? 'allowed'
}

/** What conditions and tags are held against; or why it does not come to that. */
export function circumstancesOf({
  caller,
  grant,
  request,
  resource,
}: TriedFor): Circumstances | 'unknown_resource' | 'stale_bundle' {
  if (resource?.kind === 'unknown') return 'unknown_resource'
  if (resource?.kind === 'missing') return 'stale_bundle'
  return new Circumstances(caller, grant.principalTags, request, resource)
}
