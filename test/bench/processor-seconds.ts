import { readFileSync } from 'node:fs'

/** What a process has used, all of its threads, from `/proc`; NaN where there is none. */
export function processorSeconds(pid: number): number {
  try {
    // proc(5): after the name in brackets, the 12th and 13th fields are user and system time in hundredths of seconds.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return Number.NaN
  }
}
