"""What a template asks and the stack cannot do is refused at start, by resource and property."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from undocked.checks import KNOWN, check
from undocked.errors import StartError
from undocked.eventbridge import check_targets
from undocked.functions import provide_functions, read_functions
from undocked.machines import create_machines, provide_machines, read_definition
from undocked.mappings import read_mappings
from undocked.resources import IGNORED, RUN
from undocked.routes import read_api
from undocked.schedules import find_schedules
from undocked.secrets import Secrets
from undocked.template import Template
from undocked.testing import Stack, StartFailedError
from undocked_tests.conftest import SAMPLE

STACKS = itertools.count()  # names of stacks: two may be planned in one test
FUNCTION = {
    "Type": "AWS::Serverless::Function",
    "Properties": {"CodeUri": "f", "Handler": "app.handler", "Runtime": "python3.11"},
}


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing reaches a network, and nothing stays."""
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield


def plan(tmp_path: Path, resources: str | dict[str, Any], head: str = "", **parameters: str) -> Template:
    """Read a template as the stack does before it starts anything. Raises StartError."""
    (tmp_path / "f").mkdir(exist_ok=True)
    parsed = yaml.safe_load(textwrap.dedent(resources)) if isinstance(resources, str) else resources
    body = {**(yaml.safe_load(textwrap.dedent(head)) or {}), "Transform": "AWS::Serverless-2016-10-31"}
    path = tmp_path / "template.yaml"
    path.write_text(yaml.safe_dump({**body, "Resources": {"F": FUNCTION, **parsed}}))
    template = Template(path, f"s{next(STACKS)}", "123456789012", "eu-central-1", parameters)
    check(template)
    layers = provide_functions(template)
    template.provide("Api", "local", ApiId="local")
    provide_machines(template)
    template.create_in_moto()
    secrets = Secrets(tmp_path / "data")
    if "AWS::Serverless::StateMachine" in path.read_text():  # a client takes longer than all the rest
        create_machines(template, boto3.client("stepfunctions"))
    check_targets(template)
    read_functions(template, layers, secrets, 3)
    read_api(template)
    list(read_mappings(template))
    find_schedules(template)
    return template


def api(auth: str = "", events: str = "", properties: str = "") -> str:
    """Resources with an HTTP API and a route."""
    return f"""
        Api:
          Type: AWS::Serverless::HttpApi
          Properties: {{{properties}{"Auth: " + auth if auth else ""}}}
        G:
          Type: AWS::Serverless::Function
          Properties:
            CodeUri: f
            Handler: app.handler
            Runtime: python3.11
            Events: {{Get: {{Type: HttpApi, Properties: {{ApiId: {{Ref: Api}}, Path: /x, Method: GET{events}}}}}}}
    """


def event(kind: str, properties: str) -> str:
    """Resources with a function that has one event."""
    return f"""
        Q: {{Type: AWS::SQS::Queue}}
        B: {{Type: AWS::S3::Bucket}}
        T: {{Type: AWS::SNS::Topic}}
        G:
          Type: AWS::Serverless::Function
          Properties:
            CodeUri: f
            Handler: app.handler
            Runtime: python3.11
            Events: {{E: {{Type: {kind}, Properties: {{{properties}}}}}}}
    """


def function(properties: str) -> str:
    """Resources with a function of these properties."""
    return f"G: {{Type: AWS::Serverless::Function, Properties: {{Handler: a.b, Runtime: python3.11, {properties}}}}}"


def machine(definition: str, more: str = "") -> str:
    """Resources with a state machine."""
    return f"M: {{Type: AWS::Serverless::StateMachine, Properties: {{{more}Definition: {{StartAt: A, {definition}}}}}}}"


def variable(value: str) -> str:
    """Resources with a function that has one variable."""
    return function(f"CodeUri: f, Environment: {{Variables: {{K: {value}}}}}")


