import { type Command, InvalidArgumentError, Option } from 'commander'

/** `--limit` and `--cursor` of every list. */
export function paged(command: Command): Command {
  return command
    .option('--limit <n>', 'one page of at most so many; without it all of them', wholeNumber)
    .option('--cursor <cursor>', 'go on where the page before ended')
}

/** `--organization` of what belongs to one. */
export function ofOrganization(command: Command): Command {
  return command.option('--organization <id or slug>', 'whose; without it the organization of the key in use')
}

/** An option that may be given several times. */
export function repeated(flags: string, description: string): Option {
  return new Option(flags, `${description}; may be repeated`).argParser(
    (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
  )
}

export function wholeNumber(text: string): string {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.')
  return text
}

export function wholeNumberFromZero(text: string): string {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0.')
  return text
}
