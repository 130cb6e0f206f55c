import type {
  Caller,
  FilterStatement,
  Operation,
  OrganizationRole,
  ResourceFact,
  ServiceModel,
  Statement,
} from '../../src/evaluator/model.ts'
import type { Condition } from '../../src/evaluator/where/condition.ts'
import { parseCondition } from '../../src/evaluator/where/parse-condition.ts'
import { covers, naiveFieldsVerdict, naiveReadings, type PlainRequest } from './naive-request.ts'
import { naiveNames, naiveStanding, naiveTagsMatch } from './naive-resource.ts'
import { naiveCondition } from './where/naive-condition.ts'
import { naiveOutcomes } from './where/naive-outcomes.ts'

// The rules again, as plainly as they can be said: lists and loops, one template matched at a time. For models whose
// templates have whole segments only, without near misses.

interface Facts {
  readonly entitlement: readonly string[]
  readonly roles: readonly OrganizationRole[]
  readonly resources?: Readonly<Record<string, ResourceFact>>
}

/** The values of a template's parameters in a path; `undefined` if it is not a path of the template. */
export function matches(template: string, path: string): Readonly<Record<string, string>> | undefined {
  const parts = template.split('/')
  const given = path.split('/')
  if (parts.length !== given.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [index, part] of parts.entries()) {
    const value = given[index] ?? ''
    if (part.startsWith('{')) parameters[part.slice(1, -1)] = value
    else if (part !== value) return undefined
  }
  return parameters
}

export function closure(model: ServiceModel, names: readonly string[]): ReadonlySet<string> {
  const all = new Set(names.filter((name) => model.roles.some((role) => role.name === name)))
  for (let size = -1; size !== all.size; ) {
    size = all.size
    for (const role of model.roles) if (all.has(role.name)) for (const name of role.include) all.add(name)
  }
  return all
}

interface Limits extends Pick<Statement, 'where' | 'fields'> {
  /** Each of these lists must show a field; one of a list is enough. */
  readonly filters?: readonly (readonly FilterStatement[])[]
}

type Filtering = Pick<ServiceModel['roles'][number], 'filter'>

function filtersOf(roles: readonly Filtering[], { id }: Operation): Pick<Limits, 'filters'> {
  const lists = roles.map(({ filter = [] }) => filter.filter(({ operations }) => operations.includes(id)))
  const filters = lists.filter((list) => list.length > 0)
  return filters.length === 0 ? {} : { filters }
}

/** What opens an operation: each statement that names it, and each alternative of the document as one without limits. */
function opening(model: ServiceModel, held: ReadonlySet<string>, operation: Operation): readonly Limits[] {
  const { id, alternatives } = operation
  const statements = model.roles
    .filter((role) => held.has(role.name))
    .flatMap((role) =>
      role.allow
        .filter(({ operations }) => operations.includes(id))
        .map((statement) => ({ ...statement, ...filtersOf([role], operation) })),
    )
  const met = alternatives.filter((names) => names.length > 0 && names.every((name) => held.has(name)))
  const needed = (names: readonly string[]) => model.roles.filter((role) => names.includes(role.name))
  return [...statements, ...met.map((names) => filtersOf(needed(names), operation))]
}

/** Parsed once a text, since the loops below ask again and again. */
const parsed = new Map<string, Condition>()

function conditionOf(text: string): Condition {
  const known = parsed.get(text)
  if (known !== undefined) return known
  const answer = parseCondition(text)
  if ('faults' in answer) throw new Error(`not a condition: ${text}`)
  parsed.set(text, answer.condition)
  return answer.condition
}

const isPlain = ({ where, fields, filters }: Limits) =>
  where === undefined && fields === undefined && filters === undefined

export type NaiveView = 'shown' | 'masked' | 'left out'

interface NaiveAnswer {
  /** The codes that are right: where templates overlap each operation must allow, and any that does not may be told. */
  readonly reasons: readonly string[]
  /** What becomes of a field of the response, if it is allowed. */
  view(names: readonly string[]): NaiveView
}

/** Statements of a side that allow by themselves show a field of the response, or one of them at least masks it. */
function viewOf(statements: readonly Limits[], names: readonly string[]): NaiveView {
  const shows = (list: readonly FilterStatement[]) =>
    list.some(({ fields }) => fields.some((pattern) => covers(pattern, names)))
  const masks = (list: readonly FilterStatement[]) => list.some(({ mask }) => mask !== undefined)
  if (statements.some(({ filters = [] }) => filters.every(shows))) return 'shown'
  return statements.some(({ filters = [] }) => filters.every(masks)) ? 'masked' : 'left out'
}

function leastOf(views: readonly NaiveView[]): NaiveView {
  if (views.includes('left out')) return 'left out'
  return views.includes('masked') ? 'masked' : 'shown'
}

export function naiveDecide(...asked: Parameters<typeof naiveAnswer>): readonly string[] {
  return naiveAnswer(...asked).reasons
}

