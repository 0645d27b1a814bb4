"""The operators' command, one module for each subject. Run from a laptop, against AWS or a local stack.

Exit status: 0 done, and nothing was found; 1 something was found that a person must look at; 2 it could not be done:
the arguments, the network, AWS or its permissions; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback

from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from refledger.cli import (
    admin,
    anchor,
    compare,
    dlq,
    forget,
    migrate,
    rebuild,
    rename_keys,
    replay,
    restore,
    shards,
    stopping,
    verify,
    withdrawals,
)
from refledger.cli.target import Usage
from refledger.domain.errors import Refledger
from refledger.store.transaction import RetryableConflict


def parser() -> argparse.ArgumentParser:
    """Make the parser: every command with its options."""
    parser = argparse.ArgumentParser(prog="refledger", description="Operate a deployment of refledger.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for subject in (
        stopping,
        verify,
        anchor,
        dlq,
        withdrawals,
        rebuild,
        replay,
        restore,
        shards,
        forget,
        admin,
        migrate,
        rename_keys,
        compare,
    ):
        subject.add_to(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command, and return the exit status.

    Raises SystemExit for arguments that are no command.
    """
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output has enough: say nothing, and not that all is right either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except Usage as error:
        return _fail(str(error))
    except ClientError as error:
        told = error.response["Error"]
        return _fail(f"{error.operation_name}: {told['Code']}: {told.get('Message', '')}")
    except NoRegionError:
        return _fail("no region: say --region, set AWS_REGION, or take a profile that has one")
    except (BotoCoreError, Refledger) as error:
        return _fail(str(error))
    except RetryableConflict as error:
        return _fail(f"the table is busy ({error}): try again")
    except Exception as error:  # Python would end with 1, which says that something is wrong in the books
        traceback.print_exc()
        return _fail(f"it broke off, and says nothing of the books: {type(error).__name__}: {error}")
    return status


def _fail(text: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"refledger: {' '.join(text.split())}\n")
    return 2
