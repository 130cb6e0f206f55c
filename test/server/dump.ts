// Looks for texts in all that a store holds, as somebody would who has stolen it.
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BSON, MongoClient } from 'mongodb'

/** Bytes of the store, by where they are. */
export type Dump = ReadonlyMap<string, Buffer>

/** @param address as the server reads it */
export function dumpStore(address: string): Promise<Dump> {
  return address.startsWith('sqlite:') ? dumpSqlite(address.slice('sqlite:'.length)) : dumpMongo(address)
}

/** The files as they are, deleted rows and the log among them; and the rows, for what a file keeps in several pieces. */
async function dumpSqlite(path: string): Promise<Dump> {
  const dump = new Map<string, Buffer>()
  const folder = dirname(path)
  for (const name of await readdir(folder))
    if (name.startsWith(basename(path))) dump.set(name, await readFile(join(folder, name)))
  using database = new DatabaseSync(path, { readOnly: true })
  const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all()
  for (const { name } of tables) {
    const cells = database
      .prepare(`SELECT * FROM "${String(name)}"`)
      .all()
      .flatMap(Object.values)
    const bytes = cells.map((cell) =>
      cell instanceof Uint8Array ? Buffer.from(cell) : Buffer.from(`${cell}`),
    )
    dump.set(`table ${String(name)}`, Buffer.concat(bytes.flatMap((one) => [one, Buffer.from('\n')])))
  }
  return dump
}

/** The documents, as bytes and as text: the text has what the bytes hold as binary in base64. */
async function dumpMongo(address: string): Promise<Dump> {
  const dump = new Map<string, Buffer>()
  const client = new MongoClient(address)
  try {
    const database = client.db()
    for (const { name } of await database.listCollections().toArray()) {
      const documents = await database.collection(name).find().toArray()
      const texts = documents.map((one) => BSON.EJSON.stringify(one))
      dump.set(`collection ${name}`, Buffer.concat(documents.map((one) => BSON.serialize(one))))
      dump.set(`collection ${name} as text`, Buffer.from(texts.join('\n')))
    }
  } finally {
    await client.close()
  }
  return dump
}

/** Digits of a mailed code stand in many a longer number. */
const shortMax = 8

/** The ways in which a text may be written down. */
function formsOf(text: string): ReadonlyMap<string, Buffer> {
  const bytes = Buffer.from(text)
  const decoded = Buffer.from(text, 'base64url')
  const isBase64 = text.length > shortMax && decoded.toString('base64url') === text
  const base64 = bytes.toString('base64').replaceAll('=', '')
  const hex = bytes.toString('hex')
  return new Map([
    ['raw', bytes],
    ['in a URL', Buffer.from(encodeURIComponent(text))],
    ['base64', Buffer.from(base64)],
    ['base64url', Buffer.from(bytes.toString('base64url'))],
    ['hex', Buffer.from(hex)],
    ['HEX', Buffer.from(hex.toUpperCase())],
    ...(isBase64
      ? ([
          ['decoded', decoded],
          ['decoded, as hex', Buffer.from(decoded.toString('hex'))],
          ['decoded, as base64', Buffer.from(decoded.toString('base64').replaceAll('=', ''))],
        ] as const)
      : []),
  ])
}

/** Where these texts, given by name, are found: `<name>, <form>, in <place>`. */
export function findIn(dump: Dump, texts: ReadonlyMap<string, string>): readonly string[] {
  const found: string[] = []
  for (const [name, text] of texts)
    for (const [form, bytes] of formsOf(text))
      for (const [place, all] of dump)
        if (text.length > shortMax ? all.includes(bytes) : standsAlone(all, bytes))
          found.push(`${name}, ${form}, in ${place}`)
  return found
}

function standsAlone(all: Buffer, bytes: Buffer): boolean {
  if (!all.includes(bytes)) return false
  return new RegExp(`(?<![\\w.-])${bytes.toString('latin1')}(?![\\w.-])`).test(all.toString('latin1'))
}
