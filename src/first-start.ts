import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type Actor, type Commit, recorder } from './audit/record.ts'
import { type ClientKey, clientKeys } from './client-keys/client-key.ts'
import { newClientKey } from './client-keys/create-client-key.ts'
import type { Clock, Random } from './clock.ts'
import { hasCode } from './errors.ts'
import { commandClientId, type NewId, type OrganizationId, parseId } from './ids.ts'
import { newOrganization } from './organizations/create-organization.ts'
import { organizations } from './organizations/organization.ts'
import { checkValue, verifySecrets } from './secrets/check-value.ts'
import type { Secret } from './secrets/secret.ts'
import type { Secrets } from './secrets/secrets.ts'
import { makeService } from './services/create-service.ts'
import { findService } from './services/find-service.ts'
import { managementSlug } from './services/management-service.ts'
import type { DocumentReader } from './services/read-document.ts'
import { replaceSystemDocument } from './services/replace-document.ts'
import type { Service } from './services/service.ts'
import { getCurrentDocument, unpackDocument } from './services/service-document.ts'
import { insert, type Store } from './storage/ports.ts'

/** The management API's own document, in JSON, and the version of the product that it comes with. */
export interface OwnDocument {
  /** Made when it is needed: most starts find it in the store. */
  readonly bytes: () => Uint8Array
  readonly version: string
}

export interface FirstStartDeps {
  readonly store: Pick<Store, 'records' | 'commit'>
  readonly secrets: Secrets
  readonly readDocument: DocumentReader
  readonly clock: Clock
  readonly newId: NewId
  readonly random: Random
  readonly log: { warn(data: object, sentence: string): void }
  readonly origin: string
  /** Where the operator's key file is written. */
  readonly dataFolder: string
}

const keyFileName = 'operator-key.json'
const unfinishedKeyFile = /^operator-key\.(key_[0-9a-z]{26})\.json\.tmp$/

/**
 * What an empty store needs: the operator, the service `latchkey`, the first key and its file. Runs before listening, at
 * every start, on every node: one of them wins, the others go on; a start that was cut short is finished by the next.
 * @throws {Error} if the deployment secrets are not those of the store
 */
export async function ensureFirstStart(deps: FirstStartDeps, document: OwnDocument): Promise<void> {
  const { store, secrets } = deps
  const known = await verifySecrets(store.records, secrets)
  const operatorId = await findOperator(deps)
  if (operatorId === undefined) await startFirst(deps, document.bytes())
  else if (known !== 'known') await enterSecret(deps, operatorId)
  await followOwnDocument(deps, document)
  await enterCommand(deps)
  await finishKeyFiles(deps)
}

async function findOperator({ store }: FirstStartDeps): Promise<OrganizationId | undefined> {
  const [place] = await store.records.locate(organizations, 'operator', '', { limit: 1 })
  return place?.organizationId
}

async function startFirst(deps: FirstStartDeps, document: Uint8Array): Promise<void> {
  const { store, secrets, clock, newId } = deps
  const nowMs = clock()
  const operator = newOrganization(
    newId('org'),
    { name: 'Operator', slug: 'operator', kind: 'operator' },
    nowMs,
  )
  const by = firstStartActor(operator.id)
  const wanted = { organizationId: operator.id, slug: managementSlug, document }
  const made = await makeService(deps, 'system', wanted)
  const { key, secret } = newClientKey(deps, nowMs, {
    organizationId: operator.id,
    serviceId: made.service.id,
    name: 'First key of the operator',
    role: 'admin',
    environment: 'live',
    cidrs: [],
    createdBy: by.id,
  })
  if (secret === undefined) throw new Error('a key without JWKS has a secret')
  const file = await writeKeyFile(deps, key, secret)
  try {
    await recorded(deps)(
      [
        { type: 'deployment.started_first', organizationId: operator.id, target: operator.id, by },
        { ...made.happening, by },
        { type: 'client_key.created', organizationId: operator.id, target: key.id, by },
      ],
      [
        insert(organizations, operator),
        checkValue(secrets, operator.id, nowMs),
        ...made.changes,
        insert(clientKeys, key),
      ],
    )
  } catch (error) {
    await rm(file, { force: true })
    // Another node's first start won; what it made is as good.
    if (!hasCode(error, 'already_exists')) throw error
    await verifySecrets(store.records, secrets)
  }
}

