"""Lint what AWS::Serverless makes of template.yaml, which is what CloudFormation gets, and cdn.yaml.

Prints cfn-lint's findings; the exit code says whether there are any.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "local"))

from undocked.translation import translate  # noqa: E402

REGION = "eu-central-1"
RULES = Path(__file__).with_name("template.rules")  # our own
FIREWALLS = "us-east-1"  # of CloudFront are made there alone
# Whatever is off by default is linted once as it is when somebody asks for it, with nothing left out.
GIVEN = {
    "AlarmEmail": "ops@example.com",
    "ApiCertificateArn": "arn:aws:acm:eu-central-1:111122223333:certificate/1b2c",
    "ApiHost": "api.example.com",
    "CdnSecretArn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:refledger-cdn-AbCdEf",
    "LeadWebhooksSecretArn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:refledger-leads-AbCdEf",
    "MailFrom": "partners@example.com",
    "MailIdentityArn": "arn:aws:ses:eu-central-1:111122223333:identity/example.com",
    "ServiceClientIds": "abc",
    "SignInCallbackUrls": "https://partners.example.com/",
    "SignInDomain": "our-partners",
    "SnapStart": "true",
    "StripeEventSource": "aws.partner/stripe.com/ed_1",
    "StripePayoutsSecretArn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:refledger-stripe-AbCdEf",
}
# What a stack takes over from one that is gone, or after a restore, instead of making it
EXISTING = {
    "ExistingAccountsKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555",
    "ExistingHashKeyArn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:HashKey-abc-AbCdEf",
    "ExistingTable": "refledger-restored",
    "ExistingTableStreamArn": "arn:aws:dynamodb:eu-central-1:111122223333:table/refledger-restored/stream/2026-11-29",
    "ExistingUserPool": "eu-central-1_AbCdEfGhI",
    "ExistingUserPoolClient": "1h57kf5cpq17m0eml12example",
}
LIMIT_SECONDS = 300


def main() -> int:
    """Transform, write it down where a person can look at it, lint: as it is, and with all that can be asked for."""
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    made = translate(ROOT / "template.yaml", {}, ROOT / ".local" / "cache")
    status = _lint(_written(made, "transformed.json"), REGION) | _lint(ROOT / "cdn.yaml", FIREWALLS)
    made["Metadata"] = {"cfn-lint": {"config": {"ignore_checks": ["W2001"]}}}  # Release is read by the transform alone
    for shape, given in (("given", GIVEN), ("existing", GIVEN | EXISTING)):
        for name, value in given.items():
            made["Parameters"][name]["Default"] = value
        status |= _lint(_written(made, f"transformed-{shape}.json"), REGION)
    if status == 0:
        print(f"{len(made['Resources'])} resources linted as they are deployed")
    return status


def _written(template: dict[str, Any], name: str) -> Path:
    target = ROOT / ".local" / name
    target.write_text(json.dumps(template, indent=1), encoding="utf-8")
    return target


def _lint(template: Path, region: str) -> int:
    tool = str(Path(sys.executable).with_name("cfn-lint"))
    command = [tool, "--template", str(template), "--regions", region, "--custom-rules", str(RULES)]
    return subprocess.run(command, timeout=LIMIT_SECONDS).returncode


if __name__ == "__main__":
    sys.exit(main())
