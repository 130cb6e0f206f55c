import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Middleware } from 'koa'
import { methodNotAllowed } from './authenticate.ts'
import { HttpRefusal } from './refusal.ts'
import { asset } from './render.ts'
import { textOn } from './text-on.ts'

type Name = 'reference.css' | 'sign-in.css'

interface Sheet {
  readonly bytes: Buffer
  readonly path: string
}

const sources: Readonly<Record<Name, () => Buffer>> = {
  'reference.css': () => asset('docs/reference.css'),
  'sign-in.css': () => Buffer.concat([pico(), asset('sign-in/sign-in.css')]),
}

function pico(): Buffer {
  return readFileSync(fileURLToPath(import.meta.resolve('@picocss/pico/css/pico.classless.min.css')))
}

const read = new Map<Name, Sheet>()

/** Read when first asked for: a start that waits for no page is a faster start. */
function sheet(name: Name): Sheet {
  const known = read.get(name)
  if (known !== undefined) return known
  const bytes = sources[name]()
  const digest = hash('sha256', bytes, 'base64url').slice(0, 16)
  const made = { bytes, path: `/static/${name.replace('.css', '')}.${digest}.css` }
  read.set(name, made)
  return made
}

/** The path of a style sheet, with a hash of what it says: it may be kept for ever. */
export function styleSheet(name: Name): string {
  return sheet(name).path
}

/** Serves the style sheets, and one for each colour that a service may have chosen. */
export const answersStyleSheets: Middleware = (ctx) => {
  const body = found(ctx.path)
  if (body === undefined) throw new HttpRefusal('not_found', 'not here')
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw methodNotAllowed(['GET', 'HEAD'])
  ctx.set('Cache-Control', 'public, max-age=31536000, immutable')
  ctx.type = 'text/css'
  ctx.body = body
}

function found(path: string): Buffer | string | undefined {
  const colour = /^\/static\/colour\/([0-9a-f]{6})\.css$/.exec(path)?.[1]
  if (colour !== undefined) return colourSheet(`#${colour}`)
  const names = Object.keys(sources) as Name[]
  return names.map(sheet).find((one) => one.path === path)?.bytes
}

/** The colour of a service's buttons. A style sheet, since the policy of the pages allows no style in them. */
function colourSheet(colour: string): string {
  return `:root{--brand:${colour};--brand-text:${textOn(colour)}}`
}
