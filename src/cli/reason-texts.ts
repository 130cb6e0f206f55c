import type { ReasonCode } from '../evaluator/model.ts'

/** What a reason code says, for whoever asks why. */
export const reasonTexts: Readonly<Record<ReasonCode, string>> = {
  allowed: 'A statement of each side allows it.',
  public: 'The document says that anybody may call the operation.',
  invalid_token: 'Nobody who may use the service calls.',
  token_revoked: 'The token was good, and has been revoked.',
  ambiguous_path: 'Two readers could read the path in two ways.',
  ambiguous_request: 'Two readers could read the query or the body in two ways.',
  unknown_operation: 'The document has no operation at this path.',
  method_not_allowed: 'The document has the path, without this method.',
  no_role: 'None of the roles is left within what the organization may use.',
  operation_not_in_role: 'No statement of the roles names the operation.',
  insufficient_scope: 'The roles would do; what the token was narrowed to does not name the operation.',
  insufficient_user_authentication: 'The operation asks for a later or a stronger sign-in.',
  field_not_allowed: 'The request holds a field that is not in the list of those it may hold.',
  body_required: 'It depends on a body that is not at hand, or is not JSON.',
  filter_required: 'Only a part of the response may be shown, and whoever asks does not filter responses.',
  condition_false: 'A condition does not hold.',
  condition_unknown: 'A condition asks for what is not there, so that it neither holds nor does not.',
  unknown_resource: "The resource is not the organization's, nor shared with it, or nobody registered it.",
  tag_mismatch: 'The principal does not have every tag of the resource.',
  stale_bundle: 'What is known is too old to decide by.',
}
