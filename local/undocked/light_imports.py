"""Importing moto without what it prepares and nobody here needs: half of the CPU time of its import."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import boto3

from undocked.replacing import replaced

OPENAPI = (
    "openapi_spec_validator",
    "openapi_spec_validator.validation",
    "openapi_spec_validator.validation.exceptions",
)
INSTANCE_TYPES = "ec2/resources/instance_type"


@contextmanager
def light_imports() -> Iterator[None]:
    """In this block importing moto leaves out: lists of EC2's images and instance types, the validator of API Gateway's
    OpenAPI documents. Every service's regions come from one session, not from one each.
    """
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with ExitStack() as after:
        after.enter_context(replaced(boto3, "Session", functools.cache(boto3.Session), "boto3 1.44"))
        import moto.utilities.utils as utils

        load = utils.load_resource
        light = lambda name, *rest: {} if name.startswith(INSTANCE_TYPES) else load(name, *rest)  # noqa: E731
        after.enter_context(replaced(utils, "load_resource", light))
        if not any(name in sys.modules for name in OPENAPI):
            sys.modules.update({name: _validator(name) for name in OPENAPI})
            after.callback(lambda: [sys.modules.pop(name) for name in OPENAPI])
        yield


def _validator(name: str) -> ModuleType:
    """A stand-in for the module that moto's API Gateway imports to check what is imported there."""

    def validate(document: Any) -> None:
        raise NotImplementedError("documents are not imported into API Gateway here")

    made: Any = ModuleType(name)
    made.validate, made.OpenAPIValidationError = validate, type("OpenAPIValidationError", (Exception,), {})
    module: ModuleType = made
    return module
