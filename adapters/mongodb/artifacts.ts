import type { Filter } from 'mongodb'
import type { Clock } from '../../src/clock.ts'
import type { ServiceId } from '../../src/ids.ts'
import { checkLimit, checkText } from '../../src/storage/checks.ts'
import type { Artifact, Artifacts } from '../../src/storage/ports.ts'
import { translated } from './errors.ts'
import type { ArtifactRow, Tables } from './tables.ts'

export function mongoArtifacts({ artifacts }: Tables, clock: Clock): Artifacts {
  const alive = (): Filter<ArtifactRow> => ({
    $or: [{ expiresAt: { $exists: false } }, { expiresAt: { $gt: clock() } }],
  })

  const findBy =
    (field: 'id' | 'uid' | 'userCode'): Artifacts['find'] =>
    async (serviceId, model, value) => {
      checkText(serviceId, model, value)
      const place = field === 'id' ? idIn(serviceId, model, value) : { serviceId, model, [field]: value }
      // A session that gets a new id is for a moment there twice under its uid: the newer one counts.
      const row = await translated(() =>
        artifacts.findOne({ ...place, ...alive() }, { sort: { writtenAt: -1 } }),
      )
      return row === null ? undefined : artifactOf(row)
    }

  return {
    find: findBy('id'),
    findByUid: findBy('uid'),
    findByUserCode: findBy('userCode'),
    upsert: async (serviceId, model, artifact) => {
      const { id, payload, uid, userCode, grantId, accountId, expiresAt, consumedAt } = artifact
      checkText(serviceId, model, id, payload, uid, userCode, grantId, accountId)
      const optional = { uid, userCode, grantId, accountId, expiresAt, expiresOn: dateOf(expiresAt) }
      const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined))
      const absent = Object.keys(optional).filter((name) => !Object.hasOwn(given, name))
      await translated(() =>
        artifacts.updateOne(
          idIn(serviceId, model, id),
          {
            $set: { id, payload, writtenAt: clock(), ...given },
            ...(absent.length > 0 && { $unset: Object.fromEntries(absent.map((name) => [name, ''])) }),
            // What was consumed stays so, whatever is written over it: `$min` sets what is absent, and moves nothing later.
            ...(consumedAt !== undefined && { $min: { consumedAt } }),
          },
          { upsert: true },
        ),
      )
    },
    consume: async (serviceId, model, id) => {
      checkText(serviceId, model, id)
      const filter = { ...idIn(serviceId, model, id), consumedAt: { $exists: false }, ...alive() }
      const { modifiedCount } = await translated(() =>
        artifacts.updateOne(filter, { $set: { consumedAt: clock() } }),
      )
      return modifiedCount === 1
    },
    destroy: async (serviceId, model, id) => {
      checkText(serviceId, model, id)
      await translated(() => artifacts.deleteOne(idIn(serviceId, model, id)))
    },
    destroyByGrant: async (serviceId, grantId) => {
      checkText(serviceId, grantId)
      await translated(() => artifacts.deleteMany({ serviceId, grantId }))
    },
    destroyByAccount: async (serviceId, accountId) => {
      checkText(serviceId, accountId)
      await translated(() => artifacts.deleteMany({ serviceId, accountId }))
    },
    listByAccount: async (serviceId, model, accountId, { limit, after, order }) => {
      checkLimit(limit)
      checkText(serviceId, model, accountId, after)
      const [beyond, direction] = order === 'newest_first' ? (['$lt', -1] as const) : (['$gt', 1] as const)
      const beginning = after === undefined ? {} : { id: { [beyond]: after } }
      const rows = await translated(() =>
        artifacts
          .find({ serviceId, accountId, model, ...beginning, ...alive() }, { sort: { id: direction }, limit })
          .toArray(),
      )
      return rows.map(artifactOf)
    },
  }
}

/** The shard key begins with the service. Service and model are asked for beside it, so that nothing is found through another. */
function idIn(serviceId: ServiceId, model: string, id: string) {
  return { _id: `${serviceId}/${model}/${id}`, serviceId, model }
}

function dateOf(at: number | undefined): Date | undefined {
  return at === undefined ? undefined : new Date(at)
}

function artifactOf(row: ArtifactRow): Artifact {
  const { id, payload, uid, userCode, grantId, accountId, expiresAt, consumedAt } = row
  return Object.freeze({
    id,
    payload,
    ...(uid !== undefined && { uid }),
    ...(userCode !== undefined && { userCode }),
    ...(grantId !== undefined && { grantId }),
    ...(accountId !== undefined && { accountId }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(consumedAt !== undefined && { consumedAt }),
  })
}
