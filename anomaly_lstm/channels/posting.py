"""One HTTP POST that is taken or fails: bounded in time, never redirected, never to anything but HTTP."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from anomaly_lstm.errors import DeliveryError
from anomaly_lstm.words import clean


class _Stay(HTTPRedirectHandler):
    """A redirected POST becomes a GET without its content: that would pass for delivered."""

    def redirect_request(self, *_: object) -> None:
        return None


def post(address: str, content: bytes, headers: Mapping[str, str], timeout_s: float) -> None:
    """POST ``content``; a user and password in the address become basic authentication.

    Raises DeliveryError unless the answer is 2xx.
    """
    parts = _parts(address)
    request = Request(_without_user(parts), data=content, headers={**headers, **_authorization(parts)}, method="POST")
    try:
        with build_opener(_Stay).open(request, timeout=timeout_s):
            return
    except HTTPError as problem:
        with problem:
            raise DeliveryError(_refusal(problem)) from None
    except URLError as problem:
        raise DeliveryError(f"it cannot be reached: {clean(str(problem.reason))}") from None
    except (OSError, HTTPException, ValueError) as problem:
        raise DeliveryError(f"no answer came: {clean(str(problem)) or type(problem).__name__}") from None


def _refusal(problem: HTTPError) -> str:
    try:
        said = clean(problem.read(200).decode("utf-8", errors="replace")).strip()
    except OSError:
        said = ""
    return f"the answer was {problem.code} {clean(str(problem.reason))}" + (f": {said}" if said else "")


def _parts(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise DeliveryError("its address is no http:// or https:// URL")
    return parts


def _without_user(parts: SplitResult) -> str:
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def _authorization(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
