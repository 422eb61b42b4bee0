"""What waits in memory is bounded, and a surplus costs a counter, not a line of log each."""

import aiomqtt

from cloud_service.ingest.connection import MAX_QOS0_WAITING, Inbox


def message(qos):
    return aiomqtt.Message("telltale/v1/gw/health", b"{}", qos, retain=False, mid=1, properties=None)


def test_the_surplus_of_qos_0_is_counted_and_qos_1_always_has_room():
    inbox = Inbox()
    for _ in range(MAX_QOS0_WAITING + 7):
        inbox.put_nowait(message(0))
    inbox.put_nowait(message(1))
    assert inbox.surplus == 7
    assert inbox.qsize() == MAX_QOS0_WAITING + 1
