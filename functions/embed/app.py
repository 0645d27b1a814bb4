"""The portal on the owner's own pages: its sessions, and the page that only these pages may show.

The page says how the program wants it to look, and nothing of anybody; what it shows it reads with the token of a
session, by the routes below /api/v1/embed.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from refledger.domain.errors import (
    Conflict,
    NotFound,
    PartnerNotFound,
    PartnerSuspended,
    ProgramNotFound,
    Unavailable,
)
from refledger.domain.portals import Portal
from refledger.domain.programs import Program, is_program_id
from refledger.entry import config, pages
from refledger.entry.http import Api, Delivery, Request
from refledger.entry.models.common import NoQuery, RawAnswer
from refledger.entry.models.portal_sessions import NewPortalSession, PortalSessionView
from refledger.entry.public_files import PublicFile
from refledger.operations.partners import portal_sessions

SITE = Path(__file__).parent / "site"
PAGES_KEPT = 32

api = handler = Api()


@api.route(
    "POST /api/v1/portal-sessions", body=NewPortalSession, answer=PortalSessionView, status=201,
    refuses=(PartnerNotFound, PartnerSuspended, ProgramNotFound, Conflict),
)  # fmt: skip
def begin(request: Request[NewPortalSession, NoQuery]) -> PortalSessionView:
    """Make a token by which a page of yours shows one partner their portal for some minutes, to read and share."""
    return PortalSessionView.of(portal_sessions.begin(config.context(), request.body.partner_id))


@api.route("GET /embed/{programId}", answer=RawAnswer, media=("text/html",), refuses=(NotFound, ProgramNotFound))
def page(delivery: Delivery) -> RawAnswer:
    """The portal as a page of the program's own origins shows it; 404 where the program names none."""
    id = delivery.path.get("programId", "")
    if not is_program_id(id):
        raise NotFound("there is no such program")
    program = config.context().program(id)
    portal = program.portal
    if not portal or not portal.allowed_origins:  # in the same words: nobody is to try which programs there are
        raise ProgramNotFound(f"there is no program {id}")
    policy = pages.policy(frames=portal.allowed_origins, images=[portal.logo_origin] if portal.logo_origin else [])
    headers = {**pages.ASKED_AGAIN, **pages.IN_A_FRAME, "content-security-policy": policy}
    return _filled(*_told(program, portal)).answer(delivery, "text/html; charset=utf-8", headers)


def _told(program: Program, portal: Portal) -> tuple[str, str, str, str, tuple[str, ...]]:
    return program.id, portal.name or program.name, portal.logo_url, portal.accent, portal.allowed_origins


@lru_cache(PAGES_KEPT)
def _filled(program: str, name: str, logo_url: str, accent: str, origins: tuple[str, ...]) -> PublicFile:
    try:
        text = (SITE / "embed.html").read_bytes()
    except FileNotFoundError:
        raise Unavailable("the pages were not built: run `make build`, which needs Node.js") from None
    told = {"program": program, "name": name, "logoUrl": logo_url, "accent": accent, "origins": origins}
    return PublicFile.of(pages.fill(text, json.dumps(told)))
