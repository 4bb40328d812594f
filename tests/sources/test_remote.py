"""Files elsewhere: found, copied whole, told by their address, and nothing left behind."""

from __future__ import annotations

import sys
import tempfile
from base64 import b64encode
from pathlib import Path

import pytest

from anomaly_lstm.errors import DataError, MissingExtraError
from anomaly_lstm.sources import located, read, remote, resolve, stores
from anomaly_lstm.sources.stores import Remote
from tests.servers import Web
from tests.sources.places import put

CSV = "time,flow\n2026-03-01T00:00:00Z,1\n2026-03-01T00:01:00Z,{}\n"


def addresses(place: str | list[str]) -> list[str]:
    with located(place) as at:
        return [at.copies.name(path) for path in at.files]


@pytest.fixture
def plant(s3: str, tmp_path: Path) -> str:
    """A bucket with files of two pumps, and others."""
    for number, key in enumerate(
        ("a/pump-1.csv", "a/pump-2.csv", "b/deep/pump-3.csv", "a/_tmp.csv", "a/readme.md", "a/.hidden/pump-9.csv")
    ):
        (tmp_path / "it.csv").write_text(CSV.format(number))
        put(s3, f"plant/{key}", tmp_path / "it.csv")
    return "s3://plant"


# ---------------------------------------------------------------- finding


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("/a/pump-1.csv", ["/a/pump-1.csv"]),
        ("/a", ["/a/pump-1.csv", "/a/pump-2.csv"]),
        ("/a/", ["/a/pump-1.csv", "/a/pump-2.csv"]),
        ("", ["/a/pump-1.csv", "/a/pump-2.csv", "/b/deep/pump-3.csv"]),
        ("/a/pump-?.csv", ["/a/pump-1.csv", "/a/pump-2.csv"]),
        ("/*/pump-[12].csv", ["/a/pump-1.csv", "/a/pump-2.csv"]),
        ("/b/*.csv", []),
        ("/**/pump-[23].csv", ["/a/pump-2.csv", "/b/deep/pump-3.csv"]),
        ("/nowhere", []),
    ],
)
def test_a_file_a_folder_and_a_pattern_are_found_in_a_bucket(plant: str, place: str, found: list[str]) -> None:
    if found:
        assert addresses(f"{plant}{place}") == [f"{plant}{one}" for one in found]
    else:
        with pytest.raises(DataError, match=r"no file matches|no such file"):
            addresses(f"{plant}{place}")


def test_a_bucket_that_is_not_there_is_said(s3: str) -> None:
    with pytest.raises(DataError, match=r"s3://nobody/x/\*.csv: cannot be found: .*bucket does not exist"):
        resolve("s3://nobody/x/*.csv")


def test_files_here_and_elsewhere_are_one_source(plant: str, tmp_path: Path) -> None:
    (tmp_path / "pump-0.csv").write_text(CSV.format(7))
    reading = read([str(tmp_path / "pump-0.csv"), f"{plant}/a/pump-*.csv"])
    assert [asset.asset for asset in reading.assets] == ["pump-0", "pump-1", "pump-2"]
    assert [file.file for file in reading.files] == [
        str(tmp_path / "pump-0.csv"),
        "s3://plant/a/pump-1.csv",
        "s3://plant/a/pump-2.csv",
    ]


