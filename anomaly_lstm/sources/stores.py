"""Stores of files elsewhere and the addresses by which they are asked: how files are listed and how one is copied.

Buckets (``s3://``, ``gs://``, ``abfs://``) come by Arrow, which signs in as the programs of each store do: by the
environment, files of the user, or the role of the machine. ``https://`` needs nothing, ``sftp://`` asyncssh (extra
``sftp``) and a server that the user's known_hosts know.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import shutil
import urllib.error
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from anomaly_lstm.errors import MissingExtraError

if TYPE_CHECKING:
    from urllib.request import Request

TIMEOUT_S = 30
"""How long a store may keep silent [s]."""

_BLOCK = 1 << 20
_SIGNATURES = {"sig", "signature", "x-amz-signature", "x-goog-signature"}
_SIGNED = re.compile(
    r"x-amz-.*|x-goog-.*|signature|expires|awsaccesskeyid|googleaccessid|sig|se|st|sp|sv|sr|spr|skoid|sktid|skt|ske|sks|skv"
)
"""Names of what makes up a signature, anew each time; it names no file."""


@dataclass(frozen=True)
class Address:
    """The parts of an address as their store takes them. Only those of the web write marks such as ``#`` as ``%23``."""

    scheme: str
    user: str
    password: str = field(repr=False)
    host: str
    path: str
    query: str = field(default="", repr=False)

    @property
    def key(self) -> str:
        """The path in a store of buckets: its bucket first."""
        return f"{self.host}/{self.path.strip('/')}".rstrip("/")

    def at(self, path: str) -> str:
        """The url of another path in the same store."""
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        user = f"{quote(self.user, safe='')}{secret}@" if self.user else ""
        return f"{self.scheme}://{user}{self.host}/{path.lstrip('/')}"


def parts_of(url: str) -> Address:
    """Take an address apart."""
    scheme, _, rest = url.partition("://")
    head, slash, path = rest.partition("/")
    account, _, host = head.rpartition("@")
    user, _, password = account.partition(":")
    query = ""
    if scheme.lower() in ("http", "https"):
        web = urlsplit(url)
        host, path, query = web.netloc.rpartition("@")[2], unquote(web.path.lstrip("/")), web.query
    return Address(scheme.lower(), unquote(user), unquote(password), host, slash + path, query)


@dataclass(frozen=True)
class Remote:
    """One file elsewhere: its ``address`` as it is told, the ``url`` by which it is asked for, which may hold secrets,
    its size [bytes] and what tells one version of it from another, None where its store does not say.
    """

    address: str
    url: str = field(repr=False)
    size: int | None
    version: str | None


def has_marks(place: str) -> bool:
    """Say whether the path of an address is a pattern."""
    return any(mark in parts_of(place).path for mark in "*?[")


def shown(url: str) -> str:
    """An address as it may be told: without user and password, and instead of a query a short sum of what names the
    file in it, not of what signs it.
    """
    parts = parts_of(url)
    names = parse_qsl(parts.query, keep_blank_values=True)
    if any(name.lower() in _SIGNATURES for name, _ in names):
        names = [(name, value) for name, value in names if not _SIGNED.fullmatch(name.lower())]
    asked = f"?{hashlib.sha256(urlencode(names).encode()).hexdigest()[:8]}" if names else ""
    container = f"{parts.user}@" if parts.scheme in ("abfs", "abfss") and parts.user else ""
    return f"{parts.scheme}://{container}{parts.host}{parts.path}{asked}"


def said(problem: BaseException, url: str) -> str:
    """The first line of what a store says, without the password."""
    inner = getattr(problem, "reason", None) or problem
    line = (str(inner).strip() or type(problem).__name__).partition("\n")[0].rstrip(".")
    if isinstance(problem, urllib.error.HTTPError):
        line = f"the server says {problem.code} {problem.reason}"
    secret = parts_of(url).password
    return line.replace(quote(secret, safe=""), "***").replace(secret, "***") if secret else line


def errors() -> tuple[type[Exception], ...]:
    """What the stores raise; those of Arrow are errors of the operating system."""
    found: list[type[Exception]] = [OSError, EOFError, ValueError]
    try:
        import asyncssh
    except ImportError:
        return tuple(found)
    return (*found, asyncssh.Error)


# ---------------------------------------------------------------- the stores


@dataclass(frozen=True)
class Store:
    """How the files of one kind of store are listed, and copied."""

    listed: Callable[[str], list[Remote]]
    copied: Callable[[str, IO[bytes]], None]


def _bucket_of(url: str) -> tuple[Any, str, Callable[[str], str]]:
    """A store of Arrow, the path in it, and the url of another path in it."""
    from pyarrow import fs

    parts = parts_of(url)
    if parts.scheme == "s3":
        return _s3(parts.host), parts.key, lambda key: f"s3://{key}"
    if parts.scheme == "gs":
        return fs.GcsFileSystem(), parts.key, lambda key: f"gs://{key}"
    account, container = (parts.host.partition(".")[0], parts.user) if parts.user else ("", parts.host)
    store = fs.AzureFileSystem(
        account or os.environ.get("AZURE_STORAGE_ACCOUNT", ""),
        account_key=os.environ.get("AZURE_STORAGE_KEY"),
        sas_token=os.environ.get("AZURE_STORAGE_SAS_TOKEN"),
    )
    return store, f"{container}/{parts.path.strip('/')}".rstrip("/"), lambda key: parts.at(key.partition("/")[2])


def _s3(bucket: str) -> Any:
    from pyarrow import fs

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return fs.S3FileSystem(
        endpoint_override=endpoint,
        region=region or ("us-east-1" if endpoint else fs.resolve_s3_region(bucket)),
        connect_timeout=TIMEOUT_S,
        request_timeout=TIMEOUT_S,
    )


