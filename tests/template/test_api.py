"""The HTTP API: what it offers, and to whom."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from refledger.entry import access
from tests.template.deployed import (
    FUNCTION,
    ROOT,
    Properties,
    aliases,
    api_operations,
    called,
    declared,
    function_id,
    of_type,
    referred,
    resources,
    statements,
)

ROUTES = {
    "programs": [
        "POST /api/v1/programs",
        "GET /api/v1/programs",
        "GET /api/v1/currencies",
        "POST /api/v1/programs/preview",
        "GET /api/v1/programs/{programId}",
        "PUT /api/v1/programs/{programId}",
        "POST /api/v1/programs/{programId}/pause",
        "POST /api/v1/programs/{programId}/resume",
        "POST /api/v1/programs/{programId}/archive",
        "GET /api/v1/programs/{programId}/changes",
        "GET /api/v1/programs/{programId}/changes/{changeId}",
        "POST /api/v1/programs/{programId}/changes/{changeId}/confirm",
        "POST /api/v1/programs/{programId}/changes/{changeId}/reject",
        "GET /api/v1/programs/{programId}/versions",
        "GET /api/v1/programs/{programId}/versions/{version}",
    ],
    "partners": [
        "GET /api/v1/partners/{partnerId}/links",
        "POST /api/v1/partners",
        "GET /api/v1/partners",
        "GET /api/v1/partners/{partnerId}",
        "POST /api/v1/partners/{partnerId}/activate",
        "POST /api/v1/partners/{partnerId}/deactivate",
        "POST /api/v1/partners/{partnerId}/suspend",
        "POST /api/v1/partners/{partnerId}/terminate",
        "POST /api/v1/partners/{partnerId}/link-user",
        "PUT /api/v1/partners/{partnerId}/commission",
        "PATCH /api/v1/partners/{partnerId}",
        "PUT /api/v1/partners/{partnerId}",
        "DELETE /api/v1/partners/{partnerId}",
        "PUT /api/v1/partners/{partnerId}/tags",
        "POST /api/v1/partners/bulk",
        "GET /api/v1/partners/by-code/{code}",
        "GET /api/v1/partners/by-email/{email}",
        "POST /api/v1/partners/validate-referral-code",
        "GET /api/v1/partners/{partnerId}/codes",
        "POST /api/v1/partners/{partnerId}/codes",
        "POST /api/v1/partners/{partnerId}/codes/rotate",
        "POST /api/v1/partners/{partnerId}/codes/{code}/disable",
        "POST /api/v1/partners/{partnerId}/codes/{code}/enable",
        "GET /api/v1/partners/{partnerId}/upline",
        "GET /api/v1/partners/{partnerId}/downline",
        "GET /api/v1/partners/{partnerId}/signals",
        "GET /api/v1/partners/{partnerId}/notes",
        "POST /api/v1/partners/{partnerId}/notes",
    ],
    "api_keys": [
        "POST /api/v1/api-keys",
        "GET /api/v1/api-keys",
        "GET /api/v1/api-keys/{apiKeyId}",
        "POST /api/v1/api-keys/{apiKeyId}/confirm",
        "POST /api/v1/api-keys/{apiKeyId}/rotate",
        "DELETE /api/v1/api-keys/{apiKeyId}",
    ],
    "invitations": [
        "POST /api/v1/invitations",
        "GET /api/v1/invitations",
        "DELETE /api/v1/invitations/{invitationId}",
        "POST /api/v1/invitations/{token}/accept",
        "POST /api/v1/applications",
        "GET /api/v1/me/applications",
        "GET /api/v1/applications",
        "GET /api/v1/applications/{applicationId}",
        "POST /api/v1/applications/{applicationId}/approve",
        "POST /api/v1/applications/{applicationId}/reject",
    ],
    "referrals": [
        "GET /api/v1/partners/{partnerId}/referrals",
        "POST /api/v1/referrals",
        "GET /api/v1/referrals",
        "GET /api/v1/referrals/{referralId}",
        "PATCH /api/v1/referrals/{referralId}",
        "PUT /api/v1/referrals/{referralId}",
        "DELETE /api/v1/referrals/{referralId}",
        "GET /api/v1/referrals/by-lead/{leadId}",
        "GET /api/v1/referrals/by-customer/{customerId}",
        "POST /api/v1/referrals/{referralId}/accept",
        "POST /api/v1/referrals/{referralId}/reject",
        "POST /api/v1/referrals/{referralId}/expire",
        "POST /api/v1/referrals/{referralId}/link-to-lead",
        "POST /api/v1/referrals/{referralId}/close",
        "POST /api/v1/referrals/process-conversion",
        "POST /api/v1/referrals/{referralId}/process-conversion",
        "POST /api/v1/referrals/check-expired",
        "POST /api/v1/referrals/bulk",
    ],
    "member_referrals": [
        "GET /api/v1/referrals/code",
        "POST /api/v1/referrals/apply/{code}",
        "GET /api/v1/referrals/stats",
    ],
    "member_withdrawals": [
        "POST /api/v1/referrals/withdraw",
        "GET /api/v1/referrals/withdrawals",
        "GET /api/v1/referrals/withdrawals/{withdrawalId}",
        "POST /api/v1/referrals/withdrawals/{withdrawalId}/cancel",
    ],
    "withdrawals": [
        "GET /api/v1/partners/{partnerId}/withdrawals",
        "GET /api/v1/inbox",
        "GET /api/v1/withdrawals",
        "GET /api/v1/withdrawals/{withdrawalId}",
        "GET /api/v1/withdrawals/{withdrawalId}/timeline",
        "POST /api/v1/withdrawals/{withdrawalId}/approve",
        "POST /api/v1/withdrawals/{withdrawalId}/reject",
        "POST /api/v1/withdrawals/{withdrawalId}/mark-paid",
        "POST /api/v1/withdrawals/{withdrawalId}/mark-failed",
        "POST /api/v1/withdrawals/{withdrawalId}/retry",
        "POST /api/v1/withdrawals/{withdrawalId}/mark-returned",
        "POST /api/v1/withdrawals/{withdrawalId}/resolve",
        "POST /api/v1/withdrawals/bulk-approve",
        "POST /api/v1/withdrawals/bulk-reject",
        "POST /api/v1/withdrawals/bulk-mark-paid",
    ],
    "payout_methods": [
        "GET /api/v1/payout-methods",
        "POST /api/v1/payout-methods",
        "DELETE /api/v1/payout-methods/{methodId}",
    ],
    "payout_batches": [
        "GET /api/v1/partners/{partnerId}/payout-methods",
        "POST /api/v1/partners/{partnerId}/payout-methods/{methodId}/verify",
        "POST /api/v1/payout-batches",
        "GET /api/v1/payout-batches",
        "GET /api/v1/payout-batches/{batchId}",
        "GET /api/v1/payout-batches/{batchId}/file",
    ],
    "adjustments": [
        "POST /api/v1/adjustments",
        "GET /api/v1/adjustments",
        "GET /api/v1/adjustments/{adjustmentId}",
        "POST /api/v1/adjustments/{adjustmentId}/approve",
        "POST /api/v1/adjustments/{adjustmentId}/reject",
    ],
    "rewards": [
        "GET /api/v1/partners/{partnerId}/rewards",
        "GET /api/v1/rewards",
        "GET /api/v1/rewards/{rewardId}",
        "GET /api/v1/rewards/{rewardId}/explain",
        "GET /api/v1/embed/rewards/{rewardId}/explain",
        "POST /api/v1/rewards/{rewardId}/hold",
        "POST /api/v1/rewards/{rewardId}/release",
        "POST /api/v1/rewards/{rewardId}/approve",
        "POST /api/v1/rewards/{rewardId}/cancel",
        "POST /api/v1/rewards",
        "PATCH /api/v1/rewards/{rewardId}",
        "PUT /api/v1/rewards/{rewardId}",
        "DELETE /api/v1/rewards/{rewardId}",
        "POST /api/v1/rewards/process-payment",
        "POST /api/v1/rewards/{rewardId}/process-payment",
        "POST /api/v1/rewards/bulk-approve",
        "POST /api/v1/rewards/bulk-cancel",
        "POST /api/v1/rewards/bulk-pay",
    ],
    "payments": [
        "GET /api/v1/payments",
        "GET /api/v1/payments/parked",
        "GET /api/v1/payments/duplicates",
        "POST /api/v1/payments/{paymentId}/duplicate",
        "GET /api/v1/payments/{paymentId}",
        "POST /api/v1/payments/{paymentId}/accept",
        "POST /api/v1/payments/{paymentId}/dismiss",
        "GET /api/v1/payments/{paymentId}/refunds",
        "POST /api/v1/payments/{paymentId}/refunds",
        "POST /api/v1/payments/{paymentId}/refunds/{refundId}/confirm",
        "POST /api/v1/payments/{paymentId}/refunds/{refundId}/undo",
        "GET /api/v1/disputes",
    ],
    "me": [
        "GET /api/v1/session",
        "GET /api/v1/me/program",
        "GET /api/v1/me",
        "PATCH /api/v1/me",
        "GET /api/v1/embed/program",
        "GET /api/v1/embed/links",
        "GET /api/v1/embed/balance",
        "GET /api/v1/embed/upcoming",
        "GET /api/v1/embed/rewards",
        "GET /api/v1/embed/referrals",
        "GET /api/v1/me/codes",
        "GET /api/v1/me/links",
        "GET /api/v1/me/referrals",
        "GET /api/v1/me/rewards",
        "GET /api/v1/me/upcoming",
        "GET /api/v1/me/balance",
        "GET /api/v1/me/statistics",
        "GET /api/v1/me/withdrawals",
        "GET /api/v1/me/payout-methods",
        "GET /api/v1/me/notifications",
        "PUT /api/v1/me/notifications",
    ],
    "embed": [
        "POST /api/v1/portal-sessions",
        "GET /embed/{programId}",
    ],
    "statements": [
        "GET /api/v1/partners/{partnerId}/statements/{month}",
        "GET /api/v1/me/statements/{month}",
    ],
    "links": [
        "GET /r/{code}",
    ],
    "analytics": [
        "GET /api/v1/programs/{programId}/statistics",
        "GET /api/v1/partners/statistics",
        "GET /api/v1/partners/top",
        "GET /api/v1/partners/{partnerId}/statistics",
        "GET /api/v1/me/performance",
        "GET /api/v1/embed/performance",
        "GET /api/v1/referrals/statistics",
        "GET /api/v1/referrals/sources",
        "GET /api/v1/referrals/funnel",
        "GET /api/v1/referrals/trends",
        "GET /api/v1/rewards/statistics",
        "GET /api/v1/rewards/trends",
        "GET /api/v1/payouts/summary",
        "GET /api/v1/analytics/overview",
        "GET /api/v1/analytics/cohorts",
        "GET /api/v1/analytics/forecast",
        "GET /api/v1/analytics/time-to-convert",
        "GET /api/v1/analytics/scorecards/{partnerId}",
        "GET /api/v1/ledger/trial-balance",
    ],
    "jobs": [
        "POST /api/v1/exports",
        "GET /api/v1/exports",
        "GET /api/v1/exports/{exportId}",
        "DELETE /api/v1/exports/{exportId}",
        "POST /api/v1/imports/partners",
        "GET /api/v1/imports",
        "GET /api/v1/imports/{importId}",
        "GET /api/v1/imports/{importId}/report",
        "GET /api/v1/imports/{importId}/report/file",
    ],
    "payout_webhooks": [
        "POST /api/v1/webhooks/stripe",
    ],
    "lead_webhooks": [
        "POST /api/v1/webhooks/referrals",
        "POST /api/v1/webhooks/hubspot",
    ],
    "events": [
        "POST /api/v1/events/lead",
        "POST /api/v1/events/sale",
        "POST /api/v1/webhooks/stripe-payments",
    ],
    "audit": [
        "GET /api/v1/audit",
        "GET /api/v1/people",
        "DELETE /api/v1/people/{personId}",
        "GET /api/v1/ledger/verification",
        "GET /api/v1/settings",
        "GET /api/v1/people/{personId}",
    ],
    "web": [
        "GET /",
        "GET /console",
        "GET /console/{screen}",
        "GET /console/{screen}/{thing}",
        "GET /portal",
        "GET /portal/{screen}",
        "GET /assets/{file}",
        "GET /t.js",
        "GET /embed.js",
    ],
    "docs": [
        "GET /api/v1/openapi.json",
        "GET /docs",
        "GET /docs/{file}",
        "GET /docs/problems",
        "GET /docs/problems/{problem}",
    ],
    "ledger": [
        "GET /api/v1/partners/{partnerId}/balance",
        "GET /api/v1/partners/{partnerId}/ledger",
        "GET /api/v1/ledger/entries",
        "GET /api/v1/ledger/entries/{entryId}",
        "GET /api/v1/ledger/balances",
    ],
}
LOOKED_AT = {"GET /r/{code}", *ROUTES["docs"], *ROUTES["web"], "GET /embed/{programId}"}
ANY = "X-AMAZON-APIGATEWAY-ANY-METHOD"
DISPATCHED: dict[str, Any] = {
    "HEAD /api/v1/{proxy+}": [{"Jwt": []}], f"{ANY} /keyed/{{proxy+}}": None, f"{ANY} /$default": None,
}  # fmt: skip
EMBEDDED = {route for route, who in access.ROUTES.items() if who and who.embedded}  # they look at the token themselves
HEADS = {route.replace("GET ", "HEAD ") for route in LOOKED_AT}
PERSONAL = ("identity", "authorizer", "sourceIp", "userAgent", "header", "claims", "$context.path")


def test_every_route_exists_once_and_goes_to_its_function() -> None:
    """The API offers exactly these routes; each function serves its own, and the API may call it, and nobody else."""
    found = [(called_by(operation), route) for route, operation in api_operations()]
    served = [(function_id(name), route) for name, routes in ROUTES.items() for route in routes]
    served += [(function, route.replace("GET ", "HEAD ")) for function, route in served if route in LOOKED_AT]
    served += [(function_id("dispatch"), route) for route in DISPATCHED]
    assert Counter(found) == Counter(served)
    allowed = of_type("AWS::Lambda::Permission").values()
    assert sorted(called(each["FunctionName"]) for each in allowed) == sorted(map(function_id, [*ROUTES, "dispatch"]))
    for each in allowed:
        assert (each["Action"], each["Principal"]) == ("lambda:InvokeFunction", "apigateway.amazonaws.com")
        assert each["SourceArn"]["Fn::Sub"].endswith(":execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*")


def called_by(operation: dict[str, Any]) -> str:
    """The logical id of the function that an operation goes to."""
    uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
    (id,) = re.findall(r"/functions/\$\{(\w+)(?:\.Arn)?\}", uri)
    return called({"Ref": id})


def test_every_route_has_a_rule_for_who_may_use_it() -> None:
    """The table of roles knows the routes of the API, and no others."""
    assert {route for route, _ in api_operations()} - HEADS - DISPATCHED.keys() == set(access.ROUTES)


def test_what_is_dispatched_finds_the_function_of_each_route() -> None:
    """The file beside it names them all, and it may call those that a token opens, and no others."""
    told = json.loads((ROOT / "functions" / "dispatch" / "routes.json").read_text(encoding="utf-8"))
    assert told == {route: name for name, routes in ROUTES.items() for route in routes}
    signed_in = {name for name, routes in ROUTES.items() if any(access.ROUTES[route] for route in routes)}
    named = of_type(FUNCTION)["DispatchFunction"]["Environment"]["Variables"]["FUNCTIONS"]["Fn::Sub"]
    assert {each.split("=")[0] for each in named.split(",")} == signed_in


def test_what_is_dispatched_is_called_as_the_api_calls_it() -> None:
    """By its alias where it has one: the function itself starts without its snapshot, with code that may go back."""
    by_api = {called_by(operation): operation for _, operation in api_operations()}
    named = of_type(FUNCTION)["DispatchFunction"]["Environment"]["Variables"]["FUNCTIONS"]["Fn::Sub"]
    (invoke,) = [each for each in statements("DispatchRole") if each["Action"] == "lambda:InvokeFunction"]
    ids = []
    for name, id in re.findall(r"(\w+)=\$\{(\w+)\}", named):
        (by_gateway,) = re.findall(r"/functions/\$\{(\w+)(?:\.Arn)?\}", json.dumps(by_api[function_id(name)]))
        assert id == by_gateway, name
        ids.append(id)
    assert [referred(each) for each in invoke["Resource"]] == ids, "and it may call that alone"
    assert set(aliases()) & set(ids), "some have one"


def test_what_anybody_may_get_they_may_look_at() -> None:
    """HEAD of the public GETs has limits of its own; that of the others is dispatched, with a token."""
    heads = {route for route, _ in api_operations() if route.startswith("HEAD ")} - DISPATCHED.keys()
    public = {route for route, who in access.ROUTES.items() if who is access.PUBLIC and route.startswith("GET ")}
    assert (heads, public) == (HEADS, LOOKED_AT)
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    for route in public:
        assert stage["RouteSettings"][route.replace("GET ", "HEAD ")] == stage["RouteSettings"][route]


def test_every_route_needs_a_token() -> None:
    """Each one names the authorizer, which checks issuer and audience; but for those whose callers sign instead."""
    security = {route: operation.get("security") for route, operation in api_operations()}
    assert (
        security
        == {
            route: None if route in HEADS | EMBEDDED or access.ROUTES[route] is access.PUBLIC else [{"Jwt": []}]
            for route in security.keys() - DISPATCHED.keys()
        }
        | DISPATCHED
    )
    (api,) = of_type("AWS::ApiGatewayV2::Api").values()
    scheme = api["Body"]["components"]["securitySchemes"]["Jwt"]["x-amazon-apigateway-authorizer"]
    assert scheme["type"] == "jwt"
    assert set(scheme["jwtConfiguration"]) == {"issuer", "audience"}


def test_another_issuer_takes_the_place_of_the_user_pool() -> None:
    """With an issuer given there is no user pool, and tokens must be of it and for its audience."""
    cognito = [r for r in resources().values() if r["Type"].startswith("AWS::Cognito::")]
    assert {r.get("Condition") for r in cognito} == {"OwnUserPool", "SignInPage"}
    assert {"Condition": "OwnUserPool"} in declared()["Conditions"]["SignInPage"]["Fn::And"]
    assert declared()["Conditions"]["UserPool"] == {"Fn::Equals": [{"Ref": "JwtIssuer"}, ""]}
    assert {"Condition": "UserPool"} in declared()["Conditions"]["OwnUserPool"]["Fn::And"]
    jwt = declared()["Resources"]["Api"]["Properties"]["Auth"]["Authorizers"]["Jwt"]["JwtConfiguration"]
    for part, parameter in (("issuer", "JwtIssuer"), ("audience", "JwtAudience")):
        condition, _, otherwise = jwt[part]["Fn::If"]
        assert condition == "UserPool"
        assert parameter in str(otherwise)
    assert "JwtAudience" in str(declared()["Rules"]["IssuerNeedsAudience"]["Assertions"])


def test_groups_are_the_roles_that_the_code_knows() -> None:
    """The user pool has the groups that the code looks for."""
    names = declared()["Parameters"]["RoleNames"]["Default"]
    groups = [group["GroupName"] for group in of_type("AWS::Cognito::UserPoolGroup").values()]
    assert groups == [{"Fn::Select": [place, {"Fn::Split": [",", {"Ref": "RoleNames"}]}]} for place in range(3)]
    assert names.split(",") == [str(role) for role in access.Role]


def test_a_password_alone_signs_nobody_in() -> None:
    """A second factor is asked of everybody, unless the owner says otherwise."""
    (pool,) = of_type("AWS::Cognito::UserPool").values()
    assert pool["MfaConfiguration"] == {"Ref": "UserPoolMfa"}
    assert declared()["Parameters"]["UserPoolMfa"]["Default"] == "ON"
    assert pool["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]


def number(told: Any) -> int:
    """A number, or that of a parameter."""
    return int(declared()["Parameters"][told["Ref"]]["Default"] if isinstance(told, dict) else told)


def test_what_anybody_may_ask_empties_no_bucket_of_others() -> None:
    """Each route that asks for no token is throttled apart from the API and below it: keys are looked up behind it."""
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    public = {route for route, who in access.ROUTES.items() if who is access.PUBLIC}
    assert set(stage["RouteSettings"]) == public | HEADS | EMBEDDED | {"$default", "ANY /keyed/{proxy+}"}
    for route, limits in stage["RouteSettings"].items():
        assert set(limits) == {"ThrottlingRateLimit", "ThrottlingBurstLimit"}, route
        assert number(limits["ThrottlingRateLimit"]) < number(stage["DefaultRouteSettings"]["ThrottlingRateLimit"]), (
            route
        )
    assert stage["RouteSettings"]["GET /docs"] == {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 20}


def test_access_log_says_nothing_about_people() -> None:
    """The access log has what is needed to follow a request, and neither address nor header nor token."""
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    log = stage["AccessLogSettings"]
    assert referred(log["DestinationArn"]) in of_type("AWS::Logs::LogGroup")
    written = log["Format"]["Fn::Sub"]
    for wanted in ("requestId", "routeKey", "status", "responseLatency", "error.responseType"):
        assert f"$context.{wanted}" in written
    assert [word for word in PERSONAL if word in written] == []


def test_throttled_and_open_to_named_origins_only() -> None:
    """The whole API is throttled, and pages of other origins than the given ones may not call it."""
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    assert {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= set(stage["DefaultRouteSettings"])
    cors = cross_origin()
    given = declared()["Parameters"]["AllowedOrigins"]["Default"]
    assert cors["allowOrigins"] == {"Fn::Split": [",", given]}
    assert "*" not in given
    assert "allowCredentials" not in cors
    assert {"authorization", "content-type", "idempotency-key", "if-match"} <= set(cors["allowHeaders"])
    assert {"etag", "content-disposition", "location", "retry-after"} <= set(cors["exposeHeaders"])
    assert {route.split()[0] for routes in ROUTES.values() for route in routes} <= set(cors["allowMethods"])
    assert {route.split()[0] for route, _ in api_operations() if route not in DISPATCHED} == set(cors["allowMethods"])


def cross_origin() -> Properties:
    """The API's CORS extension as it is deployed, for the case that origins are given; an object in every case.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-cors-configuration.html
    """
    (api,) = of_type("AWS::ApiGatewayV2::Api").values()
    condition, given, otherwise = api["Body"]["x-amazon-apigateway-cors"]["Fn::If"]
    assert declared()["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AllowedOrigins"}, ""]}]}
    assert otherwise == {"Ref": "AWS::NoValue"}
    assert isinstance(given, dict)
    assert set(given) == {"allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge"}
    return dict(given)


def test_origins_are_listed_as_browsers_name_them() -> None:
    """Several, or none; no blanks, no path and no star, which would match no origin or every one."""
    allowed = re.compile(declared()["Parameters"]["AllowedOrigins"]["AllowedPattern"])
    for good in ("", "https://a.example", "https://a.example,http://localhost:5173"):
        assert allowed.fullmatch(good), good
    for bad in ("*", "a.example", "https://a.example/", "https://a.example, https://b.example", "https://*.a.example"):
        assert not allowed.fullmatch(bad), bad


def test_functions_answer_before_the_gateway_gives_up() -> None:
    """A function that serves a route ends before the gateway's 30 seconds do."""
    for name in ROUTES:
        assert (ROOT / "functions" / name / "app.py").is_file()
        assert of_type(FUNCTION)[function_id(name)]["Timeout"] < 30
