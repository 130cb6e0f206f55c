import { z } from 'zod'
import { DomainError } from '../../src/errors.ts'
import { type Route, route } from '../../src/http/route.ts'
import { clinicId, keyId } from './serving.ts'

const NoteBody = z.object({ id: z.string(), title: z.string(), labels: z.array(z.string()) })

const CreateNote = z.strictObject({
  title: z.string().min(1).max(200),
  labels: z.array(z.string().max(20)).max(3).default([]),
  priority: z.enum(['low', 'normal', 'high']).default('normal'),
  reader: z
    .union([z.strictObject({ organization: z.string() }), z.strictObject({ everyone: z.literal(true) })])
    .optional(),
})

interface Note {
  readonly id: string
  readonly title: string
  readonly labels: readonly string[]
  version: number
}

/** A small made-up domain: notes of an organization, whose ids look like those of keys. */
export function noteRoutes() {
  const notes = new Map<string, Note>()
  let made = 10
  const conflicts = { left: 0 }
  const runs = { count: 0 }
  const find = (organizationId: string, id: string | undefined): Note => {
    const note = organizationId === clinicId && id !== undefined ? notes.get(id) : undefined
    if (note === undefined)
      throw new DomainError('client_key_not_found', `no note ${id} in ${organizationId}`)
    return note
  }
  const present = (note: Note) => ({ body: { ...note, labels: [...note.labels] }, version: note.version })
  const path = '/organizations/{organization}/notes/{key}'
  const params = { organization: 'The organization.', key: 'The note.' }
  const routes: readonly Route[] = [
    route({
      operationId: 'listNotes',
      method: 'GET',
      path: '/organizations/{organization}/notes',
      summary: 'List notes',
      tag: 'Notes',
      params: { organization: 'The organization.' },
      query: z.object({
        limit: z.coerce.number().int().min(1).max(100).default(20),
        cursor: z.string().optional(),
      }),
      status: 200,
      answer: z.object({ items: z.array(NoteBody), next_cursor: z.string().nullable() }),
      errors: ['organization_not_found'],
      handle: async ({ organizationId }) => {
        const mine = organizationId === clinicId ? [...notes.values()] : []
        return { body: { items: mine.map((note) => present(note).body), next_cursor: null } }
      },
    }),
    route({
      operationId: 'createNote',
      method: 'POST',
      path: '/organizations/{organization}/notes',
      summary: 'Write a note',
      tag: 'Notes',
      params: { organization: 'The organization.' },
      body: CreateNote,
      status: 201,
      answer: NoteBody,
      example: { title: "It's Monday" },
      errors: ['organization_not_found', 'already_exists'],
      handle: async ({ body }) => {
        runs.count++
        if (body.title === 'taken') throw new DomainError('already_exists', 'There is a note of this title.')
        if (body.title === 'broken')
          throw new Error(`lost the secret lk_live_${'0'.repeat(26)}_${'a'.repeat(49)}`)
        const note: Note = { id: keyId(++made), title: body.title, labels: body.labels, version: 1 }
        notes.set(note.id, note)
        return { ...present(note), location: `/organizations/${clinicId}/notes/${note.id}` }
      },
    }),
    route({
      operationId: 'getNote',
      method: 'GET',
      path,
      summary: 'Read a note',
      tag: 'Notes',
      params,
      status: 200,
      answer: NoteBody,
      errors: ['client_key_not_found'],
      handle: async ({ organizationId, params: { key } }) => present(find(organizationId, key)),
    }),
    route({
      operationId: 'searchNotes',
      method: 'GET',
      path: '/organizations/{organization}/notes/search',
      summary: 'Search notes',
      tag: 'Notes',
      params: { organization: 'The organization.' },
      query: z.object({ text: z.string() }),
      status: 200,
      answer: z.object({ found: z.string() }),
      errors: [],
      handle: async ({ query }) => ({ body: { found: query.text } }),
    }),
    route({
      operationId: 'renameNote',
      method: 'PATCH',
      path,
      summary: 'Rename a note',
      tag: 'Notes',
      params,
      body: z.strictObject({ title: z.string() }),
      status: 200,
      answer: NoteBody,
      errors: ['client_key_not_found', 'conflict', 'precondition_failed'],
      handle: async ({ organizationId, params: { key }, body, ifMatch }) => {
        const note = find(organizationId, key)
        if (ifMatch !== undefined && ifMatch !== note.version)
          throw new DomainError('precondition_failed', `The note is at version ${note.version}.`)
        if (conflicts.left > 0) {
          conflicts.left--
          throw new DomainError('conflict', 'Another request was faster.')
        }
        const renamed = { ...note, title: body.title, version: note.version + 1 }
        notes.set(note.id, renamed)
        return present(renamed)
      },
    }),
    route({
      operationId: 'deleteNote',
      method: 'DELETE',
      path,
      summary: 'Delete a note',
      tag: 'Notes',
      params,
      status: 204,
      errors: ['client_key_not_found'],
      handle: async ({ organizationId, params: { key } }) => {
        notes.delete(find(organizationId, key).id)
        return { body: undefined }
      },
    }),
    route({
      operationId: 'importDocument',
      method: 'PUT',
      path: '/services/{service}/document',
      summary: 'Import a document',
      tag: 'Services',
      params: { service: 'The service.' },
      body: z.string(),
      bodyIs: 'document',
      status: 200,
      answer: z.object({ characters: z.int(), service: z.string() }),
      errors: ['service_not_found'],
      handle: async ({ body, params: { service = '' } }) => ({ body: { characters: body.length, service } }),
    }),
  ]
  return { routes, conflicts, runs }
}
