"""What the page of a fleet says in Spanish, by what English says; `texts` has the rest and speaks both."""

from __future__ import annotations

from collections.abc import Mapping

SPANISH: Mapping[str, str] = {
    # the head
    "No asset is watched yet": "Todavía no se vigila ningún equipo",
    "1 of {all} needs a look: {names}": "1 de {all} pide una mirada: {names}",
    "{count} of {all} need a look: {names}": "{count} de {all} piden una mirada: {names}",
    "{count} more": "{count} más",
    "Nothing new to look at: what stands is acknowledged or put aside ({all})": (
        "Nada nuevo que mirar: lo que está activo está reconocido o apartado ({all})"
    ),
    "None of {all} is watched": "Ninguno de {all} está vigilado",
    "No alert stands on {all}": "Ninguna alerta activa en {all}",
    "{pipeline} · since {since} · newest row {newest} · times in {zone}": (
        "{pipeline} · desde el {since} · última fila del {newest} · horas de {zone}"
    ),
    "{pipeline} · since {since} · newest row {newest} ({zone}) · times of assets on their own clocks": (
        "{pipeline} · desde el {since} · última fila del {newest} ({zone}) · cada equipo con su propia hora"
    ),
    "What changed": "Qué cambió",
    "new": "nuevas",
    "worse": "peores",
    "unchanged": "sin cambios",
    "over since then": "terminadas desde entonces",
    "over before, no verdict": "terminadas antes, sin veredicto",
    "not watched": "sin vigilar",
    # what changed
    "New since then": "Nuevas desde entonces",
    "Worse since then": "Peores desde entonces",
    "Unchanged": "Sin cambios",
    "Rising, no alert yet": "En aumento, aún sin alerta",
    "Over since then": "Terminadas desde entonces",
    "Over before, and awaiting a verdict": "Terminadas antes, y esperan un veredicto",
    "Sensors without values": "Sensores sin valores",
    "Not watched, and why": "Sin vigilar, y por qué",
    "Nothing to tell: {titles}.": "Nada que decir: {titles}.",
    "And {count} more: the table has all of them.": "Y {count} más: la tabla los tiene todos.",
    "Since then: {changes}.": "Desde entonces: {changes}.",
    "severity {then} → {now}": "severidad {then} → {now}",
    "{sensor} {told} above expected": "{sensor} {told} por encima de lo esperado",
    "{sensor} {told} below expected": "{sensor} {told} por debajo de lo esperado",
    "{sensor} {told}, beyond its bound of {level}": "{sensor} {told}, fuera de su límite de {level}",
    "{what} in {then} → {now}": "{what} en {then} → {now}",
    "once in {then} → {now}": "una vez cada {then} → {now}",
    "Cleared {cleared}.": "Terminó el {cleared}.",
    "no alert yet; {sensor} moves towards its bound of {level} since {since}.": (
        "aún sin alerta; {sensor} se acerca a su límite de {level} desde el {since}."
    ),
    "{sensor} without values since {since} at least": "{sensor} sin valores al menos desde el {since}",
    " until {until}": " hasta el {until}",
    " by {name}": " por {name}",
    " (what {sensors} leads)": " (lo que encabeza {sensors})",
    "shelved": "apartado",
    "the last run failed on it: {message}": "la última ejecución falló con él (en inglés): {message}",
    "switched off in the table of assets": "desactivado en la tabla de equipos",
    "no row of it ever came": "nunca llegó una fila suya",
    "rows came, but no sensor had a value in them": "llegaron filas, pero ningún sensor tenía un valor en ellas",
    "its running condition was never fulfilled": "nunca se cumplió su condición de marcha",
    "too few rows so far to say anything": "muy pocas filas hasta ahora para decir algo",
    "too few of its sensors were ever measured": "nunca se midieron bastantes de sus sensores",
    "none of its rows has a score": "ninguna de sus filas tiene puntuación",
    "and {count} more": "y {count} más",
    "{file} could not be read: {message}": "{file} no se pudo leer (en inglés): {message}",
    # the table
    "All assets": "Todos los equipos",
    "quiet": "tranquilo",
    "closed, still deviating": "cerrada, sigue desviada",
    "unwatched": "sin vigilar",
    "not running": "parado",
    "since": "desde",
    "time left": "tiempo restante",
    "last row": "última fila",
    "type": "tipo",
    "site": "sitio",
    "criticality": "criticidad",
    "owner": "responsable",
    "{low} to {high}": "de {low} a {high}",
    "{shown} of {all} assets": "{shown} de {all} equipos",
    "Search": "Buscar",
    "Order": "Orden",
    "By weight": "Por importancia",
    "By {column}": "Por {column}",
    "{column}: all": "{column}: todo",
    "No asset fits.": "Ningún equipo coincide.",
    "The run has no asset yet, and there is no table of assets.": (
        "La carpeta aún no tiene equipos, y no hay tabla de equipos."
    ),
    "Strangest row: once in {time}, {when}": "Fila más extraña: una vez cada {time}, {when}",
    "Small pictures: the strangest row of each stretch, {start} to {end}; the higher, the rarer. Across: the limits of "
    "the severities. Time left: if load and trend stay.": (
        "Gráficas pequeñas: la fila más extraña de cada tramo, del {start} al {end}; cuanto más alto, más rara. "
        "De lado a lado: los límites de las severidades. Tiempo restante: si la carga y la tendencia siguen."
    ),
    "An asset without a link has no page here. This makes one:": (
        "Un equipo sin enlace no tiene página aquí. Esto hace una:"
    ),
    # the table for Excel
    "zone": "zona",
    "hours left": "horas restantes",
    "hours left, at least": "horas restantes, mínimo",
    "hours left, at most": "horas restantes, máximo",
    "once in, days": "una vez cada, días",
    "not watched because": "sin vigilar porque",
    "alert": "alerta",
}
