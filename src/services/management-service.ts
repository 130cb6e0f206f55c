/** The slug of the service that protects the management API: the API's own operations are its document. */
export const managementSlug = 'latchkey'

/** On that service, the role of a process that guards an API: only organizations that own a service may have it. */
export const guardRoleName = 'guard'

/** On that service, the role of who manages an organization. */
export const organizationAdminRoleName = 'organization-admin'
