/** How a gateway tells the guard what was asked of it. */
export type Asking =
  /** The one pair of headers (lower case) that says method and target. */
  | { readonly kind: 'headers'; readonly method: string; readonly uri: string }
  /** Method and target are those of the request to the guard itself, below its path. */
  | { readonly kind: 'own' }

export interface Gateway {
  readonly asking: Asking
  /** It hands on no body of a refusal: the problem goes in a header, too, for its configuration to write. */
  readonly problemInHeader?: true
}

const forwarded: Asking = { kind: 'headers', method: 'x-forwarded-method', uri: 'x-forwarded-uri' }

/** The gateways that `examples/gateways` has a configuration for. */
export const gateways = {
  nginx: {
    asking: { kind: 'headers', method: 'x-original-method', uri: 'x-original-uri' },
    problemInHeader: true,
  },
  caddy: { asking: forwarded },
  traefik: { asking: forwarded },
  haproxy: { asking: forwarded },
  envoy: { asking: { kind: 'own' } },
} as const satisfies Readonly<Record<string, Gateway>>

export type GatewayName = keyof typeof gateways

// Sound: these are the keys of that very object.
export const gatewayNames = Object.keys(gateways) as readonly GatewayName[]

/** Every header that says method or target for some gateway. One that is not this gateway's came from somebody else. */
export const tellingHeaders: ReadonlySet<string> = new Set(
  Object.values<Gateway>(gateways).flatMap(({ asking }) =>
    asking.kind === 'headers' ? [asking.method, asking.uri] : [],
  ),
)
