// LemonLDAP::NG as an organization's own OpenID provider: its portal, with its demonstration users.
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../server/deployment.ts'
import { hasFiles, lacking, runs, type Started, startServerProcess } from './on-this-machine.ts'

const portal = '/usr/share/lemonldap-ng/portal/htdocs/index.psgi'
const modules = [
  'Lemonldap::NG::Portal::Main::Issuer',
  'Email::Sender::Simple',
  'MIME::Entity',
  'String::Random',
]
export const noLemonLdap = lacking(
  'LemonLDAP::NG as upstream',
  () =>
    hasFiles(portal, '/usr/bin/plackup') && runs('perl', ...modules.map((name) => `-M${name}`), '-e', '1'),
  'apt-get install liblemonldap-ng-portal-perl',
)

interface RelyingParty {
  readonly clientId: string
  readonly clientSecret: string
  readonly redirectUri: string
}

/** The portal on this machine. Clients are known to it from its next start on, as its administrators are used to. */
export async function startLemonLdap() {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-lemonldap-'))
  const kept = ['conf', 'sessions', 'sessions/lock', 'psessions', 'psessions/lock', 'cache']
  for (const name of kept) mkdirSync(join(folder, name))
  const issuer = `http://127.0.0.1:${await freePort()}`
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const file = join(folder, 'lemonldap-ng.ini')
  writeFileSync(file, settings(folder))
  const start = async (clients: readonly RelyingParty[]) => {
    const configuration = { ...basics(folder, issuer), ...asProvider(issuer, keys, clients) }
    writeFileSync(join(folder, 'conf/lmConf-1.json'), JSON.stringify(configuration))
    rmSync(join(folder, 'cache'), { recursive: true })
    mkdirSync(join(folder, 'cache'))
    const { port } = new URL(issuer)
    const args = [
      '--no-default-middleware',
      '-E',
      'deployment',
      '--host',
      '127.0.0.1',
      '--port',
      port,
      portal,
    ]
    return startServerProcess('plackup', ['-s', 'HTTP::Server::PSGI', ...args], {
      answersAt: issuer,
      env: { LLNG_DEFAULTCONFFILE: file },
    })
  }
  let running: Started = await start([])
  return {
    issuer,
    restartWith: async (client: RelyingParty) => {
      await running.stop()
      running = await start([client])
    },
    stop: async () => {
      await running.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const settings = (folder: string) => `[all]
logLevel = error
logger = Lemonldap::NG::Common::Logger::Std
[configuration]
type = File
dirName = ${folder}/conf
localStorage = Cache::FileCache
localStorageOptions = ${perl(cache(folder))}
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
[handler]
`

const cache = (folder: string) => ({
  namespace: 'latchkey',
  default_expires_in: '600',
  directory_umask: '007',
  cache_root: `${folder}/cache`,
})

function perl(options: Readonly<Record<string, string>>): string {
  return `{ ${Object.entries(options)
    .map(([name, value]) => `'${name}' => '${value}'`)
    .join(', ')} }`
}

function basics(folder: string, issuer: string) {
  const stored = (name: string) => ({
    Directory: `${folder}/${name}`,
    LockDirectory: `${folder}/${name}/lock`,
    generateModule: 'Lemonldap::NG::Common::Apache::Session::Generate::SHA256',
  })
  return {
    ...{ cfgNum: 1, cfgAuthor: 'test', cfgDate: '1', cfgVersion: '2.16.1', key: 'any text for its cookies' },
    ...{ authentication: 'Demo', userDB: 'Same', passwordDB: 'Demo', registerDB: 'Demo' },
    demoExportedVars: { cn: 'cn', mail: 'mail', uid: 'uid' },
    ...{ cookieName: 'lemonldap', domain: '127.0.0.1', portal: `${issuer}/`, securedCookie: 0 },
    ...{ globalStorage: 'Apache::Session::File', globalStorageOptions: stored('sessions') },
    ...{ persistentStorage: 'Apache::Session::File', persistentStorageOptions: stored('psessions') },
    ...{ localSessionStorage: 'Cache::FileCache', localSessionStorageOptions: cache(folder) },
    locationRules: { '127.0.0.1': { default: 'accept' } },
    ...{ whatToTrace: '_whatToTrace', macros: { _whatToTrace: 'lc($_user)' } },
    groups: { timelords: '$uid eq "dwho"' },
    // No pictures to read: any plugin that does nothing takes the place of the one that draws them.
    captcha: '::Main::Plugin',
  }
}

function asProvider(
  issuer: string,
  { privateKey, publicKey }: { readonly privateKey: string; readonly publicKey: string },
  clients: readonly RelyingParty[],
) {
  const each = <T>(value: (client: RelyingParty) => T) =>
    Object.fromEntries(clients.map((client) => [client.clientId, value(client)]))
  return {
    ...{ issuerDBOpenIDConnectActivation: 1, issuerDBOpenIDConnectPath: '^/oauth2/' },
    ...{ issuerDBOpenIDConnectRule: 1, oidcServiceMetaDataIssuer: issuer },
    ...{ oidcServicePrivateKeySig: privateKey, oidcServicePublicKeySig: publicKey },
    oidcServiceKeyIdSig: 'key-of-the-portal',
    oidcRPMetaDataOptions: each(({ clientId, clientSecret, redirectUri }) => ({
      oidcRPMetaDataOptionsClientID: clientId,
      oidcRPMetaDataOptionsClientSecret: clientSecret,
      oidcRPMetaDataOptionsRedirectUris: redirectUri,
      oidcRPMetaDataOptionsIDTokenSignAlg: 'RS256',
      oidcRPMetaDataOptionsBypassConsent: 0,
    })),
    oidcRPMetaDataExportedVars: each(() => ({ email: 'mail', name: 'cn', groups: 'groups' })),
    oidcRPMetaDataOptionsExtraClaims: each(() => ({ profile: 'name groups' })),
  }
}