def test_a_folder_without_data_files_is_said(s3: str, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(b"%PDF")
    put(s3, "docs/x.pdf", tmp_path / "x.pdf")
    with pytest.raises(DataError, match=r"s3://docs/: holds no data files \(\.zip \.csv"):
        resolve("s3://docs")


ODD = ["a b#1.csv", "50%.csv", "Área 2;x.csv", "a:b.csv", "x\\..\\..\\y.csv", "x?y.csv", "a@b.csv", "${HOME}.csv"]


@pytest.mark.parametrize("number", range(len(ODD)))
def test_odd_names_in_a_bucket_are_read_and_never_lead_out_of_the_folder(s3: str, tmp_path: Path, number: int) -> None:
    (tmp_path / "it.csv").write_text(CSV.format(2))
    bucket, name = f"odd-{number}", ODD[number]
    put(s3, f"{bucket}/{name}", tmp_path / "it.csv")
    with located(f"s3://{bucket}") as at:
        (path,) = at.files
        at.copies.fetch(path)
        assert path.is_file()
        assert path.resolve().is_relative_to(Path(tempfile.gettempdir()).resolve())
        assert at.copies.name(path) == f"s3://{bucket}/{name}"
    assert len(read(f"s3://{bucket}").assets[0].time_us) == 2


def test_a_pattern_finds_files_by_sftp_and_a_folder_those_that_hold_data(sftp: str, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / "sftp" / "deep").mkdir(exist_ok=True)
        (tmp_path / "sftp" / "deep" / f"pump-{number}.csv").write_text(CSV.format(number))
    (tmp_path / "sftp" / "deep" / "note.txt.bak").write_text("x")
    host = f"sftp://ann:${{SFTP_PASSWORD}}@{sftp}"
    named = [f"sftp://{sftp}/deep/pump-{number}.csv" for number in (1, 2)]
    assert addresses(f"{host}/deep/pump-*.csv") == named
    assert addresses(f"{host}/deep") == named
    assert addresses(host + "/") == named


def test_the_web_lists_nothing(web: Web) -> None:
    with pytest.raises(DataError, match="lists no files, so name each of them"):
        resolve(f"{web.url}/*.csv")
    with pytest.raises(DataError, match="the server says 404"):
        resolve(f"{web.url}/pump.csv")


# ---------------------------------------------------------------- copying


def test_copies_are_gone_when_they_were_read(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    for name in ("a", "b"):
        (web.folder / f"{name}.csv").write_text(CSV.format(1))
    there: list[int] = []
    whole = remote.fetch

    def counted(file: Remote, to: Path) -> None:
        there.append(len([path for path in (tmp_path / "tmp").rglob("*.csv") if path.is_file()]))
        whole(file, to)

    monkeypatch.setattr(remote, "fetch", counted)
    read([f"{web.url}/a.csv", f"{web.url}/b.csv"])
    assert there == [0, 0]
    assert not list((tmp_path / "tmp").iterdir())


def test_a_copy_that_breaks_off_is_tried_again_and_then_told(web: Web, tmp_path: Path) -> None:
    (web.folder / "pump.csv").write_text(CSV.format(1))
    (file,) = stores.STORES["http"].listed(f"{web.url}/pump.csv")
    pauses: list[float] = []
    web.handler.truncated = 2
    remote.fetch(file, tmp_path / "copy", pauses.append)
    assert (tmp_path / "copy").read_text() == CSV.format(1)
    assert pauses == [1.0, 2.0]
    web.handler.truncated = 3
    with pytest.raises(DataError, match=rf"{web.url}/pump.csv: cannot be fetched: \d+ of \d+ bytes came"):
        remote.fetch(file, tmp_path / "copy", pauses.append)
    assert not (tmp_path / "copy").exists()


def test_what_the_server_refuses_is_not_asked_again(web: Web, tmp_path: Path) -> None:
    gone = Remote(f"{web.url}/gone.csv", f"{web.url}/gone.csv", 5, "1")
    with pytest.raises(DataError, match="the server says 404"):
        remote.fetch(gone, tmp_path / "copy", _never)


def _never(_: float) -> None:
    raise AssertionError("it is asked again")


# ---------------------------------------------------------------- secrets


def test_user_and_password_of_the_web_go_into_a_header_and_nowhere_else(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    (web.folder / "pump.csv").write_text(CSV.format(1))
    heard: list[str | None] = []
    answered = web.handler.send_head

    def noted(self: object) -> object:
        heard.append(self.headers.get("Authorization"))  # type: ignore[attr-defined]  # a request handler
        return answered(self)  # type: ignore[arg-type]  # a request handler

    monkeypatch.setattr(web.handler, "send_head", noted)
    monkeypatch.setenv("TOKEN", "s3/cr3t@x")
    reading = read(web.url.replace("http://", "http://ann:${TOKEN}@") + "/pump.csv")
    assert set(heard) == {f"Basic {b64encode(b'ann:s3/cr3t@x').decode()}"}
    assert [file.file for file in reading.files] == [f"{web.url}/pump.csv"]


def test_an_environment_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(DataError, match="environment variable NOT_SET_HERE is not set"):
        resolve("https://ann:${NOT_SET_HERE}@host.invalid/pump.csv")


def test_a_wrong_password_and_an_unknown_server_are_said_without_it(sftp: str, tmp_path: Path) -> None:
    (tmp_path / "sftp" / "pump.csv").write_text(CSV.format(1))
    with pytest.raises(DataError, match=r"cannot be found: Permission denied") as caught:
        resolve(f"sftp://ann:wr0ng@{sftp}/pump.csv")
    assert "wr0ng" not in str(caught.value)
    (tmp_path / "home" / ".ssh" / "known_hosts").write_text("")
    with pytest.raises(DataError, match=r"cannot be found: Host key is not trusted"):
        resolve(f"sftp://ann:${{SFTP_PASSWORD}}@{sftp}/pump.csv")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://ann:pw@h/a.csv", "https://h/a.csv"),
        ("https://h/a.csv?X-Amz-Signature=1&X-Amz-Date=2", "https://h/a.csv"),
        ("https://h/a.csv?sv=1&st=2&sig=3", "https://h/a.csv"),
        ("sftp://ann:p%2Fw@h:22/a%20b.csv", "sftp://h:22/a%20b.csv"),
        ("abfs://raw@plant.dfs.core.windows.net/a.csv", "abfs://raw@plant.dfs.core.windows.net/a.csv"),
        ("s3://bucket/a#?.csv", "s3://bucket/a#?.csv"),
    ],
)
def test_an_address_is_told_without_its_secrets(url: str, told: str) -> None:
    assert stores.shown(url) == told


def test_files_that_only_a_query_tells_apart_are_two(web: Web) -> None:
    one, other = (stores.shown(f"https://h/export.csv?st={n}&token=x") for n in (1, 2))
    assert one != other
    assert "token" not in one


def test_a_store_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncssh", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'anomaly-lstm\[sftp\]'"):
        resolve("sftp://h/a.csv")


def test_marks_match_part_by_part() -> None:
    matches = stores._matches
    assert matches("b/a/x.csv", "b/*/x.csv")
    assert not matches("b/a/c/x.csv", "b/*/x.csv")
    assert matches("b/x.csv", "b/**/x.csv")
    assert matches("b/a/c/x.csv", "b/**/x.csv")
    assert not matches("b/a/x.csv.gz", "b/**/x.csv")
