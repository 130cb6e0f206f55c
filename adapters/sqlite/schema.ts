import { DomainError } from '../../src/errors.ts'
import { integerOf } from './columns.ts'
import type { Connection } from './connection.ts'

/**
 * Migrations, in order, each run once in a store's life; the schema's version is how many have run. One that was
 * released is never edited: another is added.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE records (
    collection TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (collection, organization_id, id)
  ) STRICT;

  -- The entries of declared indexes. The primary key finds a record's own, to replace them.
  CREATE TABLE keys (
    collection TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    id TEXT NOT NULL,
    index_name TEXT NOT NULL,
    key TEXT NOT NULL,
    uniqueness TEXT NOT NULL CHECK (uniqueness IN ('none', 'organization', 'deployment')),
    deployment_wide INTEGER NOT NULL CHECK (deployment_wide IN (0, 1)),
    PRIMARY KEY (collection, organization_id, id, index_name, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX keys_listed ON keys (collection, index_name, organization_id, key, id);
  CREATE INDEX keys_located ON keys (collection, index_name, key, organization_id, id) WHERE deployment_wide = 1;
  CREATE UNIQUE INDEX keys_unique_in_organization ON keys (collection, index_name, organization_id, key)
    WHERE uniqueness = 'organization';
  CREATE UNIQUE INDEX keys_unique_in_deployment ON keys (collection, index_name, key)
    WHERE uniqueness = 'deployment';

  CREATE TABLE artifacts (
    service_id TEXT NOT NULL,
    model TEXT NOT NULL,
    id TEXT NOT NULL,
    payload TEXT NOT NULL,
    uid TEXT,
    user_code TEXT,
    grant_id TEXT,
    account_id TEXT,
    expires_at INTEGER,
    consumed_at INTEGER,
    PRIMARY KEY (service_id, model, id)
  ) STRICT;
  CREATE INDEX artifacts_by_uid ON artifacts (service_id, model, uid) WHERE uid IS NOT NULL;
  CREATE INDEX artifacts_by_user_code ON artifacts (service_id, model, user_code) WHERE user_code IS NOT NULL;
  CREATE INDEX artifacts_by_grant ON artifacts (service_id, grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX artifacts_by_account ON artifacts (service_id, account_id, model, id) WHERE account_id IS NOT NULL;
  CREATE INDEX artifacts_by_expiry ON artifacts (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE counters (
    organization_id TEXT NOT NULL,
    name TEXT NOT NULL,
    window_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (organization_id, name, window_at)
  ) STRICT;
  CREATE INDEX counters_listed ON counters (organization_id, window_at DESC, name);
  CREATE INDEX counters_by_window ON counters (window_at);

  CREATE TABLE latest_marks (
    organization_id TEXT NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (organization_id, name)
  ) STRICT, WITHOUT ROWID;

  -- AUTOINCREMENT: a position is never given twice, also when every row has been forgotten.
  CREATE TABLE changes (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    items TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- Entries of trails. What is asked for comes in the order of ids, which is that of time.
  CREATE TABLE trail_entries (
    entry INTEGER PRIMARY KEY,
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    -- The ids of the lists that it is in, one after the other.
    lists BLOB NOT NULL,
    document TEXT NOT NULL,
    UNIQUE (collection, id, organization_id)
  ) STRICT;
  CREATE TABLE trail_lists (
    list BLOB NOT NULL,
    id TEXT NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (list, id, entry)
  ) STRICT, WITHOUT ROWID;
  `,
]

/**
 * Brings the store to this program's schema, in one transaction; of processes that open it at once, one does it.
 * @throws {DomainError} `store_unavailable` if a newer program has already brought it further
 */
export function migrate(connection: Connection): void {
  if (versionOf(connection) === migrations.length) return
  connection.transaction(() => {
    connection.script(
      'CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT',
    )
    const version = versionOf(connection)
    if (version > migrations.length) throw newer(version)
    for (const migration of migrations.slice(version)) connection.script(migration)
    connection.run(
      `INSERT INTO meta (name, value) VALUES ('schema_version', ?)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      migrations.length,
    )
  })
}

/** 0 for a file in which nothing is yet. */
function versionOf(connection: Connection): number {
  const hasMeta = connection.get(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta'`)
  if (hasMeta === undefined) return 0
  const row = connection.get(`SELECT value FROM meta WHERE name = 'schema_version'`)
  return row === undefined ? 0 : integerOf(row, 'value')
}

function newer(version: number): DomainError {
  const fix =
    'Start the version of Latchkey that last used this store or a newer one, or restore a backup made before.'
  return new DomainError(
    'store_unavailable',
    `this store has schema version ${version}, which is newer than this program's ${migrations.length}. ${fix}`,
    { fix },
  )
}
