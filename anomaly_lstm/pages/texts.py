"""The languages of a page: one table of texts, and numbers, spans and dates to match.

English is what the program says everywhere; Spanish is said of the same words, so that there is no second vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from anomaly_lstm.alerts import rarity_words
from anomaly_lstm.clock import DAY, EPOCH, SECOND
from anomaly_lstm.pages import fleet_texts, replay_texts
from anomaly_lstm.words import clean, span

Int64 = NDArray[np.int64]

LANGUAGES = ("en", "es")

_OFFSET_STEP = 15 * 60 * SECOND
"""Clocks change at full quarters of an hour UTC, everywhere and since long [µs]."""

_UNITS = {
    "year": "año", "years": "años", "day": "día", "days": "días", "hour": "hora", "hours": "horas",
    "minute": "minuto", "minutes": "minutos", "second": "segundo", "seconds": "segundos", "or": "o", "more": "más",
    "a": "un", "h": "h", "min": "min", "s": "s",
}  # fmt: skip

MONTHS = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
           "noviembre", "diciembre"),
}  # fmt: skip
WEEKDAYS = {
    "en": ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "es": ("domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"),
}


@dataclass(frozen=True)
class Tongue:
    """A language, and the time zone in which it tells times."""

    language: str
    zone: tzinfo

    def say(self, text: str, **values: str) -> str:
        """A text of the table with its values; names are shown, never obeyed. Raises KeyError for an unknown text."""
        told = ENGLISH.get(text, text) if self.language == "en" else SPANISH[text]
        return told.format(**{name: clean(value) for name, value in values.items()}) if values else told

    def number(self, text: str) -> str:
        """A number as English writes it, with the decimal mark of the language: ``1,204.5`` or ``1.204,5``."""
        return text if self.language == "en" else text.translate(str.maketrans(",.", ".,"))

    def figure(self, value: float | None) -> str:
        """A measured value to four digits; an en dash where there is none."""
        return "–" if value is None or not np.isfinite(value) else self.number(_figure(value))

    def counted(self, count: int, one: str, several: str) -> str:
        """``1 row``, ``1,204 rows``: both forms stand in the table."""
        return f"{self.number(f'{count:,}')} {self.say(one if count == 1 else several)}"

    def span(self, seconds: float) -> str:
        """``41 h``, ``35 min``, ``5.2 days``."""
        return self.translated(span(seconds))

    def rarity(self, return_period_s: float) -> str:
        """``400 days``, ``1,000 years or more``."""
        return self.translated(rarity_words(return_period_s))

    def translated(self, words: str) -> str:
        """Figures and their units, such as ``1,000 years``."""
        if self.language == "en":
            return words
        return " ".join(_UNITS.get(word, self.number(word)) for word in words.split(" "))

    def percent(self, share: float) -> str:
        """``98.9 %``; what is there is never shown as none."""
        return self.number("< 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %")

    def day(self, us: int) -> str:
        """``4 March 2026``, as the plant's calendar has it."""
        local = self._local(us)
        month = MONTHS[self.language][local.month - 1]
        return (
            f"{local.day} de {month} de {local.year}" if self.language == "es" else f"{local.day} {month} {local.year}"
        )

    def moment(self, us: int) -> str:
        """``4 March 2026 02:10``, on the plant's clock."""
        return f"{self.day(us)}{',' if self.language == 'es' else ''} {self._local(us):%H:%M}"

    def short_moment(self, us: int) -> str:
        """``2026-03-04 02:10``, for tables."""
        return f"{self._local(us):%Y-%m-%d %H:%M}"

    def wall_us(self, time_us: Int64) -> Int64:
        """Times on the plant's clock [µs since 1970 there], (n,)."""
        steps, where = np.unique(time_us // _OFFSET_STEP, return_inverse=True)
        offsets = [self._offset_us(int(step) * _OFFSET_STEP) for step in steps]
        return time_us + np.array(offsets, np.int64)[where] if len(time_us) else time_us

    def wall(self, us: int) -> int:
        """One time on the plant's clock [µs since 1970 there]."""
        return us + self._offset_us(us)

    def _offset_us(self, us: int) -> int:
        return (self._local(us).utcoffset() or timedelta()) // timedelta(microseconds=1)

    def _local(self, us: int) -> datetime:
        return (EPOCH + timedelta(microseconds=us)).astimezone(self.zone)

    @property
    def zone_name(self) -> str:
        return self.zone.key if isinstance(self.zone, ZoneInfo) else str(self.zone)


def _figure(value: float) -> str:
    """Four digits without an exponent where a person would write none."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def round_step(span_us: int, most: int) -> int:
    """The smallest of the steps that calendars and clocks have [µs] of which a span holds at most so many."""
    hours = (1, 3, 6, 12, 24, 7 * 24, 14 * 24, 28 * 24, 91 * 24, 364 * 24)
    steps = [SECOND, 10 * SECOND, 60 * SECOND, 600 * SECOND, *(3600 * SECOND * h for h in hours)]
    return next((step for step in steps if span_us <= most * step), 10 * 365 * DAY)


SPANISH: Mapping[str, str] = {
    **replay_texts.SPANISH,
    # states, severities, kinds, verdicts
    "SCORED": "puntuada",
    "WARM_UP": "calentamiento",
    "NO_DATA": "sin datos",
    "SENSOR_BAD": "faltan sensores",
    "OUT_OF_STATE": "parado, o sin juzgar",
    "why SCORED": "tiene puntuación",
    "why WARM_UP": "demasiado pronto en un tramo para decir algo",
    "why NO_DATA": "no se midió nada",
    "why SENSOR_BAD": "se midieron muy pocos sensores",
    "why OUT_OF_STATE": "el equipo estaba parado, o se pidió no juzgarlo",
    "advisory": "aviso",
    "warning": "advertencia",
    "critical": "crítica",
    "the limit of warning": "el límite de advertencia",
    "the limit of critical": "el límite de crítica",
    "deviation": "desviación",
    "no_data": "sin datos",
    "sensor_bad": "sensor malo",
    "real": "real",
    "false": "falsa",
    "known": "conocida",
    "sensor": "sensor",
    "process": "proceso",
    "planned": "planificada",
    "failure": "fallo",
    "anomaly": "anomalía",
    "maintenance": "mantenimiento",
    "sensor_change": "cambio de sensor",
    "calibration": "calibración",
    "process_change": "cambio de proceso",
    "normal": "normal",
    "ignore": "no juzgar",
    # sentences
    "in normal operation this comes about once in {time}": "en operación normal ocurre una vez cada {time}",
    "{sensor} beyond its bound of {level}": "{sensor} fuera de su límite de {level}",
    "no data since {since}": "sin datos desde el {since}",
    "unusual behaviour since {since}": "comportamiento inusual desde el {since}",
    "{sensor} without values since {since}": "{sensor} sin valores desde el {since}",
    "and": "y",
    " ({sensors} too)": " (también {sensors})",
    "{sensor} is unusual": "{sensor} es inusual",
    " since {since}": " desde el {since}",
    "{sensor} {value}, {gap} above expected": "{sensor} {value}, {gap} por encima de lo esperado",
    "{sensor} {value}, {gap} below expected": "{sensor} {value}, {gap} por debajo de lo esperado",
    "{what} in about {middle} ({low} to {high}) if load and trend stay.": (
        "{what} en unas {middle} (de {low} a {high}) si la carga y la tendencia siguen."
    ),
    "When {sensor} reaches {level}, nobody can say ({why}).": (
        "Nadie puede decir cuándo {sensor} llega a {level} ({why})."
    ),
    "When it reaches {what}, nobody can say ({why}).": "Nadie puede decir cuándo llega: {what} ({why}).",
    "{what}: not in the time that its trend can tell of.": "{what}: no en el plazo que su tendencia permite ver.",
    "{what}: too few rows since the onset to say when.": "{what}: hay pocas filas desde el inicio para decir cuándo.",
    "no trend": "sin tendencia",
    "interval too wide": "intervalo demasiado ancho",
    "too little data": "muy pocos datos",
    "unseen regime": "régimen nunca visto",
    # the head of the page
    "{asset}: nothing could be scored": "{asset}: nada se pudo puntuar",
    "{asset}: no alert stands": "{asset}: ninguna alerta activa",
    "{pipeline} · {start} to {end} · times in {zone}": "{pipeline} · del {start} al {end} · horas de {zone}",
    "stands": "activa",
    "is over": "terminada",
    "since {since}": "desde el {since}",
    "told {told}": "avisada el {told}",
    "no alert": "ninguna alerta",
    "alerts before, all over": "alertas anteriores, todas terminadas",
    "return period of the last scored row": "período de retorno de la última fila puntuada",
    "of the rows have a score": "de las filas tienen puntuación",
    "to {level} of {sensor} ({low} to {high})": "hasta {level} de {sensor} (de {low} a {high})",
    "without values": "sin valores",
    "no score while data are missing": "sin puntuación mientras faltan datos",
    "in normal operation comes about once in": "en operación normal ocurre una vez cada",
    "As it was told:": "Tal como se avisó (en inglés):",
    "Also stands:": "También activas:",
    "acknowledged by {name}": "reconocida por {name}",
    "shelved until {time}": "apartada hasta el {time}",
    "suppressed": "suprimida",
    "out of service": "fuera de servicio",
    "stale": "sin filas puntuadas desde hace mucho",
    "verdict {verdict} by {name}": "veredicto {verdict} de {name}",
    "closed": "cerrada",
    ", though it still deviates": ", aunque sigue desviada",
    "awaits a verdict": "espera un veredicto",
    "nobody has acknowledged it": "nadie la ha reconocido",
    "work order {order}": "orden de trabajo {order}",
    "The pictures could not be drawn; the tables below tell the same.": (
        "No se pudieron dibujar las gráficas; las tablas dicen lo mismo."
    ),
    "Without scripts there are no pictures; the tables below tell the same.": (
        "Sin scripts no hay gráficas; las tablas dicen lo mismo."
    ),
    # what zooms
    "Around the alert": "Alrededor de la alerta",
    "Reset": "Restablecer",
    "Last day": "Último día",
    "Last 7 days": "Últimos 7 días",
    "All": "Todo",
    "Earlier": "Antes",
    "Later": "Después",
    "Nearer": "Acercar",
    "Wider": "Alejar",
    "What the pictures show": "Qué muestran las gráficas",
    "Arrow keys move, + and − zoom, Home shows all, Escape goes back.": (
        "Las flechas desplazan, + y − acercan y alejan, Inicio muestra todo, Escape vuelve."
    ),
    # pictures
    "How rare": "Qué tan raro",
    "In normal operation a row this strange comes about once in that time. Shaded from the top: the severities. "
    "Shaded upright: while an alert stood; dotted: its onset.": (
        "En operación normal una fila tan extraña ocurre una vez en ese tiempo. Sombreado desde arriba: las "
        "severidades. Sombreado vertical: mientras una alerta estuvo activa; con puntos: su inicio."
    ),
    "What was scored": "Qué se puntuó",
    "Which share of the rows has a score, and why the others have none. Framed: events that people noted.": (
        "Qué parte de las filas tiene puntuación, y por qué las demás no. Enmarcado: los eventos que se anotaron."
    ),
    "Which sensors": "Qué sensores",
    "The stronger the colour, the more a sensor adds to what is strange: its share, times how many powers of ten "
    "the row is rare.": (
        "Cuanto más fuerte el color, más aporta un sensor a lo extraño: su parte por las potencias de diez de "
        "la rareza de la fila."
    ),
    "{shown} of {all} sensors, those that add most.": "{shown} de {all} sensores, los que más aportan.",
    "A context: it explains the others and is never scored.": "Un contexto: explica a los demás y nunca se puntúa.",
    "Line: measured. Dotted: expected.": "Línea: medido. Puntos: esperado.",
    "Line: measured. Dotted: expected, with the band in which nine in ten normal rows lie.": (
        "Línea: medido. Puntos: esperado, con la banda en que caen nueve de cada diez filas normales."
    ),
    "{picture} as a table": "{picture}: como tabla",
    "return period": "período de retorno",
    "once in": "una vez cada",
    "years": "años",
    "onset": "inicio",
    "raised": "avisada",
    "cleared": "terminada",
    "expected": "esperado",
    "measured": "medido",
    "bound {level}": "límite {level}",
    "comes to its bound": "llega a su límite",
    # tables
    "from": "desde",
    "at": "a las",
    "strangest row: once in": "fila más extraña: una vez cada",
    "Nothing was scored in that time.": "No se puntuó nada en ese tiempo.",
    "Nothing was measured in that time.": "No se midió nada en ese tiempo.",
    "state": "estado",
    "rows": "filas",
    "row": "fila",
    "share": "parte",
    "means": "significa",
    "share when it added most": "parte cuando más aportó",
    "lowest": "mínimo",
    "highest": "máximo",
    "expected, lowest": "esperado, mínimo",
    "expected, highest": "esperado, máximo",
    "Alerts": "Alertas",
    "severity": "severidad",
    "led by": "sensor principal",
    "case": "caso",
    "id": "id",
    "No alert was raised in this time.": "No hubo alertas en este tiempo.",
    "Data quality": "Calidad de los datos",
    "unit": "unidad",
    "missing": "faltan",
    "last value": "último valor",
    "The scores hold no sensors (they were written with --detail score).": (
        "Las puntuaciones no traen sensores (se escribieron con --detail score)."
    ),
    "Not drawn: {sensors}.": "Sin gráfica: {sensors}.",
    "Noted when the rows were read and scored:": "Anotado al leer y puntuar las filas (en inglés):",
    "What the model knows": "Qué sabe el modelo",
    "The model of this asset is no longer in the run folder.": "El modelo de este equipo ya no está en la carpeta.",
    "{rows} of {assets}, {start} to {end}; {own} of this asset": (
        "{rows} de {assets}, del {start} al {end}; {own} de este equipo"
    ),
    "normal row": "fila normal",
    "normal rows": "filas normales",
    "asset": "equipo",
    "assets": "equipos",
    "{observed} of {expected} expected false alerts at once in {time}, on {normal} of normal rows": (
        "{observed} de {expected} alertas falsas esperadas a una vez cada {time}, en {normal} de filas normales"
    ),
    "scored sensors": "sensores puntuados",
    "context": "contexto",
    "learned from": "aprendió de",
    "network": "red",
    "memory of its gates": "memoria de sus compuertas",
    "error of {network}": "error de {network}",
    "carries the evidence": "lleva la evidencia",
    "model": "modelo",
    "what": "qué",
    "value": "valor",
    "Errors: mean squared, on normal rows it did not learn from; 1 is each sensor's own variance.": (
        "Errores: cuadráticos medios, en filas normales de las que no aprendió; 1 es la varianza propia de cada sensor."
    ),
    "The budget: promised and observed": "El presupuesto: prometido y observado",
    "beyond record": "más allá del registro",
    "expected by chance": "esperadas por azar",
    "all assets: expected": "todos los equipos: esperadas",
    "all assets: raised": "todos los equipos: avisadas",
    "No severity is on.": "Ninguna severidad está activa.",
    "Expected: if all of the scored time had been normal. Raised: true or false, this severity or a higher one.": (
        "Esperadas: si todo el tiempo puntuado hubiera sido normal. Avisadas: ciertas o falsas, de "
        "esa severidad o mayor."
    ),
    "It advises. It is no machine protection and must never be wired to a trip.": (
        "Aconseja. No es una protección de máquina y nunca debe conectarse a un disparo."
    ),
    **fleet_texts.SPANISH,
}
"""Every text of a page in Spanish, by what English says."""

ENGLISH: Mapping[str, str] = {
    "why SCORED": "has a score",
    "why WARM_UP": "too early in a stretch to say anything",
    "why NO_DATA": "nothing was measured",
    "why SENSOR_BAD": "too few sensors were measured",
    "why OUT_OF_STATE": "the asset was not running, or people told not to judge it",
    "SCORED": "scored",
    "WARM_UP": "warm-up",
    "NO_DATA": "no data",
    "SENSOR_BAD": "sensors missing",
    "OUT_OF_STATE": "off, or not judged",
    "no_data": "no data",
    "sensor_bad": "sensor without values",
    "sensor_change": "sensor change",
    "process_change": "process change",
    "ignore": "not judged",
    "unwatched": "not watched",
}
"""The few names of the program that a page says in words."""