def rule(target: str) -> str:
    """Resources with a rule that has one target."""
    return (
        f"R: {{Type: AWS::Events::Rule, Properties: {{EventPattern: {{source: [a]}}, Targets: [{{Id: t, {target}}}]}}}}"
    )


def jwt(source: str, audience: str, issuer: str = "'https://i.example'") -> str:
    """The Auth of an API with one JWT authorizer."""
    configuration = f"{{issuer: {issuer}, audience: {audience}}}"
    return (
        f"{{DefaultAuthorizer: A, Authorizers: {{A: {{IdentitySource: {source}, JwtConfiguration: {configuration}}}}}}}"
    )


ARN = "arn:aws:lambda:eu-central-1:1:function:a"
OF_A_FUNCTION = (
    f"{{DefaultAuthorizer: A, Authorizers: {{A: {{FunctionArn: '{ARN}', AuthorizerPayloadFormatVersion: 2.0}}}}}}"
)
SCHEDULE = """
    S:
      Type: AWS::Scheduler::Schedule
      Properties:
        ScheduleExpression: rate(1 hour)
        FlexibleTimeWindow: {Mode: "OFF"}
        Target: {Arn: "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", RoleArn: r}
"""
SOCKET = "W: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: WEBSOCKET, RouteSelectionExpression: $x}}"
RAW_ROUTE = "R: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: x, RouteKey: GET /}}"
IMAGE = "G: {Type: AWS::Serverless::Function, Properties: {PackageType: Image, ImageUri: x}}"
KINESIS = "Stream: 'arn:aws:kinesis:eu-central-1:1:stream/s', StartingPosition: LATEST"
KAFKA = "Stream: 'arn:aws:kafka:eu-central-1:1:cluster/c/1', StartingPosition: LATEST, Topics: [t]"
ALARM = "Al: {Type: AWS::CloudWatch::Alarm, Properties: {}}"
FILES = "CodeUri: f, FileSystemConfigs: [{Arn: a, LocalMountPath: /mnt}]"
HEADER = "$request.header.Authorization"

