"""The registry of notifiers: `[notify] kind` → implementation."""

from __future__ import annotations

from cloud_service.notify.notifiers import file, smtp
from cloud_service.notify.port import NotifierKind

NOTIFIERS: dict[str, NotifierKind] = {
    "file": NotifierKind(file.FileSettings, file.check, file.open_notifier),
    "smtp": NotifierKind(smtp.SmtpSettings, smtp.check, smtp.open_notifier),
}
NotifySettings = file.FileSettings | smtp.SmtpSettings
