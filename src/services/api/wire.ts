import { z } from 'zod'
import { rfc3339 } from '../../clock.ts'
import type { ErrorCode, Fault } from '../../errors.ts'
import type { Operation, ServiceRole } from '../../evaluator/model.ts'
import { type DocumentChanges, presentChanges } from '../document-changes.ts'
import { operationsOf } from '../operations-of.ts'
import { type Service, type SigningKey, signingAlgorithms } from '../service.ts'
import type { Entitled } from '../set-entitlement.ts'
import { resourceRulesOf } from '../set-resource-rules.ts'

/** Why a change of a service may be refused, whoever makes it. */
export const changeErrors: readonly ErrorCode[] = [
  'service_not_found',
  'service_protected',
  'confirmation_required',
  'precondition_failed',
  'conflict',
]

const Time = z.iso.datetime()
const Names = z.array(z.string())

const SigningKeyBody = z.strictObject({
  kid: z.string(),
  algorithm: z.enum(signingAlgorithms),
  state: z.enum(['next', 'active', 'retiring']),
  ends_at: Time.nullable(),
  created_at: Time,
})

export const ServiceBody = z.strictObject({
  id: z.string(),
  organization_id: z.string(),
  slug: z.string(),
  kind: z.enum(['system', 'api']),
  title: z.string(),
  audience: z.string(),
  access_token_ttl_seconds: z.int(),
  signing_algorithm: z.enum(signingAlgorithms),
  signing_keys: z.array(SigningKeyBody),
  resources: z.enum(['api', 'latchkey']).meta({ description: 'Who knows its resources.' }),
  shared_with_anyone: z.boolean().meta({
    description: 'Whether organizations may share their resources with anyone.',
  }),
  document_version: z.int(),
  operation_count: z.int(),
  role_count: z.int(),
  created_at: Time,
})

export const WarningBody = z.strictObject({ pointer: z.string(), detail: z.string() })

/** With what a change that may need a confirmation has changed. */
export const ChangedServiceBody = ServiceBody.extend({
  warnings: z.array(WarningBody),
  changes: z.unknown().meta({ description: 'As `confirmation_required` tells them.' }),
})

export const OperationBody = z.strictObject({
  id: z.string(),
  method: z.string(),
  path: z.string(),
  summary: z.string().nullable(),
  deprecated: z.boolean(),
  public: z.boolean(),
  scopes: z.array(Names).meta({ description: 'Any one alternative opens it, with all of its scopes.' }),
  organization_parameter: z.string().nullable(),
  resource_parameter: z.string().nullable(),
  namespace: z
    .string()
    .nullable()
    .meta({ description: 'Where ids of the resource are unique; null: everywhere.' }),
  creates: z.strictObject({ resource: z.string(), id: z.string() }).nullable(),
  step_up: z
    .strictObject({ max_age: z.int().nullable(), acr_values: Names.nullable() })
    .nullable()
    .meta({ description: 'How lately and how well a person must have signed in (RFC 9470).' }),
})

export const ServiceRoleBody = z.strictObject({
  name: z.string(),
  description: z.string().nullable(),
  grantable: z.boolean(),
  in_default_entitlement: z.boolean(),
  delegable: z.boolean(),
  any_organization: z.boolean(),
  include: Names,
  operations: Names.meta({ description: 'All that it gives, through what it includes and its scopes too.' }),
})

export const EntitlementBody = z.strictObject({
  organization_id: z.string(),
  service_id: z.string(),
  set: z.boolean().meta({ description: 'Whether it was set; if not, the default holds.' }),
  roles: Names.meta({ description: 'The roles that the organization may use now.' }),
})

export const UsableServiceBody = z.strictObject({
  id: z.string(),
  slug: z.string(),
  title: z.string(),
  audience: z.string(),
  roles: z.array(
    z.strictObject({
      name: z.string(),
      description: z.string().nullable(),
      operations: Names,
    }),
  ),
})

export function presentService(service: Service): z.input<typeof ServiceBody> {
  return {
    id: service.id,
    organization_id: service.organizationId,
    slug: service.slug,
    kind: service.kind,
    title: service.title,
    audience: service.audience,
    access_token_ttl_seconds: service.accessTokenTtlSeconds,
    signing_algorithm: service.signingAlgorithm,
    signing_keys: service.signingKeys.map(presentSigningKey),
    resources: resourceRulesOf(service.model).resources,
    shared_with_anyone: resourceRulesOf(service.model).sharedWithAnyone,
    document_version: service.documentVersion,
    operation_count: service.model.operations.length,
    role_count: service.model.roles.length,
    created_at: rfc3339(service.createdAt),
  }
}

function presentSigningKey({ id, algorithm, state, createdAt }: SigningKey): z.input<typeof SigningKeyBody> {
  return {
    kid: id,
    algorithm,
    state: state.kind,
    ends_at: state.kind === 'retiring' ? rfc3339(state.endsAt) : null,
    created_at: rfc3339(createdAt),
  }
}

export function presentWarning({ pointer, detail }: Fault): z.input<typeof WarningBody> {
  return { pointer, detail }
}

export function presentChanged({
  service,
  changes,
  warnings,
}: {
  readonly service: Service
  readonly changes: DocumentChanges
  readonly warnings: readonly Fault[]
}): z.input<typeof ChangedServiceBody> {
  const shown = { warnings: warnings.map(presentWarning), changes: presentChanges(changes) }
  return { ...presentService(service), ...shown }
}

export function presentOperation(operation: Operation): z.input<typeof OperationBody> {
  return {
    id: operation.id,
    method: operation.method,
    path: operation.path,
    summary: operation.summary ?? null,
    deprecated: operation.deprecated === true,
    public: operation.public === true,
    scopes: operation.alternatives.map((scopes) => [...scopes]),
    organization_parameter: operation.organizationParameter ?? null,
    resource_parameter: operation.resourceParameter ?? null,
    namespace: namespaceOf(operation),
    creates: operation.creates === undefined ? null : { ...operation.creates },
    step_up: presentStepUp(operation),
  }
}

function namespaceOf({ namespace }: Operation): string | null {
  return typeof namespace === 'object' ? `{${namespace.parameter}}` : (namespace ?? null)
}

function presentStepUp({ stepUp }: Operation): z.input<typeof OperationBody>['step_up'] {
  if (stepUp === undefined) return null
  return { max_age: stepUp.maxAgeSeconds ?? null, acr_values: stepUp.acrValues?.slice() ?? null }
}

export function presentServiceRole(service: Service, role: ServiceRole): z.input<typeof ServiceRoleBody> {
  return {
    name: role.name,
    description: role.description ?? null,
    grantable: role.grantable,
    in_default_entitlement: role.inDefaultEntitlement,
    delegable: role.delegable,
    any_organization: role.anyOrganization === true,
    include: [...role.include],
    operations: [...operationsOf(service.model, [role.name])],
  }
}

export function presentEntitlement(entitled: Entitled): z.input<typeof EntitlementBody> {
  return {
    organization_id: entitled.organization.id,
    service_id: entitled.service.id,
    set: entitled.entitlement !== undefined,
    roles: [...entitled.roles],
  }
}

export function presentUsableService({ service, roles }: Entitled): z.input<typeof UsableServiceBody> {
  const usable = service.model.roles.filter(({ name }) => roles.includes(name))
  return {
    id: service.id,
    slug: service.slug,
    title: service.title,
    audience: service.audience,
    roles: usable.map(({ name, description }) => ({
      name,
      description: description ?? null,
      operations: [...operationsOf(service.model, [name])],
    })),
  }
}