REFUSED = {
    # APIs: nothing is served open that was meant to be closed
    "lambda authorizer": (api(OF_A_FUNCTION), "Api: authorizer A: request authorizers do not run here"),
    "IAM authorizer": (api("{EnableIamAuthorizer: true, DefaultAuthorizer: AWS_IAM}"), "AWS_IAM: awsSigv4 authorizers"),
    "JWT without audience": (api(jwt(HEADER, "[]")), "authorizer A: needs an issuer and an audience"),
    "token in the query": (api(jwt("$request.querystring.token", "[a]")), "A: IdentitySource $request.querystring"),
    "unknown authorizer": (api("{Authorizers: {}}", ", Auth: {Authorizer: Nobody}"), "Nobody"),
    "payload 1.0": (api(events=", PayloadFormatVersion: '1.0'"), "Api: GET /x: PayloadFormatVersion"),
    "settings of an unknown route": (
        api(properties="RouteSettings: {'GET /y': {ThrottlingBurstLimit: 1}}, "),
        "RouteSettings: there is no route GET /y",
    ),
    "CORS that the transform made a list of": (
        api(properties="CorsConfiguration: {AllowOrigins: {'Fn::Split': [',', 'https://a.example']}, MaxAge: 9}, "),
        "x-amazon-apigateway-cors: an object with origins, methods and headers is needed",
    ),
    "CORS with a text for a list": (
        api(properties="CorsConfiguration: {AllowOrigins: ['https://a.example'], AllowMethods: GET}, "),
        "x-amazon-apigateway-cors: allowMethods must be a list of texts",
    ),
    "CORS with a text for a number": (
        api(properties="CorsConfiguration: {AllowOrigins: ['https://a.example'], MaxAge: '9'}, "),
        "x-amazon-apigateway-cors: maxAge must be a number",
    ),
    "answers later than the gateway waits": (api(events=", TimeoutInMillis: 40000"), "GET /x: TimeoutInMillis: 40000"),
    "REST API": (event("Api", "Path: /x, Method: GET"), "AWS::ApiGateway::RestApi: REST APIs"),
    "websocket": (SOCKET, "W: ProtocolType: WEBSOCKET APIs do not run here"),
    "raw route": (RAW_ROUTE, "R: AWS::ApiGatewayV2::Route: routes are read from"),
    # functions
    "container image": (IMAGE, "G: PackageType: container images"),
    "inline code": (function("InlineCode: x"), "G: Code.ZipFile: inline code"),
    "another language": (function("CodeUri: f, Runtime: nodejs22.x"), "G: Runtime: nodejs22.x does not run here"),
    "file system": (function(FILES), "G: FileSystemConfigs: this property of AWS::Lambda::Function"),
    "code elsewhere": (function("CodeUri: 's3://b/k'"), "G: Code: only a directory"),
    "no such directory": (function("CodeUri: nowhere"), "nowhere is not a directory"),
    "published layer": (function(f"CodeUri: f, Layers: ['{ARN}:1']"), "is not of this template; published layers"),
    "function URL": (function("CodeUri: f, FunctionUrlConfig: {AuthType: NONE}"), "AWS::Lambda::Url: function URLs"),
    # events
    "Kinesis": (event("Kinesis", KINESIS), "GE: EventSourceArn: kinesis is not polled here"),
    "MSK": (event("MSK", KAFKA), "GE: Topics: this property"),
    "S3": (event("S3", "Bucket: {Ref: B}, Events: 's3:ObjectCreated:*'"), "B: NotificationConfiguration"),
    "SNS": (event("SNS", "Topic: {Ref: T}"), "Protocol: subscriptions by lambda"),
    "user pool": ("P: {Type: AWS::Cognito::UserPool, Properties: {LambdaConfig: {PreSignUp: x}}}", "P: LambdaConfig"),
    "IoT": (event("IoTRule", "Sql: SELECT 1"), "AWS::IoT::TopicRule: does not run here"),
    "logs": (event("CloudWatchLogs", "LogGroupName: l, FilterPattern: x"), "AWS::Logs::SubscriptionFilter"),
    "Alexa": (event("AlexaSkill", ""), "nothing here calls a function for alexa"),
    "target of a rule": (rule("Arn: 'arn:aws:logs:eu-central-1:1:log-group:g'"), "R: Targets: nothing is delivered to"),
    "kind of target": (rule("Arn: 'arn:aws:sqs:eu-central-1:1:q', HttpParameters: {}"), "R: Targets.HttpParameters"),
    # schedules
    "target of a schedule": (SCHEDULE, "S: Target: nothing is delivered to arn:aws:scheduler"),
    "cron with #": (event("Schedule", "Schedule: 'cron(0 8 ? * MON#1 *)'"), "not understood: MON#1"),
    "cron with W": (event("ScheduleV2", "ScheduleExpression: 'cron(0 8 15W * ? *)'"), "not understood: 15W"),
    "rate without plural": (event("Schedule", "Schedule: rate(5 minute)"), "not a rate: rate(5 minute)"),
    "unknown zone": (
        event("ScheduleV2", "ScheduleExpression: rate(1 hour), ScheduleExpressionTimezone: Mars/Olympus"),
        "Mars/Olympus",
    ),
    # state machines
    "express workflow": (machine("States: {A: {Type: Succeed}}", "Type: EXPRESS, "), "M: StateMachineType: EXPRESS"),
    "missing state": (machine("States: {A: {Type: Pass, Next: B}}"), "M: A.Next: there is no state B"),
    "JSONata": (machine("QueryLanguage: JSONata, States: {A: {Type: Succeed}}"), "M: QueryLanguage JSONata"),
    "missing substitution": (
        machine("States: {A: {Type: Task, Resource: '${Nothing}', End: true}}"),
        "${Nothing} is not in DefinitionSubstitutions",
    ),
    # anything
    "unknown type": ("X: {Type: AWS::RDS::DBInstance}", "X: AWS::RDS::DBInstance: does not run here, and is not known"),
    "nested stack": ("X: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: x}}", "nested stacks"),
    "reference to SSM": (variable("'{{resolve:ssm:/k:1}}'"), "G.K: references to ssm are not resolved here"),
    "strange secret": (variable("'{{resolve:secretsmanager:x:SecretString:k}}'"), "that the template does not declare"),
    "reference to nothing": (variable("{'Fn::GetAtt': [Al, Arn]}") + "\n" + ALARM, "G: "),
    "import": (variable("{'Fn::ImportValue': other}"), "G: "),
}


