"""What a replay says in Spanish, by what English says; `texts` has the rest and speaks both."""

from __future__ import annotations

from collections.abc import Mapping

LEARNED_FROM = (
    "The model learned from rows up to {until}; the replay begins before, and on rows it learned from false alerts "
    "come more seldom than in days to come."
)
NO_SCORES = "Not judged, for they have no scores: events of {assets}."
ONE_OUTSIDE = "Not judged: {count} failure or anomaly event lies outside {start} to {end}."
OUTSIDE = "Not judged: {count} failure or anomaly events lie outside {start} to {end}."
NO_FAILURE = "The events name no failure here: the replay shows false alerts and alarm load, and no warning time."
NO_PICTURES = (
    "plotly, which draws in the page, is not installed, so the page has tables and no pictures. Install it with `pip "
    "install 'anomaly-lstm[report]'`."
)
"""What a reader must know of a replay."""

SPANISH: Mapping[str, str] = {
    LEARNED_FROM: (
        "El modelo aprendió de filas hasta {until}; la repetición empieza antes, y en filas de las que aprendió las "
        "alertas falsas son menos frecuentes que en los días por venir."
    ),
    NO_SCORES: "Sin juzgar, pues no tienen puntuaciones: eventos de {assets}.",
    ONE_OUTSIDE: "Sin juzgar: {count} fallo o anomalía cae fuera de {start} a {end}.",
    OUTSIDE: "Sin juzgar: {count} fallos o anomalías caen fuera de {start} a {end}.",
    NO_FAILURE: (
        "Los eventos no nombran ningún fallo aquí: la repetición muestra alertas falsas y carga de alarmas, y ninguna "
        "antelación."
    ),
    NO_PICTURES: (
        "plotly, que dibuja en la página, no está instalado: la página tiene tablas y ninguna gráfica. Se instala con "
        "`pip install 'anomaly-lstm[report]'`."
    ),
    # sentences
    "{alerts} in {years} asset-years": "{alerts} en {years} equipos-año",
    "false alert": "alerta falsa",
    "false alerts": "alertas falsas",
    ", {count} promised": ", {count} prometidas",
    "fewer than {count}": "menos de {count}",
    "failures": "fallos",
    "anomalies": "anomalías",
    "{warned} of {failures} warned": "{warned} de {failures} con alerta previa",
    ", {span} ahead": ", {span} antes",
    ", {span} ahead in the middle": ", {span} antes en la mediana",
    ", {count} told too late": ", {count} con alerta tardía",
    "No failure noted, {found} of {anomalies} found": "Ningún fallo anotado, {found} de {anomalies} con alerta",
    "No failure noted": "Ningún fallo anotado",
    "No healthy time was watched, so nothing can be said of false alerts.": (
        "No se observó tiempo sano, así que nada se puede decir de alertas falsas."
    ),
    "{rate} false alerts per asset-year (95 % interval {low} to {high})": (
        "{rate} alertas falsas por equipo y año (intervalo del 95 %: de {low} a {high})"
    ),
    "; bounds alone raise alerts, so nothing was promised.": (
        "; solo los límites de ingeniería dan alertas, así que nada se prometió."
    ),
    ", {rate} promised at a return period of {span}": ", {rate} prometidas con un período de retorno de {span}",
    ": more than chance explains, the promise was not kept here.": (
        ": más de lo que explica el azar, aquí no se cumplió lo prometido."
    ),
    "Alarm load: {share} of the time in alarm, {rate} alerts per asset and month.": (
        "Carga de alarmas: {share} del tiempo en alarma, {rate} alertas por equipo y mes."
    ),
    "{severity} from once in {span}": "{severity} desde una vez cada {span}",
    "bounds on {sensors}": "límites de ingeniería de {sensors}",
    "off-delay {span}": "retardo de fin {span}",
    "no on-delay": "sin retardo de inicio",
    "on-delay {span}": "retardo de inicio {span}",
    "none": "ninguno",
    "Counted is what came to {severity} or more. Policy: {policy}.": (
        "Cuenta lo que llegó a {severity} o más. Política: {policy}."
    ),
    "No severity is on by its return period, so there is no other return period to try.": (
        "Ninguna severidad depende de su período de retorno, así que no hay otro que probar."
    ),
    "once in {span}": "una vez cada {span}",
    "A longer return period": "Un período de retorno más largo",
    "A longer on-delay": "Un retardo de inicio más largo",
    "Few failures prove little: {warned} of {all} warned fits a policy that warns of anything between {low} and {high} "
    "of failures (95 % interval).": (
        "Pocos fallos prueban poco: {warned} de {all} con alerta previa encaja con una política que avisa de entre "
        "{low} y {high} de los fallos (intervalo del 95 %)."
    ),
    "No policy is marked as the best: one chosen because it does well on these events will do less well on the next "
    "ones. Choose how many false alerts your people can bear, then check it on failures yet to come.": (
        "Ninguna política está marcada como la mejor: la que se elige porque acierta en estos eventos acertará menos "
        "en los próximos. Elija cuántas alertas falsas puede soportar su gente y compruébelo con los fallos por venir."
    ),
    "{what}, from {first} to {last}: {before} → {after} false alerts per asset-year": (
        "{what}, de {first} a {last}: {before} → {after} alertas falsas por equipo y año"
    ),
    "; {before} → {after} of {failures} warned": "; {before} → {after} de {failures} con alerta previa",
    ", {before} → {after} ahead": ", {before} → {after} antes",
    "missed": "sin alerta",
    "at once": "al instante",
    "after {span}": "a {span} del inicio",
    "{span} before": "{span} antes",
    "{span} too late": "{span} tarde",
    # the page
    "Replay of a stored history, as a schedule would have lived it": (
        "Repetición de una historia guardada, tal como se habría vivido"
    ),
    "{assets}, {start} to {end}, times in {zone}; model {model}.": (
        "{assets}, del {start} al {end}, horas de {zone}; modelo {model}."
    ),
    "{found} of {all}": "{found} de {all}",
    "failures warned": "fallos con alerta previa",
    "events found": "eventos con alerta",
    "; {found} of {all} other events found": "; {found} de {all} otros eventos con alerta",
    "ahead of the failure": "antes del fallo",
    "ahead of the failure, in the middle": "antes del fallo, en la mediana",
    "false alerts, {count} promised, in {years} asset-years": (
        "alertas falsas, {count} prometidas, en {years} equipos-año"
    ),
    "false alerts in {years} asset-years": "alertas falsas en {years} equipos-año",
    "of the time in alarm; {rate} alerts per asset-month": "del tiempo en alarma; {rate} alertas por equipo y mes",
    "What happened, and what would have been told": "Qué pasó, y qué se habría avisado",
    "A line per asset. Bars are alerts from when they were told, hollow ones false; crosses are failures; green is how "
    "long before them they were told.": (
        "Una línea por equipo. Las barras son alertas desde su aviso, huecas las falsas; las cruces son fallos; en "
        "verde, cuánto antes se avisaron."
    ),
    "No event was noted and no alert was raised.": "No se anotó ningún evento ni hubo alertas.",
    "more asset": "equipo más",
    "more assets": "equipos más",
    "{assets} with less to show or nothing, not drawn.": "{assets} con menos que mostrar o nada, sin dibujar.",
    "failure, from its first sign": "fallo, desde su primera señal",
    "maintenance and the like": "mantenimiento y similares",
    "false {severity}": "{severity} falsa",
    "standing": "activa",
    "lasted {span}": "duró {span}",
    "warned ahead": "antelación",
    "failed": "falló",
    "failed {failed}": "falló el {failed}",
    "Failure by failure": "Fallo por fallo",
    "told": "avisada",
    "lead": "antelación",
    "severity then": "severidad entonces",
    "No failure or anomaly lies in what was watched, so nothing can be said of warning time.": (
        "Ningún fallo ni anomalía cae en lo observado, así que nada se puede decir de la antelación."
    ),
    "What was told at that time:": "Qué se avisó entonces:",
    "… and {count} more.": "… y {count} más.",
    "False alerts and alarm load": "Alertas falsas y carga de alarmas",
    "Counted neither way: {alerts} during maintenance or alike.": (
        "No cuentan ni a favor ni en contra: {alerts} durante mantenimiento o similares."
    ),
    "alert": "alerta",
    "alerts": "alertas",
    "lasted": "duró",
    "What if: other return periods, other on-delays": "Y si: otros períodos de retorno, otros retardos",
    "Each mark is a policy: to the left it costs less, higher up it warns earlier, or of more. Lines join the return "
    "periods of an on-delay. The dashed line is what the present policy promised.": (
        "Cada marca es una política: más a la izquierda cuesta menos, más arriba avisa antes, o de más. Las líneas "
        "unen los períodos de retorno de un retardo. La línea discontinua es lo que prometió la política actual."
    ),
    "Each mark is a policy: to the left it costs fewer false alerts. Lines join the return periods of an on-delay. The "
    "dashed line is what the present policy promised.": (
        "Cada marca es una política: más a la izquierda cuesta menos alertas falsas. Las líneas unen los períodos de "
        "retorno de un retardo. La línea discontinua es lo que prometió la política actual."
    ),
    "false alerts per asset-year": "alertas falsas por equipo y año",
    "warning time in the middle [h]": "antelación mediana [h]",
    "time in alarm": "tiempo en alarma",
    "promised: {rate} a year": "prometido: {rate} al año",
    "present policy, 95 % interval": "política actual, intervalo del 95 %",
    "{found} of {all} failures warned": "{found} de {all} fallos con alerta previa",
    "{found} of {all} other events found": "{found} de {all} otros eventos con alerta",
    "{span} ahead of the failure, in the middle": "{span} antes del fallo, en la mediana",
    "In each cell failures warned and the warning time in the middle; below it false alerts per asset-year, to be "
    "compared with those promised: the darker, the more. The framed cell is the present policy.": (
        "En cada celda, fallos con alerta y la antelación mediana; debajo, alertas falsas por equipo y año, para "
        "comparar con las prometidas: cuanto más oscura, más. La celda enmarcada es la política actual."
    ),
    "In each cell events found; below it false alerts per asset-year, to be compared with those promised: the darker, "
    "the more. The framed cell is the present policy.": (
        "En cada celda, eventos con alerta; debajo, alertas falsas por equipo y año, para comparar con las prometidas: "
        "cuanto más oscura, más. La celda enmarcada es la política actual."
    ),
    "promised": "prometido",
    "{rate} a year": "{rate} al año",
    "{rate} false a year": "{rate} falsas al año",
    "present": "actual",
    "How this was counted": "Cómo se contó",
    "No score and no alert looks ahead: each alert is told as it stood at that time, by what was known then.": (
        "Ninguna puntuación ni alerta mira hacia adelante: cada alerta se cuenta tal como estaba entonces, por lo que "
        "se sabía entonces."
    ),
    "Warning time runs from the moment an alert had come to the severity that is counted to the failure, never from an "
    "earlier onset; an alert that stood before the event began is counted from the event's beginning.": (
        "La antelación va desde que una alerta llegó a la severidad que cuenta hasta el fallo, nunca desde un inicio "
        "anterior; una alerta que estaba activa antes del evento cuenta desde el comienzo del evento."
    ),
    "False are alerts that touch no failure or anomaly and were not raised in maintenance, a calibration or "
    "alike. They "
    "are counted on scored time outside the events.": (
        "Falsas son las alertas que no tocan ningún fallo ni anomalía y no nacieron en mantenimiento, calibración o "
        "similares. Se cuentan en el tiempo puntuado fuera de los eventos."
    ),
    "Promised is that time divided by the return period; an on-delay only lowers what comes.": (
        "Lo prometido es ese tiempo dividido por el período de retorno; un retardo solo reduce lo que llega."
    ),
    "Beyond record: such a return period is extrapolated from less than a third as much normal time.": (
        "Más allá del registro: ese período de retorno se extrapola de menos de un tercio de tanto tiempo normal."
    ),
}
"""Every text of a replay in Spanish, by what English says."""
