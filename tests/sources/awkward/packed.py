"""Files that are packed, whole and damaged, and files that are something else."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Mapping

import pyarrow as pa

from tests.sources.awkward import Case, reference, table

PLAIN = table().encode()
LONG = (table() + "\n" * 20_000).encode()


def zipped(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def zstd(content: bytes) -> bytes:
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(content)
    return bytes(packed.getvalue())


def damaged(content: bytes) -> bytes:
    """The content with some bytes in the middle turned round."""
    middle = len(content) // 2
    return content[:middle] + bytes(255 - byte for byte in content[middle : middle + 4]) + content[middle + 4 :]


TWO = {"pump": reference(), "fan": reference()}
TWO_NAMED = {"a/pump": reference(), "b/pump": reference()}
NEXT_STEP = "copy or export it again"

CASES = (
    Case(
        "zip that holds no table",
        {"pump.zip": zipped({"readme.txt": b"Made by hand, see the other folder"})},
        "refused",
        (r"pump\.zip: holds no table with rows, only 'readme\.txt'",),
    ),
    Case("gzip", {"pump.csv.gz": gzip.compress(PLAIN)}, "accepted"),
    Case("gzip of several pieces", {"pump.csv.gz": gzip.compress(PLAIN[:90]) + gzip.compress(PLAIN[90:])}, "accepted"),
    Case("gzip without its ending", {"pump.csv": gzip.compress(PLAIN)}, "accepted"),
    Case("gzip of UTF-16", {"pump.csv.gz": gzip.compress(table().encode("utf-16"))}, "warned", ("utf-16",)),
    Case("zstd", {"pump.csv.zst": zstd(PLAIN)}, "accepted"),
    Case("bzip2", {"pump.csv.bz2": bz2.compress(PLAIN)}, "accepted"),
    Case("xz", {"pump.csv.xz": lzma.compress(PLAIN)}, "accepted"),
    Case("text that is called .gz", {"pump.csv.gz": PLAIN}, "accepted"),
    Case("zip", {"export.zip": zipped({"pump.csv": PLAIN})}, "accepted"),
    Case("zip called .csv.zip", {"export.csv.zip": zipped({"pump.csv": PLAIN})}, "accepted"),
    Case("zip without its ending", {"export.csv": zipped({"pump.csv": PLAIN})}, "accepted"),
    Case("zip of two files", {"export.zip": zipped({"pump.csv": PLAIN, "fan.csv": PLAIN})}, "accepted", rows=TWO),
    Case(
        "zip of files in folders",
        {
            "export.zip": zipped(
                {"a/pump.csv": PLAIN, "b/pump.csv": PLAIN, "a/read.me": b"x", "__MACOSX/a/._pump.csv": b"x"}
            )
        },
        "accepted",
        rows=TWO_NAMED,
    ),
    Case("zip with paths that lead out", {"export.zip": zipped({"../../../tmp/pump.csv": PLAIN})}, "accepted"),
    Case("zip with paths from the root", {"export.zip": zipped({"/etc/pump.csv": PLAIN})}, "accepted"),
    Case("zip with paths of Windows", {"export.zip": zipped({"C:\\data\\pump.csv": PLAIN})}, "accepted"),
    Case(
        "zips beside each other",
        {"one.zip": zipped({"pump.csv": PLAIN}), "two.zip": zipped({"fan.csv": PLAIN})},
        "accepted",
        rows=TWO,
    ),
    Case(
        "zip with an error inside",
        {"export.zip": zipped({"pump.csv": PLAIN.replace(b"1236,", b"")})},
        "refused",
        (r"export\.zip/pump\.csv, line 5", "2 column"),
    ),
    Case(
        "zip without a table",
        {"export.zip": zipped({"read.me": b"hello"})},
        "refused",
        (r"export\.zip", "read.me", "Unpack it"),
    ),
    Case("zip of nothing", {"export.zip": zipped({})}, "refused", (r"export\.zip", "nothing")),
    Case("gzip of nothing", {"pump.csv.gz": gzip.compress(b"")}, "refused", (r"pump\.csv\.gz", "empty")),
    Case("gzip cut short", {"pump.csv.gz": gzip.compress(PLAIN)[:-20]}, "refused", (r"pump\.csv\.gz", NEXT_STEP)),
    Case("gzip without its sum", {"pump.csv.gz": gzip.compress(PLAIN)[:-4]}, "refused", (r"pump\.csv\.gz", NEXT_STEP)),
    Case("gzip damaged", {"pump.csv.gz": damaged(gzip.compress(PLAIN))}, "refused", (r"pump\.csv\.gz", NEXT_STEP)),
    Case("gzip with the wrong sum", {"pump.csv.gz": gzip.compress(PLAIN)[:-8] + b"\0" * 8}, "refused", (NEXT_STEP,)),
    Case("gzip head alone", {"pump.csv.gz": gzip.compress(PLAIN)[:6]}, "refused", (r"pump\.csv\.gz", NEXT_STEP)),
    Case("zstd cut short", {"pump.csv.zst": zstd(LONG)[:-20]}, "refused", (r"pump\.csv\.zst", NEXT_STEP)),
    Case("zstd damaged", {"pump.csv.zst": damaged(zstd(PLAIN))}, "refused", (r"pump\.csv\.zst",)),
    Case("zip cut short", {"export.zip": zipped({"pump.csv": PLAIN})[:-30]}, "refused", (r"export\.zip", NEXT_STEP)),
    Case("zip damaged", {"export.zip": damaged(zipped({"pump.csv": PLAIN}))}, "refused", (r"export\.zip", NEXT_STEP)),
    Case("xz cut short", {"pump.csv.xz": lzma.compress(PLAIN)[:-10]}, "refused", (r"pump\.csv\.xz", NEXT_STEP)),
    Case("bzip2 cut short", {"pump.csv.bz2": bz2.compress(PLAIN)[:-10]}, "refused", (r"pump\.csv\.bz2", NEXT_STEP)),
    Case(
        "a workbook",
        {"pump.csv": zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<x/>"})},
        "refused",
        (r"pump\.csv", "workbook", "as CSV"),
    ),
    Case("an old workbook", {"pump.csv": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100}, "refused", ("old Excel",)),
    Case("a web page", {"pump.csv": b"<!DOCTYPE html>\n<html>Please log in</html>\n"}, "refused", ("a web page",)),
    Case("JSON", {"pump.csv": b'[{"time": "2026-03-02", "flow": 1}]\n'}, "refused", ("JSON",)),
    Case("XML", {"pump.csv": b'<?xml version="1.0"?>\n<rows/>\n'}, "refused", ("XML",)),
    Case("a PDF", {"pump.csv": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"}, "refused", ("a PDF",)),
    Case("Parquet that is called .csv", {"pump.csv": b"PAR1" + b"\0" * 50 + b"PAR1"}, "refused", ("Parquet", "Rename")),
    Case("text that is called .parquet", {"pump.parquet": PLAIN}, "refused", (r"pump\.parquet", "Parquet")),
    Case("Parquet cut short", {"pump.parquet": b"PAR1" + b"\1" * 50}, "refused", (r"pump\.parquet", "cut short")),
    Case("a database", {"pump.csv": b"SQLite format 3\0" + b"\0" * 84}, "refused", ("SQLite",)),
)
