// Apache with mod_auth_openidc, as a process of its own, by a configuration written for the test.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasFiles, lacking, startServerProcess } from './on-this-machine.ts'

const program = '/usr/sbin/apache2'
const modulesFolder = '/usr/lib/apache2/modules'
const modules = ['mpm_prefork', 'authn_core', 'authz_core', 'authz_user', 'dir', 'include', 'auth_openidc']

export const noApache = lacking(
  'mod_auth_openidc',
  () => hasFiles(program, ...modules.map(fileOf)),
  'apt-get install apache2 libapache2-mod-auth-openidc',
)

function fileOf(name: string): string {
  return `${modulesFolder}/mod_${name}.so`
}

interface Site {
  readonly port: number
  /** The module's own settings, one a line. */
  readonly settings: readonly string[]
  readonly authType: 'openid-connect' | 'oauth20'
  /** Who is let in. */
  readonly require: string
  /** What the protected page says, with server-side includes. */
  readonly page: string
}

/** Serves `/secure/` at each site, to whom the module lets in, and a page at `/` to everybody. */
export async function startApache(sites: readonly Site[]) {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-apache-'))
  // Started as root, its workers are somebody else.
  chmodSync(folder, 0o755)
  for (const { port, page } of sites) {
    mkdirSync(join(folder, `${port}/secure`), { recursive: true })
    writeFileSync(join(folder, `${port}/index.html`), 'Everybody sees this.')
    writeFileSync(join(folder, `${port}/secure/index.html`), page)
  }
  const file = join(folder, 'apache.conf')
  writeFileSync(file, [...common(folder), ...sites.flatMap((site) => hostOf(folder, site))].join('\n'))
  const answersAt = `http://127.0.0.1:${sites[0]?.port}/`
  const server = await startServerProcess(program, ['-D', 'FOREGROUND', '-f', file], { answersAt })
  return {
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const common = (folder: string): readonly string[] => [
  ...modules.map((name) => `LoadModule ${name}_module ${fileOf(name)}`),
  `ServerRoot ${folder}`,
  'ServerName 127.0.0.1',
  `PidFile ${folder}/apache.pid`,
  `Mutex file:${folder}`,
  'User www-data',
  'Group www-data',
  `ErrorLog ${folder}/error.log`,
  // They share the state of sign-ins; a test needs few.
  'StartServers 2',
  'DirectoryIndex index.html',
  'AddDefaultCharset utf-8',
]

const hostOf = (folder: string, { port, settings, authType, require }: Site): readonly string[] => [
  `Listen 127.0.0.1:${port}`,
  `<VirtualHost 127.0.0.1:${port}>`,
  `DocumentRoot ${folder}/${port}`,
  ...settings,
  `<Directory ${folder}/${port}>`,
  'Require all granted',
  '</Directory>',
  '<Location /secure>',
  `AuthType ${authType}`,
  `Require ${require}`,
  'Options +Includes',
  'SetOutputFilter INCLUDES',
  '</Location>',
  '</VirtualHost>',
]
