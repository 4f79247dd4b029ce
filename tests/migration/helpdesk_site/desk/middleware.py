from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.middleware import BaseMiddleware
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.signing import BadSignature, Signer


@database_sync_to_async
def user_of(token):
    try:
        name = Signer().unsign(token)
        return get_user_model().objects.get(username=name)
    except (BadSignature, get_user_model().DoesNotExist):
        return AnonymousUser()


class TokenMiddleware(BaseMiddleware):
    """Whoever brings a token is its user; all others are whom their session says they are."""

    async def __call__(self, scope, receive, send):
        query = parse_qs(scope["query_string"].decode())
        scope = dict(scope)
        if "token" in query:
            scope["user"] = await user_of(query["token"][0])
        return await super().__call__(scope, receive, send)
