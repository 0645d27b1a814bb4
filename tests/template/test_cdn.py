"""What may stand before the API, a stack of its own: it tells the functions who really calls, and nobody else can."""

from __future__ import annotations

import functools
import re
from fnmatch import fnmatch
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from refledger.entry import access
from tests.support.secrets import arn_of
from tests.template.deployed import FUNCTION, ROOT, of_type, referred
from tests.template.resolved import Resolved

NO_CACHE, ALL_BUT_HOST = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "b689b0a8-53d0-40ab-baf2-68738e2966ac"
CERTIFICATE = "arn:aws:acm:us-east-1:111122223333:certificate/1"


@functools.cache
def cdn() -> dict[str, Any]:
    """cdn.yaml as it is written."""
    found: dict[str, Any] = yaml_parse((ROOT / "cdn.yaml").read_text(encoding="utf-8"))
    return found


def properties(id: str) -> dict[str, Any]:
    found: dict[str, Any] = cdn()["Resources"][id]["Properties"]
    return found


def behaviors() -> list[dict[str, Any]]:
    config = properties("Distribution")["DistributionConfig"]
    return [config["DefaultCacheBehavior"], *config["CacheBehaviors"]]


def variables(**parameters: str) -> dict[str, dict[str, str]]:
    """The environment of each function with these parameters."""
    made = Resolved("shop", parameters).resources()
    return {id: told["Environment"]["Variables"] for id, kind, told in made if kind == FUNCTION}


def test_functions_believe_nobody_unless_a_secret_is_named() -> None:
    """Those that take calls are told where it is, and no others; without the parameter there is none."""
    calls = {
        referred(each["FunctionName"]).removesuffix("Aliaslive") for each in of_type("AWS::Lambda::Permission").values()
    }
    calls -= {"DispatchFunction"}  # it hands on what it was told
    arn = arn_of("refledger-cdn")
    for told, given in (("", variables()), (arn, variables(CdnSecretArn=arn))):
        names = {id: each["CDN_SECRET_ARN"] for id, each in given.items() if "CDN_SECRET_ARN" in each}
        assert names == dict.fromkeys(calls, told)


def test_what_a_viewer_says_of_its_address_is_overwritten() -> None:
    """Wherever a viewer's headers are passed on; CloudFront replaces a header of the viewer's by the origin's own."""
    (origin,) = properties("Distribution")["DistributionConfig"]["Origins"]
    (header,) = origin["OriginCustomHeaders"]
    assert header["HeaderName"] == "x-cdn-secret"
    assert header["HeaderValue"] == {"Fn::Sub": "{{resolve:secretsmanager:${SecretName}:SecretString}}"}
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    code = properties("Viewer")["FunctionCode"]
    assert "request.headers['x-viewer-address'] = {value: event.viewer.ip}" in code
    for behavior in behaviors():
        if "OriginRequestPolicyId" in behavior:
            assert behavior["OriginRequestPolicyId"] == ALL_BUT_HOST, "API Gateway knows itself by its own name"
            (association,) = behavior["FunctionAssociations"]
            assert association["EventType"] == "viewer-request"
        framed = behavior.get("PathPattern") == "/embed*"
        assert behavior["ResponseHeadersPolicyId"] == {"Ref": "Framed" if framed else "Headers"}
        assert behavior["ViewerProtocolPolicy"] in ("https-only", "redirect-to-https")


