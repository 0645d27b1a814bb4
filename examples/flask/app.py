"""A shop that keeps by which link a visitor came, and tells refledger when they have paid.

pip install flask ./sdk/python
REFLEDGER_URL=… REFLEDGER_TOKEN=… flask --app examples/flask/app run
"""

from __future__ import annotations

import os
import secrets

from flask import Flask, Response, redirect, request

from refledger_sdk import Refledger, from_cookie, from_query, set_cookie

app = Flask(__name__)


@app.after_request
def remember(answer: Response) -> Response:
    """The cookie of a server lasts as long as it says; browsers cut that of a script to a week."""
    if came := from_query(request.args):
        answer.headers.add("Set-Cookie", set_cookie(came, days=30))
    return answer


@app.get("/")
def home() -> str:
    return '<form action="/checkout" method="post"><button>Buy for 100.00</button></form>'


@app.post("/checkout")
def checkout() -> Response:
    """Here the money would be taken: with Stripe, `client_reference_id=came.reference` says it all."""
    came = from_cookie(request.cookies)
    api = Refledger(os.environ["REFLEDGER_URL"], os.environ["REFLEDGER_TOKEN"])
    api.events.sale({
        "paymentId": f"order-{secrets.token_hex(8)}", "customerId": f"user-{secrets.token_hex(4)}",
        "amount": 10_000, "currency": "USD",
        **({"clickId": came.click_id, "referralCode": came.code} if came else {}),
    })  # fmt: skip
    return redirect("/?bought=1", 303)
