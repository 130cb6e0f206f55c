import type { Clock } from '../../src/clock.ts'
import { checkLimit, checkText } from '../../src/storage/checks.ts'
import type { Artifact, Artifacts } from '../../src/storage/ports.ts'
import { optionalIntegerOf, optionalTextOf, textOf } from './columns.ts'
import type { Connection, Row } from './connection.ts'
import type { GroupedWrites } from './grouped-writes.ts'

const columns = 'id, payload, uid, user_code, grant_id, account_id, expires_at, consumed_at'
const ofModel = 'service_id = ? AND model = ?'
const alive = '(expires_at IS NULL OR expires_at > ?)'

// What was consumed stays so, whatever is written over it: a code or a refresh token is good once in its life.
const upserted = `
  INSERT INTO artifacts (service_id, model, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (service_id, model, id) DO UPDATE SET
    payload = excluded.payload, uid = excluded.uid, user_code = excluded.user_code, grant_id = excluded.grant_id,
    account_id = excluded.account_id, expires_at = excluded.expires_at,
    consumed_at = coalesce(artifacts.consumed_at, excluded.consumed_at)`

export function sqliteArtifacts(connection: Connection, writes: GroupedWrites, clock: Clock): Artifacts {
  const findBy =
    (column: 'id' | 'uid' | 'user_code'): Artifacts['find'] =>
    async (serviceId, model, value) => {
      checkText(serviceId, model, value)
      // A session that gets a new id is for a moment there twice under its uid: the newer one counts.
      const row = connection.get(
        `SELECT ${columns} FROM artifacts WHERE ${ofModel} AND ${column} = ? AND ${alive} ORDER BY rowid DESC LIMIT 1`,
        ...[serviceId, model, value, clock()],
      )
      return row === undefined ? undefined : artifactOf(row)
    }

  const write = async (sql: string, ...values: readonly (string | number | null)[]): Promise<number> => {
    checkText(...values.filter((value) => typeof value === 'string'))
    return writes.run(() => connection.run(sql, ...values))
  }

  return {
    find: findBy('id'),
    findByUid: findBy('uid'),
    findByUserCode: findBy('user_code'),
    upsert: async (serviceId, model, artifact) => {
      await write(upserted, serviceId, model, ...valuesOf(artifact))
    },
    consume: async (serviceId, model, id) => {
      const now = clock()
      const sql = `UPDATE artifacts SET consumed_at = ? WHERE ${ofModel} AND id = ? AND consumed_at IS NULL AND ${alive}`
      return (await write(sql, now, serviceId, model, id, now)) === 1
    },
    destroy: async (serviceId, model, id) => {
      await write(`DELETE FROM artifacts WHERE ${ofModel} AND id = ?`, serviceId, model, id)
    },
    destroyByGrant: async (serviceId, grantId) => {
      await write('DELETE FROM artifacts WHERE service_id = ? AND grant_id = ?', serviceId, grantId)
    },
    destroyByAccount: async (serviceId, accountId) => {
      await write('DELETE FROM artifacts WHERE service_id = ? AND account_id = ?', serviceId, accountId)
    },
    listByAccount: async (serviceId, model, accountId, { limit, after, order }) => {
      checkLimit(limit)
      checkText(serviceId, model, accountId, after)
      const [beyond, direction] = order === 'newest_first' ? ['<', 'DESC'] : ['>', 'ASC']
      const rows = connection.all(
        `SELECT ${columns} FROM artifacts WHERE ${ofModel} AND account_id = ? AND ${alive}
         ${after === undefined ? '' : `AND id ${beyond} ?`} ORDER BY id ${direction} LIMIT ?`,
        ...[serviceId, model, accountId, clock()],
        ...(after === undefined ? [] : [after]),
        limit,
      )
      return rows.map(artifactOf)
    },
  }
}

/** In the order of `columns`. */
function valuesOf(artifact: Artifact): readonly (string | number | null)[] {
  const { id, payload, uid, userCode, grantId, accountId, expiresAt, consumedAt } = artifact
  const optional = [uid, userCode, grantId, accountId, expiresAt, consumedAt].map((value) => value ?? null)
  return [id, payload, ...optional]
}

function artifactOf(row: Row): Artifact {
  const uid = optionalTextOf(row, 'uid')
  const userCode = optionalTextOf(row, 'user_code')
  const grantId = optionalTextOf(row, 'grant_id')
  const accountId = optionalTextOf(row, 'account_id')
  const expiresAt = optionalIntegerOf(row, 'expires_at')
  const consumedAt = optionalIntegerOf(row, 'consumed_at')
  return Object.freeze({
    id: textOf(row, 'id'),
    payload: textOf(row, 'payload'),
    ...(uid !== undefined && { uid }),
    ...(userCode !== undefined && { userCode }),
    ...(grantId !== undefined && { grantId }),
    ...(accountId !== undefined && { accountId }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(consumedAt !== undefined && { consumedAt }),
  })
}
