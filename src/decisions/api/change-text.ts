import type { Edit } from '../../evaluator/explain/edit.ts'
import type { Change } from '../../evaluator/explain/explanation.ts'
import { printFieldPattern } from '../../evaluator/request/field-pattern.ts'
import type { ResourceName } from '../../evaluator/resource-key.ts'
import { pathIn } from '../../tags/resource.ts'
import type { SubjectCaller } from '../asked-subject.ts'

/** A change in words, for whoever could make it. */
export function changeText(change: Change, caller: SubjectCaller | undefined): string {
  return change.map((edit) => editText(edit, caller)).join(', and ')
}

function editText(edit: Edit, caller: SubjectCaller | undefined): string {
  const who = caller?.kind === 'user' ? 'person' : 'key'
  switch (edit.kind) {
    case 'give_role':
      return caller?.assumed === undefined
        ? `give the ${who} the role ${edit.role}`
        : `let the assumption ${caller.assumed.id} give the role ${edit.role}`
    case 'entitle':
      return `let the organization ${caller?.organizationId ?? ''} use the role ${edit.role}`
    case 'add_scope':
      return `add the scope ${edit.scope}`
    case 'tag_principal':
      return `tag the ${who} ${edit.key}=${edit.value}`
    case 'untag_principal':
      return `take the tag ${edit.key} from the ${who}`
    case 'tag_resource':
      return `tag ${resourceText(edit.resource)} ${edit.key}=${edit.value}`
    case 'untag_resource':
      return `take the tag ${edit.key} from ${resourceText(edit.resource)}`
    case 'register_resource':
      return `register ${resourceText(edit.resource)} for the organization ${edit.owner}`
    case 'share_resource':
      return `share ${resourceText(edit.resource)} by the tag ${edit.key}=${edit.organization}`
    case 'send':
      return `send ${printFieldPattern(edit.field)}=${edit.value} in the ${edit.in}`
    case 'send_no_more':
      return edit.field.length === 0
        ? 'send no body'
        : `send the field ${printFieldPattern(edit.field)} no more`
    default:
      throw new Error(`unknown edit: ${edit satisfies never}`)
  }
}

/** As its API calls it, without the marks of a name. */
function resourceText(name: ResourceName): string {
  const { path, namespace } = pathIn(name)
  return `the resource ${path}${namespace === undefined ? '' : ` of ${namespace}`}`
}
