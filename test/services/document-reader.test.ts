import { describe, expect, test } from 'vitest'
import { documentReader } from '../../src/services/document-reader.ts'
import { readDocument } from '../../src/services/read-document.ts'
import { shopDocument } from './deployment.ts'

describe('a document read in a thread of its own', () => {
  test('comes out as it would here', async () => {
    const read = documentReader()
    expect(await read(shopDocument(), {})).toEqual(await readDocument(shopDocument()))
  })

  test('is refused as it would be here, with every fault', async () => {
    const document = shopDocument((doc) => {
      doc.servers = []
      doc.paths['/orders'].get.security = [{ nothing: [] }]
    })
    const here = await readDocument(document).catch((e: unknown) => e)
    const apart = await documentReader()(document, {}).catch((e: unknown) => e)
    expect(apart).toEqual(here)
    expect(apart).toMatchObject({ code: 'document_refused', faults: [{}, {}] })
  })

  test('is refused when it takes too long', async () => {
    await expect(documentReader({ timeLimitMs: 1 })(shopDocument(), {})).rejects.toMatchObject({
      code: 'document_refused',
      message: expect.stringContaining('took longer than'),
    })
  })
})
