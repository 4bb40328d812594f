"""Words that plants write where a number was expected: no value, on and off, good and bad."""

from __future__ import annotations

import re

NO_VALUE_WORDS: tuple[str, ...] = tuple(
    """
    |na|n/a|n.a.|null|nil|none|nan|-nan|#n/a|#na|#nv|n/v|-|--|---|----|-----|.|..|...|?|??|???|*|**|***|****
    |bad|bad input|bad quality|bad data|bad value|no data|nodata|no value|novalue|no result|no sample|no good
    |i/o timeout|io timeout|timeout|time out|timed out|comm fail|comm failure|comm error|communication error|com fail
    |not connect|not connected|disconnected|offline|off-line|out of service|scan off|scan timeout|pt created
    |point created|pt deleted|calc failed|calc off|calc overflow|configure|intf shut|shutdown|arc off-line|arc offline
    |error|err|err.|err:502|#value!|#value|#ref!|#div/0!|#num!|#name?|#null!|#wert!|#bezug!|#zahl!|#valeur!|#valor!
    |#####|overflow|underflow|ovf|ovfl|ovl|over range|overrange|under range|underrange|out of range|inp outrange
    |invalid|missing|void|undefined|undef|unknown|not available|unavailable|no data available|device error
    |sensor error|sensor failure|sensor fault|wire break|open circuit|short circuit|drahtbruch|fehler|keine daten
    |ungültig|kein wert|sin datos|sem dados|error de lectura|pas de données|nessun dato|stale|bad_data|no_data|novalid
    |1.#qnan|-1.#ind|1.#inf|-1.#inf|nan(ind)|-nan(ind)|uncertain|failed|fail
    """.replace("\n", "")
    .replace("    |", "|")
    .strip()
    .lstrip("|")
    .split("|")
)
"""Lower case."""

TOTALS = (
    r"(?is)\W*(grand )?(total|sum|count|rows?|records?|average|avg|mean|min|max|minimum|maximum|std|end|eof|summe"
    r"|anzahl|mittelwert|gesamt|ende|suma|promedio|fin|total[e]?|moyenne|somme)\b.*"
)
"""How a line below a table begins that is none of its rows."""

STATE_PAIRS: tuple[tuple[str, str], ...] = (
    ("true", "false"),
    ("on", "off"),
    ("yes", "no"),
    ("y", "n"),
    ("open", "closed"),
    ("open", "close"),
    ("opened", "closed"),
    ("running", "stopped"),
    ("running", "idle"),
    ("run", "stop"),
    ("started", "stopped"),
    ("start", "stop"),
    ("active", "inactive"),
    ("enabled", "disabled"),
    ("energized", "deenergized"),
    ("high", "low"),
    ("ein", "aus"),
    ("an", "aus"),
    ("ja", "nein"),
    ("wahr", "falsch"),
    ("offen", "geschlossen"),
    ("auf", "zu"),
    ("läuft", "steht"),
    ("marche", "arrêt"),
    ("oui", "non"),
    ("vrai", "faux"),
    ("ouvert", "fermé"),
    ("sí", "no"),
    ("si", "no"),
    ("verdadero", "falso"),
    ("abierto", "cerrado"),
    ("abierta", "cerrada"),
    ("encendido", "apagado"),
    ("marcha", "paro"),
    ("aperto", "chiuso"),
    ("acceso", "spento"),
    ("sim", "não"),
    ("ligado", "desligado"),
    ("aberto", "fechado"),
)
"""(what becomes one, what becomes zero), lower case; a column of one of them is read by the first pair that fits."""
STATE_WORDS = frozenset(word for pair in STATE_PAIRS for word in pair)

GOOD = re.compile(
    r"(good|ok|okay|valid|gut|gültig|buen[oa]|bonn?e?|buon[oa]|bo[am]|g)\b.*|i\.?o\.?", re.IGNORECASE | re.DOTALL
)
BAD = re.compile(
    r"(bad|invalid|not[ _-]?(good|ok|valid)|nok|n\.?ok|failed"
    r"|schlecht|ungültig|mal[oa]|mauvaise?|cattiv[oa]|ruim|b)\b.*|n\.? ?i\.? ?o\.?|bad[A-Z]\w*",
    re.IGNORECASE | re.DOTALL,
)
UNCERTAIN = re.compile(
    r"(uncertain|questionable|suspect|unsicher|inciert[oa]|dudos[oa]|substituted|annotated|u|q|s)\b.*|uncertain[A-Z]\w*",
    re.IGNORECASE | re.DOTALL,
)

NUMBER = re.compile(r"\s*['\"]?[+-]?(\d[\d.,' \u00a0\u2009\u202f’]*|[.,]\d+)([eE][+-]?\d+)?\s*['\"]?")
MOMENT = re.compile(r"\s*['\"]?(\w{2,9}\.?,? )?\d{1,4}[-/.]\s?(\d{1,2}|[A-Za-z]{3,9})\.?[-/.]\s?\d{1,4}([T ,].*)?\s*")
CLOCK = re.compile(r"\s*\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?(\s*[AaPp]\.?\s?[Mm]\.?)?.*")
"""How numbers, dates and times of day look in a cell of text, whatever form they have."""
