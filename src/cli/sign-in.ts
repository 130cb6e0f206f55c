import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { z } from 'zod'
import { Failure } from './failure.ts'
import { at } from './management-api.ts'
import type { Open } from './session.ts'

interface SignInOptions {
  readonly name?: string
  readonly colour?: string
  readonly logo?: string
  readonly settings?: string
}

/** `latchkey services sign-in`: changes what is given; with nothing given it shows what holds. */
export function signInCommand(open: Open): Command {
  return new Command('sign-in')
    .argument('<service>', 'id or slug')
    .option('--name <name>', 'what its pages call it; "none": its title')
    .option('--colour <#rrggbb>', 'of its buttons; "none": ours')
    .option('--logo <file>', 'a PNG, JPEG or WebP picture of at most 256 KiB; "none" takes it out')
    .option('--settings <file>', 'any settings as a JSON object, named as this command shows them')
    .description('show how people and apps sign in at it, or change that')
    .action(async (service: string, options: SignInOptions) => {
      const { api, output } = open()
      const path = at`/services/${service}/sign-in`
      const body = await changeIn(options)
      const isAsked = Object.keys(body).length === 0
      output.show(isAsked ? await api.get(path) : await api.send('PATCH', path, { body }))
    })
}

const Settings = z.looseObject({ brand: z.looseObject({}).optional() })

async function changeIn({ name, colour, logo, settings }: SignInOptions): Promise<Record<string, unknown>> {
  const given = settings === undefined ? {} : await settingsIn(settings)
  const brand = {
    ...given.brand,
    ...(name === undefined ? {} : { name: orNone(name) }),
    ...(colour === undefined ? {} : { colour: orNone(colour) }),
    ...(logo === undefined ? {} : { logo: await pictureIn(logo) }),
  }
  return { ...given, ...(Object.keys(brand).length === 0 ? {} : { brand }) }
}

function orNone(text: string): string | null {
  return text === 'none' ? null : text
}

async function pictureIn(path: string): Promise<{ base64: string } | null> {
  if (path === 'none') return null
  try {
    return { base64: await readFile(path, 'base64') }
  } catch (cause) {
    throw new Failure(`${path} cannot be read`, { exitCode: 2, fix: 'give the path of a picture', cause })
  }
}

async function settingsIn(path: string): Promise<z.output<typeof Settings>> {
  try {
    return Settings.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (cause) {
    throw new Failure(`${path} holds no settings`, {
      exitCode: 2,
      fix: 'write them as one JSON object: {"registration": "open"}',
      cause,
    })
  }
}
