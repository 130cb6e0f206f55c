// Role → operation decisions in this process, on a document of 1,223 operations; and the reading of that document.
import { compileModel } from '../../src/evaluator/compile-model.ts'
import { decide } from '../../src/evaluator/decide.ts'
import type { Caller, Operation, ServiceModel } from '../../src/evaluator/model.ts'
import { readDocument } from '../../src/services/read-document.ts'
import { measureCompilation } from './compile-roles.ts'
import { largeDocument } from './large-document.ts'
import { quantile, type Row } from './table.ts'

const roleCount = 100
const operationsPerRole = 20
const requestCount = 10_000
const rounds = 100
const batch = 16

export async function measureDecisions(documentPath: string | undefined): Promise<readonly Row[]> {
  const { name, text } = largeDocument(documentPath)
  const readBegan = performance.now()
  const { model } = await readDocument(text)
  const readMs = performance.now() - readBegan
  const compileBegan = performance.now()
  const compiled = compileModel(model)
  const compileMs = performance.now() - compileBegan
  const withRoles = measureCompilation(model)

  const { callers, roles } = madeRoles(model)
  const entitlement = model.roles.map((role) => role.name)
  const facts = {
    role: (id: string) => roles.get(id) ?? null,
    entitlement: () => entitlement,
    resource: () => null,
  }
  const requests = Array.from({ length: requestCount }, () => {
    const operation = pick(model.operations)
    return { caller: pick(callers), method: operation.method, path: pathOf(operation) }
  })

  let allowed = 0
  const decideAll = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      const request = requests[i]
      if (request !== undefined && decide(compiled, facts, request.caller, request).allowed) allowed++
    }
  }
  for (let i = 0; i < 20; i++) decideAll(0, requestCount)
  // One decision is shorter than the clock's own cost: they are timed in batches, and a batch counts as its mean.
  const samples: number[] = []
  const began = performance.now()
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < requestCount; i += batch) {
      const start = process.hrtime.bigint()
      decideAll(i, i + batch)
      samples.push(Number(process.hrtime.bigint() - start) / batch / 1_000)
    }
  }
  const perSecond = (rounds * requestCount) / ((performance.now() - began) / 1_000)
  if (allowed === 0) throw new Error('no decision of the bench was allowed: it measured refusals only')
  return [
    { what: `read a document (${name})`, figure: `${Math.round(readMs)} ms` },
    { what: 'compile its model', figure: `${compileMs.toFixed(1)} ms` },
    withRoles,
    {
      what: `decisions, ${roleCount} roles of ${operationsPerRole} operations, one core`,
      figure: `${(perSecond / 1e6).toFixed(2)} M/s, p50 ${quantile(samples, 0.5).toFixed(2)} µs, p99 ${quantile(samples, 0.99).toFixed(2)} µs (batches of ${batch})`,
      bar: 'p99 < 1 µs',
      met: quantile(samples, 0.99) < 1,
    },
  ]
}

function madeRoles(model: ServiceModel) {
  const organizationId = 'org_bench'
  const made = Array.from({ length: roleCount }, (_, i) => ({
    id: `rol_${i}`,
    organizationId,
    allow: [{ operations: Array.from({ length: operationsPerRole }, () => pick(model.operations).id) }],
  }))
  const callers = made.map(
    ({ id }): Caller => Object.freeze({ kind: 'key', id: `key_of_${id}`, organizationId, roles: [id] }),
  )
  return { callers, roles: new Map(made.map((role) => [role.id, role])) }
}

function pathOf(operation: Operation): string {
  return operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const rule = operation.parameters[name]
    if (rule?.enum !== undefined) return encodeURIComponent(rule.enum[0] ?? '')
    return rule?.type === 'integer' || rule?.type === 'number' ? '42' : 'acme'
  })
}

function pick<T>(from: readonly T[]): T {
  const one = from[Math.floor(Math.random() * from.length)]
  if (one === undefined) throw new Error('nothing to pick from')
  return one
}
