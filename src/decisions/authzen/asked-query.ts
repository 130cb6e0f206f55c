import type { Operation, QueryRule } from '../../evaluator/model.ts'

const delimiters = { comma: ',', space: '%20', pipe: '|' } as const

/** The query parameters that an operation declares, as the document has them sent. What it does not declare is not sent. */
export function queryOf({ request }: Operation, given: ReadonlyMap<string, unknown>): string {
  const parameters = Object.entries(request?.query ?? {}).flatMap(([name, rule]) => {
    const value = given.get(name)
    return value === undefined || value === null ? [] : written(name, rule, value)
  })
  return parameters.length === 0 ? '' : `?${parameters.join('&')}`
}

function written(name: string, rule: QueryRule, value: unknown): readonly string[] {
  if (Array.isArray(value)) {
    const texts = value.map(textOf)
    if (rule.array === undefined || rule.array === 'repeated')
      return texts.map((text) => `${encoded(name)}=${text}`)
    return [`${encoded(name)}=${texts.join(delimiters[rule.array])}`]
  }
  if (rule.deepObject !== undefined && typeof value === 'object')
    return Object.entries(value ?? {}).map(
      ([member, one]) => `${encoded(name)}[${encoded(member)}]=${textOf(one)}`,
    )
  return [`${encoded(name)}=${textOf(value)}`]
}

function textOf(value: unknown): string {
  return encoded(typeof value === 'string' ? value : JSON.stringify(value ?? ''))
}

function encoded(text: string): string {
  return encodeURIComponent(text)
}