@pytest.mark.parametrize(("resources", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_run_is_refused(tmp_path: Path, resources: str, message: str) -> None:
    """The message names the resource and the property."""
    with pytest.raises(StartError) as refused:
        plan(tmp_path, resources)
    assert message in str(refused.value)


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    """One start tells of every resource that cannot run, not of the first."""
    with pytest.raises(StartError) as refused:
        plan(tmp_path, "X: {Type: AWS::RDS::DBInstance}\nY: {Type: AWS::ECS::Cluster}")
    assert "X: AWS::RDS" in str(refused.value)
    assert "Y: AWS::ECS" in str(refused.value)


def test_what_a_condition_leaves_out_is_not_refused(tmp_path: Path) -> None:
    """A resource that is not made here may be anything."""
    head = "Parameters: {Env: {Type: String, Default: dev}}\nConditions: {Prod: {'Fn::Equals': [{Ref: Env}, prod]}}"
    database = "X: {Type: AWS::RDS::DBInstance, Condition: Prod, Properties: {}}"
    assert not list(plan(tmp_path, database, head).of_type("AWS::RDS::DBInstance"))
    with pytest.raises(StartError, match="RDS"):
        plan(tmp_path, database, head, Env="prod")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "parameter Must has no default"),
        ({"Must": "x", "Other": "y"}, "the template has no such parameter"),
        ({"Must": "z"}, "not one of x, y"),
        ({"Must": "x", "Shape": "1"}, "does not match"),
    ],
)
def test_parameters_are_checked(tmp_path: Path, parameters: dict[str, str], message: str) -> None:
    """Missing ones, unknown ones, and values that the template does not allow."""
    head = """
        Parameters:
          Must: {Type: String, AllowedValues: [x, y]}
          Shape: {Type: String, Default: a, AllowedPattern: '[a-z]'}
    """
    with pytest.raises(StartError, match=message):
        plan(tmp_path, {}, head, **parameters)


@pytest.mark.parametrize("text", ["", "[]", "Resources: [", "Resources: 5", "Hello: world"])
def test_what_is_no_template_is_refused(tmp_path: Path, text: str) -> None:
    """Empty, not YAML, without resources: no traceback."""
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(StartError):
        Template(path, "s", "123456789012", "eu-central-1", {})


def test_the_issuer_may_depend_on_a_condition(tmp_path: Path) -> None:
    """Fn::If and Fn::Split in an authorizer's configuration resolve, also in lists."""
    head = "Parameters: {Issuer: {Type: String, Default: ''}}\nConditions: {Own: {'Fn::Equals': [{Ref: Issuer}, '']}}"
    issuer = "{'Fn::If': [Own, 'https://own.example', {Ref: Issuer}]}"
    auth = jwt("$request.header.Auth", "{'Fn::If': [Own, [own], {'Fn::Split': [',', 'a,b']}]}", issuer)
    own = read_api(plan(tmp_path, api(auth), head)).authorizers["A"]
    assert (own.issuer, own.audience, own.header) == ("https://own.example", ("own",), "auth")
    other = read_api(plan(tmp_path, api(auth), head, Issuer="https://other.example")).authorizers["A"]
    assert (other.issuer, other.audience) == ("https://other.example", ("a", "b"))