export function naiveAnswer(
  model: ServiceModel,
  facts: Facts,
  caller: Caller,
  method: string,
  path: string,
  request: PlainRequest = { query: [], body: undefined },
): NaiveAnswer {
  const shown = (): NaiveView => 'shown'
  const known = model.operations.flatMap((operation) => {
    const parameters = matches(operation.path, path)
    return parameters === undefined ? [] : [{ operation, parameters }]
  })
  const wanted = known.filter(({ operation }) => operation.method === method)
  const literal = wanted.filter(({ operation }) => operation.path === path)
  const found = literal.length > 0 ? literal : wanted
  if (found.length === 0)
    return { reasons: [known.length === 0 ? 'unknown_operation' : 'method_not_allowed'], view: shown }
  if (found.every(({ operation }) => operation.public)) return { reasons: ['public'], view: shown }

  const entitled = closure(model, facts.entitlement)
  const roles = caller.roles.filter((name) => entitled.has(name))
  const held = closure(model, roles)
  const own = facts.roles
    .filter((role) => caller.roles.includes(role.id) && role.organizationId === caller.organizationId)
    .map((role) => ({
      ...role,
      names: model.operations.filter(
        (one) =>
          opening(model, entitled, one).length > 0 &&
          role.allow.some(({ operations }) => operations.includes(one.id)),
      ),
    }))
    .filter(({ names }) => names.length > 0)
  const scope =
    caller.scope === undefined && caller.kind === 'key' ? undefined : closure(model, caller.scope ?? [])

  const passes = (role: ServiceModel['roles'][number], operation: Operation): boolean =>
    role.anyOrganization === true &&
    !role.grantable &&
    opening(model, closure(model, [role.name]), operation).some(isPlain)

  /** For each operation and each side: the statements that allow by themselves. */
  const allowing: (readonly Limits[])[] = []
  const reasonsAgainst = ({ operation, parameters }: (typeof found)[number]): readonly string[] => {
    if (operation.public) return []
    const owned = own
      .filter(({ names }) => names.includes(operation))
      .flatMap((role) => role.allow.map((one) => ({ ...one, ...filtersOf([role], operation) })))
    const ofRoles = [
      ...opening(model, held, operation),
      ...owned.filter(({ operations }) => operations.includes(operation.id)),
    ]
    if (ofRoles.length === 0) return [roles.length + own.length === 0 ? 'no_role' : 'operation_not_in_role']
    const ofScope = scope === undefined ? [{}] : opening(model, scope, operation)
    if (ofScope.length === 0) return ['insufficient_scope']
    const { organizationParameter } = operation
    if (
      organizationParameter !== undefined &&
      parameters[organizationParameter] !== caller.organizationId &&
      !model.roles.some(
        (role) => held.has(role.name) && facts.entitlement.includes(role.name) && passes(role, operation),
      )
    )
      return ['unknown_resource']
    if (
      organizationParameter !== undefined &&
      parameters[organizationParameter] !== caller.organizationId &&
      scope !== undefined &&
      !model.roles.some((role) => scope.has(role.name) && passes(role, operation))
    )
      return ['unknown_resource']

    const names = model.resources === 'latchkey' ? naiveNames(operation, parameters) : []
    const at = names.find(({ name }) => facts.resources?.[name] !== undefined)
    const resource = at === undefined ? undefined : facts.resources?.[at.name]
    const standing =
      resource &&
      naiveStanding(
        resource,
        caller.organizationId,
        operation.method,
        at?.after ?? '',
        model.sharedWithAnyone === true,
      )
    const conditionFacts = {
      resourceTags: resource?.tags,
      principalTags: caller.tags ?? {},
      principal: caller,
      request: naiveReadings(request),
    }
    const isAmbiguous = new Set(request.query.map(([name]) => name)).size < request.query.length

    const afterFields = (statement: Limits, isOfRole: boolean): readonly string[] => {
      const ofFields =
        request.isBodyUnread === true && statement.fields !== undefined ? ['body_required'] : []
      if (statement.where === undefined)
        return !isOfRole || standing !== 'owned' || naiveTagsMatch(resource?.tags ?? {}, caller.tags ?? {})
          ? ofFields
          : ['tag_mismatch']
      const condition = conditionOf(statement.where)
      const outcomes =
        request.isBodyUnread === true
          ? naiveOutcomes(condition, conditionFacts, 'b')
          : new Set([naiveCondition(condition, conditionFacts)])
      if (outcomes.has(true)) return outcomes.size > 1 ? ['body_required'] : ofFields
      if (outcomes.has(undefined))
        return isAmbiguous ? ['condition_unknown', 'ambiguous_request'] : ['condition_unknown']
      return ['condition_false']
    }

    const ofFieldsOf = ({ fields }: Limits): readonly string[] =>
      fields === undefined ? [] : naiveFieldsVerdict(fields, request, isAmbiguous)
    const ofEntitled = opening(model, entitled, operation)
    for (const side of [ofRoles, ofEntitled, ofScope])
      allowing.push(
        side.filter((one) => ofFieldsOf(one).length === 0 && afterFields(one, side === ofRoles).length === 0),
      )

    // Each way to take one statement of every side; all of them must allow. If one would, with some body, the body is
    // wanted. Else the deepest step that one came to is told.
    let wantsBody = false
    const byStep: string[][] = [[], [], []]
    for (const ofRole of ofRoles)
      for (const ofEntitlement of ofEntitled)
        for (const ofTheScope of ofScope) {
          const taken = [ofRole, ofEntitlement, ofTheScope]
          const ofFields = taken.flatMap(ofFieldsOf)
          const after = taken.flatMap((one) => afterFields(one, one === ofRole))
          const forGood = after.filter((reason) => reason !== 'body_required')
          if (ofFields.length > 0) byStep[0]?.push(...ofFields)
          else if (names.length > 0 && (standing ?? 'strange') === 'strange')
            byStep[1]?.push('unknown_resource')
          else if (forGood.length > 0) byStep[2]?.push(...forGood)
          else if (after.length > 0) wantsBody = true
          else return []
        }
    if (wantsBody) return ['body_required']
    return byStep.findLast((reasons) => reasons.length > 0) ?? []
  }
  const against = found.map(reasonsAgainst)
  const forGood = against.filter((one) => !one.includes('body_required')).flat()
  const reasons = forGood.length === 0 ? against.flat() : forGood
  return {
    reasons: reasons.length === 0 ? ['allowed'] : reasons,
    view: (names) => leastOf(allowing.map((statements) => viewOf(statements, names))),
  }
}
