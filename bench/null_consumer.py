"""The consumer that does nothing: what paho and the broker could do at most.

``python -m bench.null_consumer HOST PORT MESSAGES`` acknowledges so many messages of taps, one by
one, then prints the monotonic time and ends.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contracts import topics

USER = "central-ingest"


def main(host: str, port: str, messages: str) -> None:
    left = int(messages)

    def on_message(client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        nonlocal left
        client.ack(message.mid, message.qos)
        left -= 1
        if left == 0:
            print(time.monotonic(), flush=True)
            client.disconnect()

    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id="bench-null",
        protocol=mqtt.MQTTv5,
        manual_ack=True,
    )
    client.username_pw_set(USER, USER)
    client.on_connect = lambda *_: _subscribe(client)
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.on_message = on_message
    client.connect(host, int(port))
    client.loop_forever()


def _subscribe(client: mqtt.Client) -> None:
    client.subscribe(topics.shared("null", topics.ALL_TAPS), qos=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
