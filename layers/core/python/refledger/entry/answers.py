"""What all HTTP answers have in common."""

from __future__ import annotations

import json
from typing import Any

from refledger.entry import problems

# Of every answer: nobody asks again without TLS, and no browser takes an answer for what it does not say it is
SAFE = {"strict-transport-security": "max-age=31536000; includeSubDomains", "x-content-type-options": "nosniff"}


def finished(answer: dict[str, Any], request_id: str, *, has_body: bool) -> dict[str, Any]:
    """Return an answer with what all have: headers that keep it safe, in a problem the id of the call."""
    body, headers = answer["body"], {**SAFE, **answer["headers"]}
    if headers.get("content-type") == problems.CONTENT_TYPE:
        body = json.dumps({**json.loads(body), "requestId": request_id}) if has_body else ""
    answer = {**answer, "headers": headers, "body": body}
    return answer if has_body else {**answer, "body": "", "isBase64Encoded": False}
