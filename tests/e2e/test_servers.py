"""The servers that the tests start are the real ones and answer."""

from __future__ import annotations

import smtplib

import aiomqtt
import pytest

from tests.servers.influxdb import Influx
from tests.servers.process import Server
from tests.servers.smtp import Mailbox

pytestmark = pytest.mark.e2e


async def test_mosquitto_speaks_mqtt5(broker: Server) -> None:
    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("probe/+", qos=1)
        await client.publish("probe/a", b"x", qos=1)
        async for message in client.messages:
            assert message.payload == b"x"
            break


def test_influxdb_stores_and_answers(influx: Influx) -> None:
    import urllib.request

    request = urllib.request.Request(
        f"{influx.url}/api/v2/write?org={influx.org}&bucket={influx.bucket}&precision=ns",
        data=b"probe,tag=a value=1.5 1000000000",
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 204
    rows = influx.query('SELECT "value" FROM "probe"')
    assert rows["results"][0]["series"][0]["values"] == [[1000000000, 1.5]]


def test_smtp_server_keeps_a_mail(smtp_server: Mailbox) -> None:
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.sendmail("a@example.org", ["b@example.org"], "Subject: probe\r\n\r\nbody")
    assert smtp_server.messages()[0]["Subject"] == "probe"
