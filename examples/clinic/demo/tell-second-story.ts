import { startIdentityProvider } from '../../identity-provider/identity-provider.ts'
import { freePort } from './free-port.ts'
import { connect, harbourStreetPeople, proveDomain } from './harbour-street.ts'
import { asAdministrator, type Stage } from './management.ts'
import type { NameServer } from './name-server.ts'
import {
  consentTakenBack,
  inesGoesToRounds,
  registerRounds,
  roundsActs,
  wrenGoesToRounds,
} from './rounds-story.ts'
import type { Organizations } from './tell-story.ts'
import { Visitor } from './visitor.ts'
import { invite } from './willow-lane.ts'

/** An app acts for people: one with a password, one of an organization with an identity provider of its own. */
export async function tellSecondStory(
  stage: Stage,
  clinic: string,
  organizations: Organizations,
  nameServer: NameServer,
) {
  const { story } = stage
  const rounds = await registerRounds(stage, clinic, await freePort(7702))
  const people = harbourStreetPeople()
  const provider = await startIdentityProvider({
    ...{ name: 'Harbour Street', people: Object.values(people), port: await freePort(7703) },
  })
  story.name(provider.issuer, 'Harbour Street’s provider')

  story.step(
    'Both customers get an administrator of their own.',
    'A key with the role that Latchkey has for it.',
  )
  const willowLane = await asAdministrator(stage, organizations.willowLane, 'Willow Lane’s token')
  const harbourStreet = await asAdministrator(stage, organizations.harbourStreet, 'Harbour Street’s token')
  const wren = await invite(stage, willowLane, organizations.willowLane)
  await proveDomain(harbourStreet, organizations.harbourStreet, nameServer)
  await connect(harbourStreet, organizations.harbourStreet, people.ines, provider)

  const visitors = { wren: new Visitor(story, 'Wren'), ines: new Visitor(story, 'Ines') }
  await wrenGoesToRounds({ stage, rounds, visitor: visitors.wren }, wren)
  await inesGoesToRounds({ stage, rounds, visitor: visitors.ines }, people.ines)
  await roundsActs(stage, rounds, visitors)
  await consentTakenBack({ stage, rounds, visitor: visitors.wren })
  return {
    rounds,
    wren,
    staff: [people.ines, people.tom],
    /** With the token of its administrator. */
    willowLane,
    close(): void {
      rounds.close()
      provider.close()
    },
  }
}
