"""The one exception by which the simulated server refuses a request."""

from collections.abc import Mapping


class ApiError(Exception):
    """A refusal with the text, code and status that Zulip answers with."""

    def __init__(
        self,
        message: str,
        code: str = "BAD_REQUEST",
        status: int = 400,
        *,
        extra: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        return {"result": "error", "msg": self.message, **self.extra, "code": self.code}


def invalid_message() -> ApiError:
    """What Zulip says of a message that is not there or not for these eyes."""
    return ApiError("Invalid message(s)")