def _listed_in_bucket(url: str) -> list[Remote]:
    from pyarrow import fs

    store, path, url_of = _bucket_of(url)
    pattern = has_marks(url)
    infos = [] if pattern else [store.get_file_info(path)]
    if not infos or infos[0].type == fs.FileType.Directory:
        folder = _before_marks(path) if pattern else path
        infos = store.get_file_info(fs.FileSelector(folder, recursive=True))
    files = [one for one in infos if one.type == fs.FileType.File and (not pattern or _matches(one.path, path))]
    return [Remote(shown(url_of(one.path)), url_of(one.path), one.size, str(one.mtime_ns)) for one in files]


def _copied_from_bucket(url: str, copy: IO[bytes]) -> None:
    store, path, _ = _bucket_of(url)
    with store.open_input_stream(path) as stream:
        shutil.copyfileobj(stream, copy, _BLOCK)


def _before_marks(path: str) -> str:
    """The folders of a pattern before the first mark."""
    return "/".join(re.split(r"[*?\[]", path)[0].split("/")[:-1])


def _matches(path: str, pattern: str) -> bool:
    """Match part by part, as in a folder: ``*`` matches no ``/``, ``**`` any folders."""

    def fits(names: list[str], marks: list[str]) -> bool:
        if not marks:
            return not names
        if marks[0] == "**":
            return fits(names, marks[1:]) or bool(names and fits(names[1:], marks))
        return bool(names and fnmatch.fnmatchcase(names[0], marks[0]) and fits(names[1:], marks[1:]))

    return fits(path.split("/"), pattern.split("/"))


def _request(url: str, method: str) -> Request:
    """A request; user and password of the address go into a header."""
    from urllib.request import Request  # a tenth of a second that only those pay who read from the web

    parts = parts_of(url)
    plain = SplitResult(parts.scheme, parts.host, quote(parts.path), parts.query, "").geturl()
    request = Request(plain, method=method, headers={"User-Agent": "anomaly-lstm"})
    if parts.user:
        account = b64encode(f"{parts.user}:{parts.password}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {account}")
    return request


def _listed_by_http(url: str) -> list[Remote]:
    from email.utils import parsedate_to_datetime
    from urllib.request import urlopen

    if has_marks(url) or parts_of(url).path.endswith("/"):
        raise ValueError("a web server lists no files, so name each of them")
    try:
        answer = urlopen(_request(url, "HEAD"), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as problem:
        if problem.code not in (403, 405, 501):  # it may answer GET only
            raise
        answer = urlopen(_request(url, "GET"), timeout=TIMEOUT_S)
    with answer:
        size, version = answer.headers.get("Content-Length"), answer.headers.get("ETag")
        changed = answer.headers.get("Last-Modified")
    if changed and not version:
        version = str(int(parsedate_to_datetime(changed).timestamp()))
    return [Remote(shown(url), url, int(size) if size else None, version)]


def _copied_by_http(url: str, copy: IO[bytes]) -> None:
    from urllib.request import urlopen

    with urlopen(_request(url, "GET"), timeout=TIMEOUT_S) as answer:
        shutil.copyfileobj(answer, copy, _BLOCK)
        length = answer.headers.get("Content-Length")
    if length and copy.tell() != int(length):
        raise EOFError(f"{copy.tell():,} of {int(length):,} bytes came")


def _ssh(url: str) -> Any:
    """A connection to a server that the user's known_hosts know; by the keys of the user, or the address's password."""
    try:
        import asyncssh
    except ImportError:
        raise MissingExtraError(
            "asyncssh is not installed. Install it with `pip install 'anomaly-lstm[sftp]'`."
        ) from None
    parts = parts_of(url)
    host, _, port = parts.host.partition(":")
    told: dict[str, Any] = {"port": int(port)} if port else {}
    told |= {"username": parts.user} if parts.user else {}
    told |= {"password": parts.password} if parts.password else {}
    return asyncssh.connect(host, connect_timeout=TIMEOUT_S, keepalive_interval=TIMEOUT_S, **told)


def _listed_by_sftp(url: str) -> list[Remote]:
    import asyncio

    parts = parts_of(url)

    async def found() -> list[tuple[str, Any]]:
        async with _ssh(url) as connection, connection.start_sftp_client() as client:
            names = [parts.path]
            if has_marks(url) or await client.isdir(parts.path):
                pattern = parts.path if has_marks(url) else f"{parts.path.rstrip('/')}/**"
                names = [str(name) for name in await client.glob(pattern, error_handler=lambda _: None)]
            return [(name, await client.stat(name)) for name in names if await client.isfile(name)]

    return [
        Remote(shown(parts.at(name)), parts.at(name), attrs.size, str(attrs.mtime))
        for name, attrs in asyncio.run(found())
    ]


def _copied_by_sftp(url: str, copy: IO[bytes]) -> None:
    import asyncio

    async def copied() -> None:
        async with _ssh(url) as connection, connection.start_sftp_client() as client:
            await client.get(parts_of(url).path, copy.name)

    asyncio.run(copied())


_IN_BUCKETS = Store(_listed_in_bucket, _copied_from_bucket)
_BY_HTTP = Store(_listed_by_http, _copied_by_http)
STORES: Mapping[str, Store] = {
    "s3": _IN_BUCKETS,
    "gs": _IN_BUCKETS,
    "abfs": _IN_BUCKETS,
    "abfss": _IN_BUCKETS,
    "https": _BY_HTTP,
    "http": _BY_HTTP,
    "sftp": Store(_listed_by_sftp, _copied_by_sftp),
}
"""By the scheme of an address."""