def test_a_route_without_authorizer_is_open_only_where_it_says_so(tmp_path: Path) -> None:
    """Authorizer: NONE opens one route, the default closes the others."""
    auth = jwt(HEADER, "[a]")
    assert read_api(plan(tmp_path, api(auth))).routes[0].authorizer
    assert read_api(plan(tmp_path, api(auth, ", Auth: {Authorizer: NONE}"))).routes[0].authorizer is None


def test_credentials_for_everybody_are_refused_behind_an_intrinsic_too(tmp_path: Path) -> None:
    """The transform sees it only where the configuration is written out."""
    head = "Conditions: {Given: {'Fn::Equals': [a, a]}}"
    cors = "CorsConfiguration: {'Fn::If': [Given, {AllowOrigins: ['*'], AllowCredentials: true}, {MaxAge: 1}]}, "
    with pytest.raises(StartError, match="allowCredentials must be"):
        read_api(plan(tmp_path, api(properties=cors), head))


def test_numbers_in_substitutions_stay_numbers(tmp_path: Path) -> None:
    """${Name} alone becomes the value; within a text it becomes part of it, quotes and all."""
    resources = """
        M:
          Type: AWS::Serverless::StateMachine
          Properties:
            DefinitionSubstitutions: {Seconds: 5, Words: 'say "hi"'}
            DefinitionUri: m.asl.yaml
    """
    (tmp_path / "m.asl.yaml").write_text(
        "StartAt: A\nStates: {A: {Type: Wait, Seconds: '${Seconds}', Comment: '<${Words}>', End: true}}"
    )
    template = plan(tmp_path, resources)
    state = read_definition(template, next(template.of_type("AWS::StepFunctions::StateMachine")))["States"]["A"]
    assert (state["Seconds"], state["Comment"]) == (5, '<say "hi">')


def test_the_machines_of_the_release_beside_are_in_force(tmp_path: Path) -> None:
    """Where it has them: a machine is updated once all calls go to the new code."""
    resources = "M: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: m.asl.yaml}}"
    beside = tmp_path / "beside"
    beside.mkdir()
    (tmp_path / "m.asl.yaml").write_text("StartAt: New\nStates: {New: {Type: Pass, End: true}}")
    template = plan(tmp_path, resources)
    machine = next(template.of_type("AWS::StepFunctions::StateMachine"))
    assert read_definition(template, machine, beside)["StartAt"] == "New"
    (beside / "m.asl.yaml").write_text("StartAt: Old\nStates: {Old: {Type: Pass, End: true}}")
    assert read_definition(template, machine, beside)["StartAt"] == "Old"


def test_the_tables_of_types_do_not_overlap() -> None:
    """A type runs or is ignored, and every ignored one has its reason."""
    assert not RUN & IGNORED.keys()
    assert all(IGNORED.values())
    assert KNOWN.keys() <= RUN
    assert not any(honoured & harmless for honoured, harmless in KNOWN.values())


def test_a_refusal_ends_the_start(tmp_path: Path) -> None:
    """The process says why, without a traceback, and ends with status 1.

    Here because a queue would show a message again while the function still works on it, which AWS refuses.
    """
    for part in ("functions", "layers", "statemachines"):
        (tmp_path / part).symlink_to(SAMPLE.with_name(part))
    path = tmp_path / "template.yaml"
    path.write_text(SAMPLE.read_text().replace("VisibilityTimeout: 60, Redrive", "VisibilityTimeout: 4, Redrive"))
    with pytest.raises(StartFailedError) as refused:
        Stack(path, data=tmp_path / "data").start()
    assert "exit status 1" in str(refused.value)
    assert "PaymentsFunctionQueue: VisibilityTimeout of the queue local-PaymentsQueue is 4" in str(refused.value)
    assert "Traceback" not in str(refused.value)
