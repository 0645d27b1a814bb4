"""API keys: an admin makes them, takes them back, and sees when they were used."""

from __future__ import annotations

from refledger.domain.errors import (
    AlreadyDecided,
    ApiKeyNotFound,
    Conflict,
    KeyReused,
    SecondPersonNeeded,
    TooManyApiKeys,
)
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.api_keys import ApiKeyRotationBody, ApiKeyView, NewApiKey, ShownApiKeyView
from refledger.entry.models.common import NoBody, NoQuery, Page, PageQuery
from refledger.operations import api_keys
from refledger.operations.idempotency import Once

api = handler = Api()


@api.route(
    "POST /api/v1/api-keys", body=NewApiKey, answer=ShownApiKeyView, status=201, refuses=(TooManyApiKeys, KeyReused)
)
def create(request: Request[NewApiKey, NoQuery]) -> ShownApiKeyView:
    """Make an API key; the answer has its text, which is told this once."""
    context, by = config.context(), request.caller.user
    once = Once.of(context, by, request.route, request.key, request.body_hash)
    made, text = api_keys.create(context, request.body.to_key(live=config.is_live()), by, once)
    return ShownApiKeyView.shown(made, text, context.now_ms())


@api.route("GET /api/v1/api-keys", query=PageQuery, answer=Page[ApiKeyView], refuses=())
def list_keys(request: Request[NoBody, PageQuery]) -> Page[ApiKeyView]:
    """List API keys, newest first, revoked ones too."""
    context, now_ms = config.context(), config.context().now_ms()
    ids, following = request.page(api_keys.listed(context, request.position(""), request.query.limit + 1))
    shown = [ApiKeyView.of(each, now_ms) for each in api_keys.many(context, ids)]
    return Page[ApiKeyView](data=shown, next_cursor=following)


@api.route("GET /api/v1/api-keys/{apiKeyId}", answer=ApiKeyView, refuses=(ApiKeyNotFound,))
def read(request: Request[NoBody, NoQuery]) -> ApiKeyView:
    """Read an API key, without what opens."""
    context = config.context()
    return ApiKeyView.of(api_keys.find(context, request.id("apiKeyId")), context.now_ms())


@api.route(
    "POST /api/v1/api-keys/{apiKeyId}/confirm",
    answer=ApiKeyView,
    refuses=(ApiKeyNotFound, SecondPersonNeeded, AlreadyDecided, Conflict),
)
def confirm(request: Request[NoBody, NoQuery]) -> ApiKeyView:
    """Let a key that waits open what its scopes do; another admin than its maker must."""
    context = config.context()
    return ApiKeyView.of(
        api_keys.confirm(context, request.id("apiKeyId"), request.caller.user), context.now_ms()
    )  # fmt: skip


@api.route(
    "POST /api/v1/api-keys/{apiKeyId}/rotate",
    body=ApiKeyRotationBody,
    answer=ShownApiKeyView,
    refuses=(ApiKeyNotFound, Conflict, KeyReused),
)
def rotate(request: Request[ApiKeyRotationBody, NoQuery]) -> ShownApiKeyView:
    """Give a key another secret; the one until now goes on for a while. Only its maker may."""
    context, by, id = config.context(), request.caller.user, request.id("apiKeyId")
    once = Once.of(context, by, f"{request.route} {id}", request.key, request.body_hash)
    rotated, text = api_keys.rotate(context, id, by, once, request.body.overlap_hours)
    return ShownApiKeyView.shown(rotated, text, context.now_ms())


@api.route("DELETE /api/v1/api-keys/{apiKeyId}", answer=ApiKeyView, refuses=(ApiKeyNotFound,))
def revoke(request: Request[NoBody, NoQuery]) -> ApiKeyView:
    """Revoke an API key: from the next call on it opens nothing. It stays on the list."""
    context = config.context()
    return ApiKeyView.of(api_keys.revoke(context, request.id("apiKeyId"), request.caller.user), context.now_ms())
