import { type CompiledModel, compileModel } from '../evaluator/compile-model.ts'
import { operationsOfRoles } from '../evaluator/grant.ts'
import type { ServiceModel } from '../evaluator/model.ts'
import { derived } from '../storage/derived.ts'

/** A service's model made ready to decide by, once for as long as the model is kept. */
export const compiledModelOf: (model: ServiceModel) => CompiledModel = derived(compileModel)

/** The operations that service-defined roles give together. Public operations are nobody's to give. */
export function operationsOf(model: ServiceModel, roleNames: Iterable<string>): ReadonlySet<string> {
  return operationsOfRoles(compiledModelOf(model), roleNames)
}
