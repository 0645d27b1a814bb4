"""A double of Secrets Manager: texts by ARN, and the service's refusals."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError


def arn_of(name: str) -> str:
    """A secret's ARN, whole: with the six characters that the service adds."""
    return f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-AbCdEf"


HASH, STRIPE, LEADS, CDN = map(arn_of, ("hash-key", "stripe", "leads", "cdn"))


@dataclass
class SecretsManager:
    """`asked`: every ARN that was read. `failing`: the code that every call ends with."""

    texts: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    failing: str = ""

    def put(self, arn: str, text: str = "", /, **members: Any) -> None:
        """A new value: a text, or members that are put into the JSON object that is there."""
        self.texts[arn] = text or json.dumps(json.loads(self.texts.get(arn, "{}")) | members)

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:  # noqa: N803 the SDK's word
        self.asked.append(SecretId)
        if self.failing:
            raise refusal(self.failing)
        if SecretId not in self.texts:
            raise refusal("ResourceNotFoundException")
        return {"ARN": SecretId, "Name": "of-no-interest", "SecretString": self.texts[SecretId]}


def refusal(code: str) -> ClientError:
    """What the SDK raises for a code."""
    status = 500 if code == "InternalServiceError" else 400
    told: Any = {"Error": {"Code": code, "Message": "…"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "GetSecretValue")
