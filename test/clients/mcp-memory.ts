import type {
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client'

/** What an MCP client keeps of its own. It knows nothing of Latchkey. */
export class McpMemory implements OAuthClientProvider {
  readonly redirectUrl: string
  /** Where the client has sent the person. */
  sentTo = ''
  #client: StoredOAuthClientInformation | undefined
  #tokens: StoredOAuthTokens | undefined
  #discovered: OAuthDiscoveryState | undefined
  #verifier = ''

  constructor(redirectUrl: string) {
    this.redirectUrl = redirectUrl
  }

  get clientMetadata() {
    return { client_name: 'Desk assistant', redirect_uris: [this.redirectUrl] }
  }
  get clientId(): string {
    return this.#client?.client_id ?? ''
  }
  clientInformation(): StoredOAuthClientInformation | undefined {
    return this.#client
  }
  saveClientInformation(client: StoredOAuthClientInformation): void {
    this.#client = client
  }
  tokens(): StoredOAuthTokens | undefined {
    return this.#tokens
  }
  saveTokens(tokens: StoredOAuthTokens): void {
    this.#tokens = tokens
  }
  redirectToAuthorization(url: URL): void {
    this.sentTo = url.href
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }
  codeVerifier(): string {
    return this.#verifier
  }
  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovered = state
  }
  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovered
  }
}

/** Sends the resource as version 1 of the SDK did: as a URL, to whose bare host a slash is added. */
export class McpMemoryOfVersion1 extends McpMemory {
  async validateResourceURL(server: string | URL, resource?: string): Promise<URL> {
    return new URL(resource ?? server)
  }
}
