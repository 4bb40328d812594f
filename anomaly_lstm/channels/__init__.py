"""One way to tell people per file; this dict is the whole registration."""

from anomaly_lstm.channels import alertmanager, apprise, webhook
from anomaly_lstm.channels.contract import Channel

CHANNELS: dict[str, Channel] = {apprise.NAME: apprise, webhook.NAME: webhook, alertmanager.NAME: alertmanager}
