import { Command } from 'commander'
import { at, type Paging } from './management-api.ts'
import { organizationIdOf, userIdOf } from './named.ts'
import { ofOrganization, paged, repeated } from './options.ts'
import { roleAssignment } from './role-assignment.ts'
import type { Open, Session } from './session.ts'
import { tagsOf } from './tag-options.ts'

interface Whose {
  readonly organization?: string
}

interface Given extends Whose {
  readonly name?: string
  readonly role?: readonly string[]
  readonly tag?: readonly string[]
}

interface Pages {
  readonly service?: string
}

const fields = ['id', 'email', 'name', 'state', 'created_at']

export function usersCommand(open: Open): Command {
  const group = new Command('users').description('people of an organization')
  paged(ofOrganization(group.command('list').description('all of them'))).action(
    async (options: Whose & Paging) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const page = await session.api.list(at`/organizations/${id}/users`, options)
      session.output.list(page, fields, 'Nobody yet. `latchkey users invite` invites a person.')
    },
  )
  given(group.command('invite').argument('<email>', 'where the invitation is mailed'))
    .option('--service <id or slug>', 'where the person signs in; else where the first role is')
    .description('invite a person, who then chooses a password')
    .action(async (email: string, options: Given & Pages) => {
      const session = open()
      const id = await organizationIdOf(session, options.organization)
      const body = { email, ...bodyOf(options), ...pagesOf(options) }
      session.output.show(await session.api.send('POST', at`/organizations/${id}/users`, { body }))
      session.output.say('Without a mail server read the invitation with `latchkey mails read`.')
    })
  ofOrganization(group.command('show').argument('<user>', 'id or e-mail').description('one person')).action(
    async (user: string, options: Whose) => {
      const session = open()
      session.output.show(await session.api.get(await pathOf(session, user, options)))
    },
  )
  given(group.command('edit').argument('<user>', 'id or e-mail'))
    .description('change the name, or the roles: all of them, those left out are taken')
    .action(async (user: string, options: Given) => {
      const session = open()
      const path = await pathOf(session, user, options)
      session.output.show(await session.api.send('PATCH', path, { body: bodyOf(options) }))
    })
  addStates(group, open)
  addLinks(group, open)
  return group
}

function addStates(group: Command, open: Open): void {
  const change = (state: 'disable' | 'enable', description: string) =>
    ofOrganization(group.command(state).argument('<user>', 'id or e-mail').description(description)).action(
      async (user: string, options: Whose) => {
        const session = open()
        const path = `${await pathOf(session, user, options)}/${state}`
        session.output.show(await session.api.send('POST', path))
      },
    )
  change('disable', 'end sessions and tokens at once, until the person is enabled')
  change('enable', 'end a disabling')
  ofOrganization(group.command('delete').argument('<user>', 'id or e-mail'))
    .description('delete a person, with sessions and tokens at once')
    .action(async (user: string, options: Whose) => {
      const session = open()
      await session.api.send('DELETE', await pathOf(session, user, options))
      session.output.say(`Deleted ${user}.`)
    })
}

function addLinks(group: Command, open: Open): void {
  const mailed = (name: string, path: string, description: string) =>
    ofOrganization(group.command(name).argument('<user>', 'id or e-mail').description(description))
      .option('--service <id or slug>', 'where the person signs in; else where the first role is')
      .action(async (user: string, options: Whose & Pages) => {
        const session = open()
        const body = pagesOf(options)
        const to = `${await pathOf(session, user, options)}/${path}`
        session.output.show(await session.api.send('POST', to, { body }))
      })
  mailed('resend-invitation', 'invitation', 'mail the invitation again; the link from before ends')
  mailed(
    'reset-password',
    'password-reset',
    'mail a link to choose a new password; the old one works until then',
  )
}

function pagesOf({ service }: Pages): Pages {
  return service === undefined ? {} : { service }
}

function given(command: Command): Command {
  return ofOrganization(command)
    .option('--name <name>', 'what the person is called')
    .addOption(repeated('--role <service=role>', 'a role on a service, such as clinic=patients:read'))
    .addOption(repeated('--tag <key=value>', 'a tag, such as ward=north; a key may have several values'))
}

function bodyOf({ name, role, tag }: Given): Readonly<Record<string, unknown>> {
  return {
    ...(name === undefined ? {} : { name }),
    ...(role === undefined ? {} : { roles: role.map(roleAssignment) }),
    ...(tag === undefined ? {} : { tags: tagsOf(tag) }),
  }
}

async function pathOf(session: Session, user: string, { organization }: Whose): Promise<string> {
  const organizationId = await organizationIdOf(session, organization)
  return at`/organizations/${organizationId}/users/${await userIdOf(session, organizationId, user)}`
}
