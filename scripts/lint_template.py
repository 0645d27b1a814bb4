"""Lint what AWS::Serverless makes of template.yaml, which is what CloudFormation gets, and cdn.yaml.

Prints cfn-lint's findings; the exit code says whether there are any.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from local.translation import translate  # noqa: E402

REGION = "eu-central-1"
FIREWALLS = "us-east-1"  # of CloudFront are made there alone
LIMIT_SECONDS = 300


def main() -> int:
    """Transform, write it down where a person can look at it, lint."""
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    made = translate(ROOT / "template.yaml", {}, ROOT / ".local" / "cache")
    target = ROOT / ".local" / "transformed.json"
    target.write_text(json.dumps(made, indent=1), encoding="utf-8")
    tool = str(Path(sys.executable).with_name("cfn-lint"))
    status = 0
    for linted, region in ((target, REGION), (ROOT / "cdn.yaml", FIREWALLS)):
        command = [tool, "--template", str(linted), "--regions", region]
        status |= subprocess.run(command, timeout=LIMIT_SECONDS).returncode
    if status == 0:
        print(f"{len(made['Resources'])} resources linted as they are deployed")
    return status


if __name__ == "__main__":
    sys.exit(main())
