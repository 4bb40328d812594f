"""``docs/tables.md``, made from the description that is published with the package: ``python -m tests.tables_page``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "tables.md"

HEAD = """# The tables

Every table that the program writes, or that people keep for it. The package has the same for programs, as a
[Data Package](https://datapackage.org) with a Table Schema per table: `anomaly_lstm/schemas/tables.json`. The nested
documents have JSON Schemas beside it: `alerts.schema.json` and others. In Python the folder is
`importlib.resources.files("anomaly_lstm") / "schemas"`.

Times are UTC in Parquet and in JSON (ISO 8601 with `Z`). `<sensor>` in a name stands for one column per sensor, by the
name that the plant gives it; (key) marks what tells one row from another.
"""


def described() -> list[Mapping[str, Any]]:
    """All tables, as they are published."""
    text = (files("anomaly_lstm") / "schemas" / "tables.json").read_text("utf-8")
    found: list[Mapping[str, Any]] = json.loads(text)["resources"]
    return found


def _table(one: Mapping[str, Any]) -> Iterator[str]:
    key = one["schema"].get("primaryKey", ())
    yield f"\n## {one['title']}\n"
    yield f"`{one['path']}` ({one['format']}, {one['access']}). {one['description']}\n"
    yield "| name | type | unit | means |"
    yield "|---|---|---|---|"
    for field in one["schema"]["fields"]:
        name = f"`{field['name']}`{' (key)' if field['name'] in key else ''}"
        yield f"| {name} | {field['type']} | {field.get('unit', '')} | {field['description']} |"


def page() -> str:
    return HEAD + "\n".join(line for one in described() for line in _table(one)) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
