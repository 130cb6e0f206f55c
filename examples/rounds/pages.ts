import { type Html, html, page } from '../html.ts'
import type { Appointment, Patient, Refused } from './clinic-records.ts'
import type { Person } from './sessions.ts'

const signInForm = html`<form method="post" action="/sign-in"><p><button>Sign in with Clinic records</button></p></form>`

export function welcomePage(): string {
  return page('Rounds', html`<p>Plans the day’s visits from the patients in Clinic records.</p>${signInForm}`)
}

export function patientsPage(person: Person, patients: readonly Patient[]): string {
  return page(
    'Today’s round',
    html`
      ${signedIn(person)}
      <ul>${patients.map(({ id, name, born }) => html`<li><a href="/patients/${id}">${name}</a>, born ${born}</li>`)}</ul>
      <h2>Take on a patient</h2>
      <form method="post" action="/patients">
        <p><label>Name <input name="name" required></label></p>
        <p><label>Born <input type="date" name="born" required></label></p>
        <p><button>Take on</button></p>
      </form>`,
  )
}

export function patientPage(person: Person, patient: Patient, appointments: readonly Appointment[]): string {
  return page(
    patient.name,
    html`
      ${signedIn(person)}
      <p><a href="/">Today’s round</a></p>
      <ul>${appointments.map(({ at, reason }) => html`<li>${at}: ${reason}</li>`)}</ul>
      <h2>Plan a visit</h2>
      <form method="post" action="/patients/${patient.id}/visits">
        <p><label>When (UTC) <input type="datetime-local" name="at" required></label></p>
        <p><label>Reason <input name="reason" required></label></p>
        <p><button>Plan</button></p>
      </form>`,
  )
}

/** The clinic has said no to what Rounds tried in the person's name. */
export function refusedPage({ status, code, message, scope }: Refused): string {
  return status === 401
    ? page('Sign in again', html`<p>Rounds may no longer act for you (${code}).</p>${signInForm}`)
    : page(
        'Not allowed',
        html`
          <p>The clinic says: ${message} (${code})</p>
          ${scope === undefined ? '' : html`<p>It would take the scope ${scope}, which Rounds does not have.</p>`}
          <p><a href="/">Today’s round</a></p>`,
      )
}

export function notSignedInPage(why: string): string {
  return page('You are not signed in', html`<p>${why}</p>${signInForm}`)
}

function signedIn({ name, scopes }: Person): Html {
  return html`
    <p>For ${name}, with ${scopes.join(', ')}.</p>
    <form method="post" action="/sign-out"><p><button>Sign out</button></p></form>`
}
