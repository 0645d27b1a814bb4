"""A shop that shows its partners their portal where they are signed in already.

pip install flask ./sdk/python
REFLEDGER_URL=… REFLEDGER_TOKEN=… PARTNER_ID=… flask --app examples/embedded-portal/app run

The program's `portal.allowedOrigins` names this page's origin, http://127.0.0.1:5000.
"""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask, Response, abort, jsonify, request

from refledger_sdk import Refledger

app = Flask(__name__)
PAGE = (Path(__file__).parent / "index.html").read_text(encoding="utf-8")


@app.get("/")
def account() -> str:
    return PAGE.replace("https://api.example.com", os.environ["REFLEDGER_URL"])


def signed_in_partner() -> str:
    """Your session says who is signed in, and never what the browser sends: they would see somebody else's portal."""
    return os.environ["PARTNER_ID"]


@app.post("/partner-token")
def partner_token() -> Response:
    """The token of the service (scope `portal:write`) stays here; what goes out is one partner's, for 15 minutes."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        abort(403)  # a page of somebody else's asks
    api = Refledger(os.environ["REFLEDGER_URL"], os.environ["REFLEDGER_TOKEN"])
    answer = jsonify(token=api.portal_sessions.create({"partnerId": signed_in_partner()})["token"])
    answer.headers["Cache-Control"] = "no-store"
    return answer
