"""A sessiond for tests. It speaks the real protocol within the process, so that all runs as in production.

    with FakeSessiond() as fake, fake.client() as client:
        tokens = fake.login("alice", scopes=["orders:read"])
        assert client.validate(tokens.access_token).subject == "alice"

When a method of the fake returns that changes what tokens are worth, every client that it made knows it: a
test need not wait. Tokens are judged in the server's order, with its reasons, words and challenges. They are
JWTs whose signature only the fake can verify.

What it does not carry out is UNIMPLEMENTED, as at a server: logins at a provider, and refresh tokens of one.
A token that is bound by DPoP is BINDING_MISMATCH, whatever proof there is.

With pytest, `pytest_plugins = ["sessiond.testing.fixtures"]` has a fixture `fake_sessiond`. For tests of what
is behind a validation there are `Session.example` and `Rejection.example`.
"""

from sessiond.testing.calls import Call
from sessiond.testing.fake import FakeSessiond
from sessiond.testing.names import AUDIENCE, ISSUER

__all__ = ["AUDIENCE", "ISSUER", "Call", "FakeSessiond"]
