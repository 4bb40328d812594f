"""What a channel is: a module that brings messages to people, or to the program that calls them."""

from __future__ import annotations

from typing import Protocol

from anomaly_lstm.messages import Message


class Channel(Protocol):
    """The shape of every module in this room."""

    NAME: str
    HEARS: frozenset[str]
    """Changes it must hear of even where people are not told, because it keeps a state; empty for most."""

    def send(self, message: Message, address: str, timeout_s: float) -> None:
        """Hand over one message; return only when the receiver has taken it.

        ``address`` is a secret: it stands in no error and no file. Waiting for the receiver ends after ``timeout_s``
        [s] without a sign of it. Raises DeliveryError where the message was not taken.
        """
        ...
