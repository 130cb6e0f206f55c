"""An app made with Authlib. Says, as a line of JSON each, where a person must go; reads from its input where they came back."""

import json
import sys

from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet
import requests

issuer, client_id, client_secret, redirect_uri, audience = sys.argv[1:]
metadata = requests.get(issuer + "/.well-known/openid-configuration", timeout=10).json()
keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())


def say(**told):
    print(json.dumps(told), flush=True)


def verified(token, **expected):
    """Signature by a published key, then the claims."""
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    essential = {name: {"essential": True, "value": value} for name, value in expected.items()}
    jwt.JWTClaimsRegistry(**essential).validate(decoded.claims)
    return {"header": decoded.header, "claims": decoded.claims}


machine = OAuth2Session(client_id, client_secret, scope="patients:read")
granted = machine.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
say(machine=verified(granted["access_token"], iss=issuer, aud=audience, sub=client_id))

app = OAuth2Session(
    client_id,
    client_secret,
    scope="openid email patients:read",
    redirect_uri=redirect_uri,
    code_challenge_method="S256",
)
verifier = "a-verifier-that-is-long-enough-for-RFC-7636"
url, state = app.create_authorization_url(
    metadata["authorization_endpoint"], code_verifier=verifier, nonce="only-this-time"
)
say(url=url)
back = sys.stdin.readline().strip()
tokens = app.fetch_token(
    metadata["token_endpoint"], authorization_response=back, code_verifier=verifier, state=state
)
say(
    id_token=verified(tokens["id_token"], iss=issuer, aud=client_id, nonce="only-this-time"),
    access_token=verified(tokens["access_token"], iss=issuer, aud=audience),
)

renewed = app.refresh_token(metadata["token_endpoint"], refresh_token=tokens["refresh_token"])
say(
    renewed=verified(renewed["access_token"], iss=issuer, aud=audience),
    is_rotated=renewed["refresh_token"] != tokens["refresh_token"],
)

app.revoke_token(metadata["revocation_endpoint"], token=renewed["access_token"])
asked = app.introspect_token(metadata["introspection_endpoint"], token=renewed["access_token"])
say(is_active=asked.json()["active"])
