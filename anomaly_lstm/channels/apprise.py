"""Mail, Teams, Slack, SMS and a hundred more, by Apprise (extra ``notify``); the address says which.

Addresses: https://github.com/caronc/apprise/wiki
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from anomaly_lstm.errors import DeliveryError, MissingExtraError
from anomaly_lstm.messages import Message
from anomaly_lstm.tables import SEVERITIES
from anomaly_lstm.words import clean

NAME = "apprise"
HEARS: frozenset[str] = frozenset()


def send(message: Message, address: str, timeout_s: float) -> None:
    """Send the title and body as plain text, which Apprise escapes for services that format.

    Several addresses stand in ``address`` with blanks or commas between them, and all must take the message: where one
    does not, all are sent it again. Timeouts are those of each address (``rto``, ``cto``), 4 s as Apprise has them.
    """
    try:
        from apprise import Apprise, LogCapture, NotifyFormat, NotifyType
    except ImportError:
        raise MissingExtraError(
            "Apprise is not installed. Install it with `pip install 'anomaly-lstm[notify]'`."
        ) from None
    urgency = dict(zip(SEVERITIES, (NotifyType.INFO, NotifyType.WARNING, NotifyType.FAILURE), strict=True))
    receivers = Apprise()
    capture = LogCapture(level=logging.WARNING, fmt="%(message)s")  # type: ignore[no-untyped-call]  # it has no types
    with _kept_to_itself(logging.getLogger("apprise")), capture as log:
        if not receivers.add(address) or not len(receivers):
            raise DeliveryError("its address is none that Apprise knows; see https://github.com/caronc/apprise/wiki")
        taken = receivers.notify(
            title=message.title,
            body=message.body,
            notify_type=NotifyType.SUCCESS if message.is_over else urgency.get(message.severity, NotifyType.INFO),
            body_format=NotifyFormat.TEXT,
        )
        said = clean(log.getvalue().strip().replace("\n", "; "))
    if not taken:
        raise DeliveryError(f"Apprise could not send it: {said or 'it does not say why'}")


@contextmanager
def _kept_to_itself(logger: logging.Logger) -> Iterator[None]:
    """What it logs may hold parts of an address: it comes to nobody but us."""
    before, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.propagate = before
