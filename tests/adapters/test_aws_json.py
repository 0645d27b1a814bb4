"""Connections that stay open, and which client a service gets. What is asked and answered is in test_conformance.py."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError, SSLError

from refledger.adapters import aws, aws_json, keep_alive
from refledger.adapters.keep_alive import Connections
from refledger.adapters.sigv4 import Credentials
from tests.support.http_answers import CLOSE, SILENCE, Received, Server, answer, serving

REQUEST = b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}"
TRUE = answer(b"{}")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        running.will(TRUE)
        yield running


@pytest.fixture
def connections(server: Server) -> Connections:
    return Connections(f"http://{server.host}", "127.0.0.1", server.port, is_secure=False)


def test_one_socket_is_used_again(server: Server, connections: Connections) -> None:
    for _ in range(5):
        assert connections.exchange(REQUEST).body == b"{}"
    assert server.connections == 1


@pytest.mark.parametrize("last", [
    TRUE + CLOSE, answer(b"{}", connection="close"), TRUE + b"HTTP/1.1 200 OK\r\n", TRUE + TRUE,
    answer(b"{}").replace(b"1.1", b"1.0"), answer(b"{}", content_length=None) + CLOSE,
], ids=["closed while idle", "it says so", "bytes too many", "one too many", "HTTP/1.0", "no length"])  # fmt: skip
def test_nothing_is_left_for_the_next_call(last: bytes, server: Server, connections: Connections) -> None:
    """Each call has the answer to its own request, on a new connection; and none is sent twice."""
    server.will(last, answer(b'"mine"'))
    assert connections.exchange(REQUEST).body == b"{}"
    for kept in connections._idle:  # what comes late is on its way
        assert kept._readable.poll(60_000)
    assert connections.exchange(REQUEST).body == b'"mine"'
    assert [each.connection for each in server.received] == [1, 2]


@pytest.mark.parametrize("broken", [
    b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}" + CLOSE,
    b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n" + CLOSE,
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n more\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\nx: y\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{}",
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n",
    b"x" * 200_000 + CLOSE, CLOSE,
])  # fmt: skip
def test_what_is_no_whole_answer_ends_the_connection(
    broken: bytes, server: Server, connections: Connections
) -> None:  # fmt: skip
    """And what was on it is nobody's answer."""
    server.will(broken, answer(b'"mine"'))
    with pytest.raises(ConnectionClosedError):
        connections.exchange(REQUEST)
    assert connections.exchange(REQUEST).body == b'"mine"'
    assert [each.connection for each in server.received] == [1, 2]


@pytest.mark.parametrize("said", [SILENCE, answer(b"{}" * 9)[:-3] + SILENCE], ids=["nothing", "half of it"])
def test_an_answer_that_does_not_come(said: bytes, server: Server, connections: Connections) -> None:
    """Its time is over, and when it comes after all it is not the next call's."""
    connections.read_seconds = 0.05
    server.will(said, TRUE)
    with pytest.raises(ReadTimeoutError):
        connections.exchange(REQUEST)
    connections.read_seconds = 60
    assert connections.exchange(REQUEST).body == b"{}"
    assert [each.connection for each in server.received] == [1, 2]


def test_an_interruption_ends_the_connection(
    server: Server, connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends a call in its middle: the answer that is on its way is not the next one's."""
    connections.exchange(REQUEST)
    with monkeypatch.context() as patched:
        patched.setattr(keep_alive, "_status", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            connections.exchange(REQUEST)
    connections.exchange(REQUEST)
    assert [each.connection for each in server.received] == [1, 1, 2]


def test_threads_never_share_a_connection(server: Server, connections: Connections) -> None:
    """Each gets the answer to what it asked, and no more sockets stay open than calls go out at once."""

    def mirrored(received: Received) -> bytes:
        return answer(received.body)

    server.will(mirrored)
    bodies = [json.dumps({"n": number, "text": "x" * (number * 37 % 5000)}).encode() for number in range(400)]

    def ask(body: bytes) -> bytes:
        return connections.exchange(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)).body

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, bodies)) == bodies
    assert len(connections._idle) <= keep_alive.IDLE_LIMIT
    assert server.connections < 400


def test_credentials_say_nothing_and_fit_into_a_header() -> None:
    """Neither in a traceback's locals nor in a log; and none begins a header of its own."""
    shown = repr(Credentials("AKID", "the secret", "the token"))
    assert "AKID" in shown
    assert "the " not in shown
    for access_key, token in (("A\r\nx: y", ""), ("A", "t\nx"), ("Ä", "")):
        with pytest.raises(ValueError, match="no header") as refused:
            Credentials(access_key, "s", token)
        assert token not in str(refused.value) or not token


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of 127.0.0.1, which signs itself."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(context) as running:
        running.will(TRUE)
        yield running