def test_every_answer_is_over_tls_the_gateways_too() -> None:
    """What the gateway says by itself has none of the functions' headers."""
    safe = properties("Headers")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert safe["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 31_536_000
    assert {"StrictTransportSecurity", "ContentTypeOptions", "FrameOptions", "ReferrerPolicy"} == set(safe)
    assert all(each["Override"] is True for each in safe.values())


def test_only_the_page_that_is_made_for_frames_may_stand_in_one() -> None:
    """Everything else is refused by every browser, as the policy of the pages says, too."""
    safe, framed = (
        properties(each)["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"] for each in ("Headers", "Framed")
    )
    assert safe.pop("FrameOptions")["FrameOption"] == "DENY"
    assert framed.pop("ReferrerPolicy") == {"ReferrerPolicy": "no-referrer", "Override": True}
    del safe["ReferrerPolicy"]
    assert framed == safe


def test_only_documents_are_kept() -> None:
    """Public GETs that say so themselves; clicks arrive, and what depends on a token is never anybody else's."""
    default, *others = behaviors()
    assert default["CachePolicyId"] == NO_CACHE
    kept = {each["PathPattern"] for each in others if each["CachePolicyId"] != NO_CACHE}
    public = {route.split()[1] for route, who in access.ROUTES.items() if who is None and route.startswith("GET ")}
    asked = {route.split()[1] for route in access.ROUTES}
    assert {path for path in asked if any(fnmatch(path, each) for each in kept)} == public - {"/r/{code}"}
    policy = properties("Documents")["CachePolicyConfig"]
    assert (policy["MinTTL"], policy["DefaultTTL"]) == (0, 0), "as their Cache-Control says"
    methods = {route.split()[0] for route in access.ROUTES} | {"OPTIONS", "HEAD"}
    assert methods <= set(default["AllowedMethods"])


def test_the_firewall_lets_webhooks_through_and_counts_by_address() -> None:
    """For CloudFront, by the address of who calls; what is signed is not counted."""
    acl = properties("Firewall")
    assert acl["Scope"] == "CLOUDFRONT"
    assert acl["DefaultAction"] == {"Allow": {}}
    assert properties("Distribution")["DistributionConfig"]["WebACLId"] == {"Fn::GetAtt": ["Firewall", "Arn"]}
    found = [rule["Statement"].get("RateBasedStatement") for rule in acl["Rules"]]
    clicks, requests = [rate for rate in found if rate]
    assert clicks["AggregateKeyType"] == requests["AggregateKeyType"] == "IP"
    match = clicks["ScopeDownStatement"]["ByteMatchStatement"]
    assert match["SearchString"] == "/r/"
    decoded = [each["Type"] for each in match["TextTransformations"]]
    assert decoded == ["URL_DECODE"], "the gateway takes /%72/ for /r/, and the firewall must see what it sees"
    let_by = requests["ScopeDownStatement"]["NotStatement"]["Statement"]["ByteMatchStatement"]["SearchString"]
    signed = [route.split()[1] for route, who in access.ROUTES.items() if who is None and route.startswith("POST ")]
    assert all(path.startswith(let_by) for path in signed)
    assert [rule["Priority"] for rule in acl["Rules"]] == list(range(len(acl["Rules"])))


def test_names_are_of_this_stack_alone() -> None:
    """CloudFront's are one namespace for the account: two stages stand beside each other."""
    named = [properties("Firewall"), properties("Viewer"), properties("Documents")["CachePolicyConfig"]]
    named += [properties(each)["ResponseHeadersPolicyConfig"] for each in ("Headers", "Framed")]
    assert all(each["Name"]["Fn::Sub"].startswith("${AWS::StackName}-") for each in named)
    assert len({each["Name"]["Fn::Sub"] for each in named}) == len(named)


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-2"])
def test_what_cannot_work_is_refused_at_once(region: str) -> None:
    """CloudFront takes firewalls and certificates of us-east-1 alone, and says so late."""
    rules = cdn()["Rules"]
    (assertion,) = rules["MadeThere"]["Assertions"]
    assert assertion["Assert"] == {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}
    assert {"NameNeedsCertificate", "CertificateNeedsName"} < set(rules)
    pattern = re.compile(cdn()["Parameters"]["CertificateArn"]["AllowedPattern"])
    assert pattern.fullmatch(CERTIFICATE)
    assert not pattern.fullmatch(CERTIFICATE.replace("us-east-1", region))
