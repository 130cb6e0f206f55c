import type { Provider } from 'oidc-provider'
import type { Service } from '../../services/service.ts'
import type { IssuerDeps } from '../issuer-deps.ts'

/** What the pages of one service work with. */
export interface PagesOf {
  readonly deps: IssuerDeps
  readonly service: Service
  readonly provider: Provider
}
