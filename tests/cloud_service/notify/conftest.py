from __future__ import annotations

from pathlib import Path

import pytest

from tests.cloud_service.notify.process import Notify


@pytest.fixture
def notify(tmp_path: Path) -> Notify:
    return Notify(tmp_path)
