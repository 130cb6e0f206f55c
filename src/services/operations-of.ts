import { type CompiledModel, compileModel } from '../evaluator/compile-model.ts'
import { actsOnResource } from '../evaluator/find-resource.ts'
import { operationsOfRoles } from '../evaluator/grant.ts'
import type { WithoutWhere } from '../evaluator/limits.ts'
import type { ServiceModel } from '../evaluator/model.ts'
import { derived } from '../storage/derived.ts'

/** A service's model made ready to decide by, once for as long as the model is kept. */
export const compiledModelOf: (model: ServiceModel) => CompiledModel = derived(compileModel)

/** The operations that service-defined roles give together. Public operations are nobody's to give. */
export function operationsOf(model: ServiceModel, roleNames: Iterable<string>): ReadonlySet<string> {
  return operationsOfRoles(compiledModelOf(model), roleNames)
}

/** Whether a statement without a condition matches tags, by the operation that it is for. */
export function withoutWhereIn(model: ServiceModel): (operationId: string) => WithoutWhere {
  const compiled = compiledModelOf(model)
  return (id) => {
    const index = compiled.operationsById.get(id)?.index
    return index !== undefined && actsOnResource(compiled, index) ? 'matches_tags' : 'anything'
  }
}