/** A new secret is in front: its check value must be there before anything is sealed under it. */
async function enterSecret(deps: FirstStartDeps, operatorId: OrganizationId): Promise<void> {
  const by = firstStartActor(operatorId)
  const happening = {
    type: 'deployment.secret_added',
    organizationId: operatorId,
    target: deps.secrets.ids[0],
    by,
  } as const
  try {
    await recorded(deps)(happening, [checkValue(deps.secrets, operatorId, deps.clock())])
  } catch (error) {
    if (!hasCode(error, 'already_exists')) throw error
  }
}

/**
 * The service `latchkey` follows the document of this product if it is newer, or if the deployment has moved to another
 * origin; an older node that starts beside newer ones leaves theirs alone.
 */
async function followOwnDocument(deps: FirstStartDeps, document: OwnDocument): Promise<void> {
  const { records } = deps.store
  const service = await findService(records, managementSlug)
  if (service === undefined) throw new Error('the store has an operator, but no service latchkey: restore it')
  if (service.audience === deps.origin && !isNewer(document.version, await versionOf(deps, service))) return
  if (service.audience !== deps.origin)
    deps.log.warn(
      { origin: deps.origin, before: service.audience },
      'the deployment has moved to another origin: every node needs this LATCHKEY_ORIGIN, and tokens of before it are refused',
    )
  const by = firstStartActor(service.organizationId)
  try {
    await replaceSystemDocument({ ...deps, records, commit: recorded(deps) }, by, service, document.bytes())
  } catch (error) {
    // Another node has just done the same.
    if (!hasCode(error, 'conflict')) throw error
  }
}

/**
 * The `latchkey` command signs people in as any app does: it is a public client of the operator's, which can disable it.
 * A deployment that was there before it gets it at its next start.
 */
async function enterCommand(deps: FirstStartDeps): Promise<void> {
  const { records } = deps.store
  const [known] = await records.locate(clientKeys, 'id', commandClientId, { limit: 1 })
  const service = known === undefined ? await findService(records, managementSlug) : undefined
  if (service === undefined) return
  const { organizationId } = service
  const by = firstStartActor(organizationId)
  const { key } = newClientKey(deps, deps.clock(), {
    organizationId,
    serviceId: service.id,
    name: 'latchkey command',
    role: 'organization-viewer',
    environment: 'live',
    cidrs: [],
    createdBy: by.id,
    isPublic: true,
    applicationType: 'native',
    redirectUris: ['http://127.0.0.1/callback'],
  })
  try {
    await recorded(deps)({ type: 'client_key.created', organizationId, target: commandClientId, by }, [
      insert(clientKeys, { ...key, id: commandClientId }),
    ])
  } catch (error) {
    if (!hasCode(error, 'already_exists')) throw error
  }
}

async function versionOf({ store }: FirstStartDeps, service: Service): Promise<string> {
  const kept = await unpackDocument(await getCurrentDocument(store.records, service))
  const { info } = OwnDocumentInfo.parse(JSON.parse(kept.toString()))
  return info.version
}

const OwnDocumentInfo = z.object({ info: z.object({ version: z.string() }) })

/** Compares `major.minor.patch`, number by number. */
function isNewer(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) > 0
}

function recorded({ store, clock, newId }: FirstStartDeps): Commit {
  return recorder(store.commit, clock, newId)
}

function firstStartActor(organizationId: OrganizationId): Actor {
  return { kind: 'system', id: 'first-start', organizationId, requestId: 'first-start' }
}

/** Durable before the commit: a key that is in the store has its secret on the disk, whenever the machine stops. */
async function writeKeyFile(deps: FirstStartDeps, key: ClientKey, secret: Secret): Promise<string> {
  const { dataFolder, origin } = deps
  await mkdir(dataFolder, { recursive: true, mode: 0o700 })
  const path = join(dataFolder, `operator-key.${key.id}.json.tmp`)
  const content = {
    origin,
    token_endpoint: `${origin}/latchkey/oauth/token`,
    organization_id: key.organizationId,
    client_id: key.id,
    client_secret: secret.reveal(),
  }
  const file: FileHandle = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(content, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  return path
}

/** Puts the winner's file in its place; one whose key never came into the store opens nothing and is removed. */
async function finishKeyFiles(deps: FirstStartDeps): Promise<void> {
  const { dataFolder, store } = deps
  const names = await readdir(dataFolder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  })
  for (const name of names) {
    const id = parseId('key', unfinishedKeyFile.exec(name)?.[1] ?? '')
    if (id === undefined) continue
    const [place] = await store.records.locate(clientKeys, 'id', id, { limit: 1 })
    const path = join(dataFolder, name)
    if (place === undefined) await rm(path, { force: true })
    else await rename(path, join(dataFolder, keyFileName)).catch(ignoreMissing)
  }
}

/** Another process of this machine was faster. */
function ignoreMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
}
