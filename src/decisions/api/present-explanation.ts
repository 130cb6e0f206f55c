import type { z } from 'zod'
import type { Edit } from '../../evaluator/explain/edit.ts'
import type {
  DecisiveTest,
  ExplainedAttempt,
  ExplainedCondition,
  ExplainedOperation,
  ShownValues,
  StatementPlace,
} from '../../evaluator/explain/explanation.ts'
import { looksSecret } from '../../evaluator/explain/shown-values.ts'
import type { Tags } from '../../evaluator/model.ts'
import { printFieldPattern } from '../../evaluator/request/field-pattern.ts'
import { maskSecrets } from '../../sdk/mask-secrets.ts'
import type { SubjectCaller } from '../asked-subject.ts'
import type { ExplainedRequest } from '../explain/explain-request.ts'
import { changeText } from './change-text.ts'
import { presentFilter } from './decide-operation.ts'
import type { ExplanationBody } from './explain-operation.ts'

type Wire = z.input<typeof ExplanationBody>

/** Tokens and client secrets that stand where none belong, a path say, are never told on. */
export function presentExplanation({ weighed, detail, findings, explanation }: ExplainedRequest): Wire {
  const { decision, caller } = weighed
  const told: Wire = {
    decision: presentDecision(decision, detail ?? weighed.detail),
    principal: caller === undefined ? null : presentCaller(caller),
    token_findings: findings.map((one) => ({ ...one })),
    operations: explanation.operations.map(presentOperation),
    changes: explanation.changes.map((change) => ({
      text: changeText(change, caller),
      edits: change.map(presentEdit),
    })),
  }
  return masked(told)
}

function presentDecision(
  decision: ExplainedRequest['weighed']['decision'],
  detail: string | undefined,
): Wire['decision'] {
  const { allowed, reason } = decision
  const told = { allowed, reason, ...(detail === undefined ? {} : { detail }) }
  if (decision.allowed) {
    const filter = decision.filter === undefined ? {} : { filter: presentFilter(decision.filter) }
    return { ...told, role: decision.role ?? null, ...filter }
  }
  const { neededScopes, methods } = decision
  return {
    ...{ ...told, role: null },
    ...(neededScopes === undefined ? {} : { needed_scopes: [...neededScopes] }),
    ...(methods === undefined ? {} : { methods: [...methods] }),
  }
}

function presentCaller({
  kind,
  id,
  organizationId,
  roles,
  scope,
  assumed,
}: SubjectCaller): Wire['principal'] {
  return {
    ...{ kind, id, organization_id: organizationId, roles: [...roles] },
    ...(scope === undefined ? {} : { scope: [...scope] }),
    ...(assumed === undefined ? {} : { assumption: assumed.id }),
  }
}

function presentOperation(one: ExplainedOperation): Wire['operations'][number] {
  const { operation, parameters, reason, organization, resource, sides } = one
  const registered = resource?.registered
  return {
    ...{ operation: operation.id, method: operation.method, path: operation.path },
    ...{ parameters: secretsHidden(parameters), reason },
    ...(organization === undefined ? {} : { organization }),
    ...(resource === undefined
      ? {}
      : {
          resource: {
            ...{ names: [...resource.names], standing: resource.standing },
            ...(registered && { registered: { ...registered, tags: presentTags(registered.tags) } }),
          },
        }),
    sides: sides.map(({ kind, allows, roles }) => ({
      ...{ kind, allows },
      roles: roles.map(({ names, standing, attempts }) => ({
        ...{ names: [...names], standing, attempts: attempts.map(presentAttempt) },
      })),
    })),
  }
}

type WireAttempt = Wire['operations'][number]['sides'][number]['roles'][number]['attempts'][number]

function presentAttempt(attempt: ExplainedAttempt): WireAttempt {
  const { place, reason, fieldsOutside, tagsUnmatched, condition, filters } = attempt
  return {
    ...{ place: presentPlace(place), reason },
    ...(fieldsOutside === undefined ? {} : { fields_outside: [...fieldsOutside] }),
    ...(tagsUnmatched === undefined
      ? {}
      : {
          tags_unmatched: tagsUnmatched.map(({ key, needed, own }) => ({
            ...{ key, needed: presentValues(needed), own: presentValues(own) },
          })),
        }),
    ...(condition === undefined
      ? {}
      : { condition: { decisive: condition.decisive.map(presentTest), tree: presentTree(condition.tree) } }),
    ...(filters === undefined
      ? {}
      : { filters: filters.map((filter) => ({ ...filter, fields: [...filter.fields] })) }),
  }
}

function presentPlace(place: StatementPlace): WireAttempt['place'] {
  return place.kind === 'statement'
    ? { kind: place.kind, role: place.role, pointer: `/allow/${place.index}` }
    : { kind: place.kind, scopes: [...place.scopes] }
}

function presentTest({ text, truth, variables }: DecisiveTest) {
  const read = variables.map(({ name, values }) => ({ name, values: presentValues(values) }))
  return { text, truth, variables: read }
}

function presentTree(condition: ExplainedCondition): { kind: string; [member: string]: unknown } {
  const { kind, truth } = condition
  switch (kind) {
    case 'test':
      return { kind, truth, text: condition.text }
    case 'not':
      return { kind, truth, of: presentTree(condition.of) }
    default:
      return { kind, truth, of: condition.of.map(presentTree) }
  }
}

function presentValues(values: ShownValues) {
  return values.kind === 'values' ? { ...values, values: [...values.values] } : values
}

function presentEdit(edit: Edit): { kind: string; [member: string]: unknown } {
  return 'field' in edit ? { ...edit, field: printFieldPattern(edit.field) } : { ...edit }
}

function presentTags(tags: Tags): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(tags).map(([key, values]) => [key, looksSecret(key) ? [hidden] : [...values]]),
  )
}

const hidden = '[secret]'

function secretsHidden(parameters: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [name, looksSecret(name) ? hidden : value]),
  )
}

/** The same, all of its texts without tokens and secrets. */
function masked<T>(value: T): T {
  // Sound: what it is made of stays as it is, but for what texts say.
  return maskedValue(value) as T
}

function maskedValue(value: unknown): unknown {
  if (typeof value === 'string') return maskSecrets(value)
  if (Array.isArray(value)) return value.map(maskedValue)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [maskSecrets(name), maskedValue(member)]),
  )
}
