import { LimitComparison } from './compare-limits.ts'
import type { CompiledModel } from './compile-model.ts'
import { allows } from './decide.ts'
import { actsOnResource } from './find-resource.ts'
import { type DecisionFacts, entitledRole, isOrganizationDefined, narrowingScopes } from './grant.ts'
import { type Limits, limitsIn, type WithoutWhere } from './limits.ts'
import { entitlementOf } from './made-from-facts.ts'
import type { Caller } from './model.ts'
import { limitsOfRoles, unitedLimits } from './role-limits.ts'

type LimitsByOperation = ReadonlyMap<string, readonly Limits[]>

/**
 * What a caller holds, for the rule about giving: unlike `allows`, what is held only under a condition, for some fields
 * or with a filter is held as far as that. Made for one request: its proofs share one bound.
 */
export class Holding {
  readonly #model: CompiledModel
  readonly #facts: DecisionFacts
  readonly #caller: Caller
  readonly #comparison = new LimitComparison()
  #roles: LimitsByOperation | undefined
  #bounds: readonly LimitsByOperation[] | undefined

  constructor(model: CompiledModel, facts: DecisionFacts, caller: Caller) {
    this.#model = model
    this.#facts = facts
    this.#caller = caller
  }

  /**
   * Whether the caller may do an operation wherever the limits let one. `false` where that is not proven, and for
   * another organization unless a role that passes for any holds it whole.
   */
  holds(operationId: string, limits: Limits, organizationId: string = this.#caller.organizationId): boolean {
    const indexed = this.#model.operationsById.get(operationId)
    if (indexed === undefined) return false
    if (organizationId !== this.#caller.organizationId)
      return allows(this.#model, this.#facts, this.#caller, operationId, organizationId)
    this.#roles ??= this.#limitsOfRoles()
    this.#bounds ??= this.#limitsOfBounds()
    const withoutWhere = actsOnResource(this.#model, indexed.index) ? 'matches_tags' : 'anything'
    return (
      this.#isWithin(limits, this.#roles.get(operationId), withoutWhere) &&
      this.#bounds.every((bound) => this.#isWithin(limits, bound.get(operationId), 'anything'))
    )
  }

  #isWithin(limits: Limits, held: readonly Limits[] = [], withoutWhere: WithoutWhere): boolean {
    return this.#comparison.isWithinAny(limits, held, withoutWhere)
  }

  #limitsOfRoles(): LimitsByOperation {
    const { roles, organizationId } = this.#caller
    const own = roles.flatMap((id) => {
      const role = isOrganizationDefined(id) ? this.#facts.role(id) : undefined
      return role?.organizationId === organizationId ? [limitsIn(role.allow, role.filter)] : []
    })
    // A role outside of the entitlement is not held, whatever else the entitlement opens.
    const entitled = entitlementOf(this.#model, this.#entitlement())
    const held = roles.filter((name) => entitledRole(this.#model, entitled, name) !== undefined)
    return unitedLimits([limitsOfRoles(this.#model, held), ...own])
  }

  /** The entitlement and, if there are any that narrow, the scopes. */
  #limitsOfBounds(): readonly LimitsByOperation[] {
    const scope = narrowingScopes(this.#caller)
    const bounds = scope === undefined ? [this.#entitlement()] : [this.#entitlement(), scope]
    return bounds.map((names) => limitsOfRoles(this.#model, names))
  }

  #entitlement(): readonly string[] {
    return this.#facts.entitlement(this.#caller.organizationId) ?? nothing
  }
}

const nothing: readonly string[] = Object.freeze([])
