import type { Attempt, Explanation, ToldDecision, Values } from './explanation.ts'
import { reasonTexts } from './reason-texts.ts'
import { printable } from './table.ts'

/** A line of a tree, and what stands under it. */
interface Branch {
  readonly text: string
  readonly under: readonly Branch[]
}

/** An explanation for people: the decision, a tree of what was tried, and what would have it allowed. */
export function explanationLines(explanation: Explanation, asked: string): readonly string[] {
  const { decision, operations, changes } = explanation
  return [
    ...outcomeLines(decision, asked),
    ...principalLines(explanation),
    ...explanation.token_findings.map(({ about, said, expected }) =>
      indented(
        said === undefined ? `✗ ${about}: ${expected}` : `✗ ${about} says ${said}, and must be: ${expected}`,
      ),
    ),
    ...operations.flatMap((one) => ['', ...treeLines(operationBranch(one))]),
    ...(changes.length === 0 ? [] : ['', 'Any one of these would have it allowed:']),
    ...changes.map(({ text }, index) => indented(`${index + 1}. ${text}`)),
  ].map(printable)
}

/** How it comes out, and what the reason code says. */
function outcomeLines({ allowed, reason, detail, methods }: ToldDecision, asked: string): readonly string[] {
  return [
    `${mark(allowed)} ${asked} is ${allowed ? 'allowed' : 'denied'}: ${reason}`,
    ...(detail === undefined ? [textOf(reason)] : [detail]).map(indented),
    ...(methods.length === 0 ? [] : [indented(`It has ${methods.join(', ')}.`)]),
  ]
}

/** A decision for people, without why. */
export function decisionLines(decision: ToldDecision, asked: string): readonly string[] {
  const { allowed, role, needed_scopes: needed, filter } = decision
  return [
    ...outcomeLines(decision, asked),
    ...(role === null ? [] : [indented(`It is by the role ${role}.`)]),
    ...filter.map(({ fields }) => indented(`Of the response it shows ${listed(fields)}.`)),
    ...(needed.length === 0 ? [] : [indented(`The scopes ${listed(needed)} would do.`)]),
    ...(allowed ? [] : [indented('`latchkey explain` tells what was tried, and what would change it.')]),
  ].map(printable)
}

const mark = (holds: boolean): string => (holds ? '✓' : '✗')
const indented = (text: string): string => `  ${text}`

function textOf(reason: string): string {
  return new Map<string, string>(Object.entries(reasonTexts)).get(reason) ?? reason
}

function principalLines({ principal }: Explanation): readonly string[] {
  if (principal === null) return []
  const { kind, id, organization_id: organization, roles, scope } = principal
  const who = kind === 'user' ? 'person' : 'key'
  const narrowed = scope === undefined ? '' : `, through the scopes ${listed(scope)}`
  return [indented(`The ${who} ${id} of ${organization} holds ${listed(roles)}${narrowed}.`)]
}

const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '))

type Operation = Explanation['operations'][number]

function operationBranch(operation: Operation): Branch {
  const { method, path, reason, sides } = operation
  const isOpen = reason === 'allowed' || reason === 'public'
  return {
    text: `${mark(isOpen)} ${operation.operation}  ${method} ${path}: ${reason}`,
    under: [...organizationBranches(operation), ...sides.map(sideBranch), ...resourceBranches(operation)],
  }
}

function organizationBranches({ organization }: Operation): readonly Branch[] {
  if (organization === undefined) return []
  const { passes, asked, own } = organization
  return [leaf(`${mark(passes)} organization: the path is of ${asked}, the caller of ${own}`)]
}

function resourceBranches({ resource }: Operation): readonly Branch[] {
  if (resource === undefined) return []
  const { standing, names, registered } = resource
  const isOpen = standing === 'owned' || standing === 'shared'
  const what = registered === undefined ? names[0] : `${registered.name} of ${registered.owner}`
  return [leaf(`${mark(isOpen)} resource ${what}: ${standing.replaceAll('_', ' ')}`)]
}

const sideTitles: Readonly<Record<string, string>> = {
  roles: 'roles of the principal',
  entitlement: 'what the organization may use',
  scope: 'scopes of the token',
}

function sideBranch({ kind, allows, roles }: Operation['sides'][number]): Branch {
  return { text: `${mark(allows)} ${sideTitles[kind] ?? kind}`, under: roles.map(roleBranch) }
}

const standings: Readonly<Record<string, string>> = {
  unknown: 'there is no such role here',
  not_entitled: 'the organization may not use it',
}

function roleBranch({ names, standing, attempts }: Operation['sides'][number]['roles'][number]): Branch {
  const name = names.join(' and ')
  const why = standings[standing] ?? (attempts.length === 0 ? 'does not name the operation' : undefined)
  if (why !== undefined) return leaf(`✗ ${name}: ${why}`)
  const isOpen = attempts.some(({ reason }) => reason === 'allowed')
  return { text: `${mark(isOpen)} ${name}`, under: attempts.map(attemptBranch) }
}

function attemptBranch(attempt: Attempt): Branch {
  const { place, reason, condition, fields_outside: fields, tags_unmatched: tags, filters } = attempt
  const where =
    place.kind === 'statement' ? `${place.role} ${place.pointer}` : `security ${place.scopes.join(' ')}`
  return {
    text: `${mark(reason === 'allowed')} ${where}: ${reason}`,
    under: [
      ...condition.decisive.map(({ text, truth, variables }) => ({
        text: `${text} is ${truth.replaceAll('_', ' ')}`,
        under: variables.map(({ name, values }) => leaf(`${name} is ${valuesText(values)}`)),
      })),
      ...(fields.length === 0 ? [] : [leaf(`not in its fields: ${fields.join(', ')}`)]),
      ...tags.map(({ key, needed, own }) =>
        leaf(`${key}: the resource has ${valuesText(needed)}, the principal ${valuesText(own)}`),
      ),
      ...filters.map(({ fields: shown }) => leaf(`shows ${shown.join(', ')}`)),
    ],
  }
}

function valuesText({ kind, values, more, why }: Values): string {
  switch (kind) {
    case 'values':
      return [...values, ...(more === 0 ? [] : [`${more} more`])].join(', ')
    case 'hidden':
      return why === 'body' ? '(of the body: not shown)' : '(looks secret: not shown)'
    default:
      return why.replaceAll('_', ' ')
  }
}

function leaf(text: string): Branch {
  return { text, under: [] }
}

function treeLines({ text, under }: Branch): readonly string[] {
  return [
    text,
    ...under.flatMap((branch, index) => {
      const isLast = index === under.length - 1
      const [first = '', ...rest] = treeLines(branch)
      return [`${isLast ? '└' : '├'} ${first}`, ...rest.map((line) => `${isLast ? ' ' : '│'} ${line}`)]
    }),
  ]
}