def test_only_who_is_trusted_is_sent_anything(secure: Server, certificate: Path) -> None:
    """A certificate that nobody vouches for, or one of another host: nothing is said to it."""
    unknown = Connections(f"https://{secure.host}", "127.0.0.1", secure.port, is_secure=True)
    another = Connections("https://localhost", "localhost", secure.port, is_secure=True, certificates=str(certificate))
    for connections in (unknown, another):
        with pytest.raises(SSLError):
            connections.exchange(REQUEST)
    assert secure.received == []
    known = Connections(
        f"https://{secure.host}", "127.0.0.1", secure.port, is_secure=True, certificates=str(certificate)
    )
    for _ in range(3):
        assert known.exchange(REQUEST).body == b"{}"
    assert len({each.connection for each in secure.received}) == 1


# Which client


def own(service: str) -> Any:
    """The client, None where boto3's has to be used; that is not asked for anything."""
    return aws_json.client(service, None, lambda: pytest.fail("boto3 was asked"))


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in os.environ:
        if name.startswith("AWS_") or name.lower().endswith(("_proxy", "_bundle")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    return monkeypatch


@pytest.mark.parametrize("service", sorted(aws_json.SERVICES))
def test_hosts_are_those_that_boto3_knows(service: str, variables: pytest.MonkeyPatch) -> None:
    """In every region that it knows; where a host is another one, the call goes through boto3."""
    session = boto3.Session()
    regions = {
        region for partition in session.get_available_partitions()
        for region in session.get_available_regions(service, partition)
    }  # fmt: skip
    reached = 0
    resolver = session._session.get_component("endpoint_resolver")
    for region in sorted(regions):
        variables.setenv("AWS_DEFAULT_REGION", region)
        made = own(service)
        if made is not None:
            reached += 1
            prefix = session._session.get_service_model(service).endpoint_prefix
            assert made._connections.host == resolver.construct_endpoint(prefix, region)["hostname"]
    assert reached > 25


@pytest.mark.parametrize(("name", "value"), [
    ("AWS_DEFAULT_REGION", ""), ("AWS_DEFAULT_REGION", "us-iso-east-1"), ("AWS_DEFAULT_REGION", "eu-west-1.evil.test/"),
    ("AWS_USE_FIPS_ENDPOINT", "true"), ("AWS_USE_DUALSTACK_ENDPOINT", "true"), ("HTTPS_PROXY", "http://proxy:1"),
    ("https_proxy", "http://proxy:1"), ("AWS_ENDPOINT_URL", "https://vpce.test/path"),
    ("AWS_ENDPOINT_URL_DYNAMODB", "ftp://x:80"), ("AWS_ENDPOINT_URL", "https://user:secret@host"),
    ("AWS_ENDPOINT_URL", "http://[::1]:8000"), ("AWS_ENDPOINT_URL", "http://host:port"),
])  # fmt: skip
def test_what_only_boto3_knows_goes_to_it(name: str, value: str, variables: pytest.MonkeyPatch) -> None:
    """Other partitions, FIPS, two stacks, proxies, and endpoints that are more than a host."""
    assert own("dynamodb") is not None
    variables.setenv(name, value)
    assert own("dynamodb") is None


def test_endpoints_of_the_environment(variables: pytest.MonkeyPatch) -> None:
    """The service's own before everybody's, as with boto3."""
    variables.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    variables.setenv("AWS_ENDPOINT_URL_SFN", "https://vpce-1.states.test")
    for service in ("sqs", "stepfunctions"):
        made, theirs = own(service), boto3.client(service)
        assert made is not None
        assert made._connections.url == theirs.meta.endpoint_url


def test_other_services_and_other_operations_are_boto3s(variables: pytest.MonkeyPatch) -> None:
    """Its client is made when it is needed, once, and nothing of boto3 is before."""
    made: list[str] = []

    class Theirs:
        def scan(self) -> str:
            return "scanned"

    def make(service: str) -> Theirs:
        made.append(service)
        return Theirs()

    variables.setattr(aws, "boto3_client", make)
    for service in ("dynamodb", "s3"):
        client = aws.client.__wrapped__(service)
        with pytest.raises(AttributeError):
            _ = client._nothing
        assert service not in made
        assert (client.scan(), client.scan()) == ("scanned", "scanned")
        with pytest.raises(AttributeError):
            _ = client.nothing_of_the_kind
    assert made == ["dynamodb", "s3"]


@pytest.mark.parametrize(("value", "kind"), [("", aws_json.JsonClient), ("boto3", aws.Boto3Client)])
def test_one_variable_says_whose_client_it_is(value: str, kind: type, variables: pytest.MonkeyPatch) -> None:
    """boto3's stays the reference, and can be had for everything."""
    variables.setenv("HOT_PATH_CLIENT", value)
    assert {type(aws.client.__wrapped__(service)) for service in aws_json.SERVICES} == {kind}
