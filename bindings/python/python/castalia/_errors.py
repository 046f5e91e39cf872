"""One exception for each kind of error, under the name of the kind."""

from __future__ import annotations

import builtins
from typing import Any, ClassVar


class Error(Exception):
    """Base class of all errors; the subclass says what the caller can do about it."""

    code: ClassVar[int] = 0
    """Stable number of the kind, the same in every language."""

    def __init__(
        self, message: str, operation: str = "", context: dict[str, str] | None = None
    ) -> None:
        super().__init__(message, operation, context or {})
        self.operation = operation
        self.context: dict[str, str] = context or {}

    def __str__(self) -> str:
        return str(self.args[0])


class InvalidArgumentError(Error, ValueError):
    """An argument or setting is invalid: fix the call or the settings."""

    code = 1


class NotReadyError(Error):
    """The start policy is not met because nothing is loaded yet: wait, or accept defaults."""

    code = 2


class NotFoundError(Error, LookupError):
    """The namespace has no release: publish it."""

    code = 3


class UnauthorizedError(Error):
    """The server rejected the access key: fix the secret or the clock."""

    code = 4


class BadRequestError(Error):
    """The server rejected the request as malformed: report it."""

    code = 5


class TimeoutError(Error, builtins.TimeoutError):  # noqa: A001
    """The caller's timeout expired."""

    code = 6


class TransportError(Error, ConnectionError):
    """No service could be reached, or all failed. The client keeps trying."""

    code = 7


class ProtocolError(Error):
    """The response violates the protocol: check what answers at that address."""

    code = 8


class ParseError(Error, ValueError):
    """A value or file does not have the expected format."""

    code = 9


class IoError(Error, OSError):
    """A local file cannot be read or written."""

    code = 10


class ClosedError(Error):
    """The client is closed."""

    code = 11


class InternalError(Error):
    """A bug in this library."""

    code = 12


def error_of(kind: str, message: str, operation: str, context: dict[str, str], **_: Any) -> Error:
    """The exception of an error of the native half, or of one in its metrics."""
    exception: type[Error] = globals()[f"{kind}Error"]
    return exception(message, operation, context)
