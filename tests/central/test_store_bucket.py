"""A deployment's first start makes the bucket, and only the first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from central.media.store import S3Store, StoreUnavailable
from central.settings import Settings
from devkit.servers import free_port


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.parametrize("region", ["us-east-1", "sa-east-1"])
def test_a_missing_bucket_is_made_once(s3_address: str, region: str) -> None:
    store = S3Store(
        Settings.from_env(
            {"S3_ENDPOINT": s3_address, "S3_REGION": region, "S3_BUCKET": f"photos-{region}"}
        )
    )
    with pytest.raises(StoreUnavailable):
        store.check()

    store.make_bucket()
    store.make_bucket()

    store.check()


def test_a_store_that_does_not_answer_is_unavailable() -> None:
    store = S3Store(Settings.from_env({"S3_ENDPOINT": f"http://127.0.0.1:{free_port()}"}))

    with pytest.raises(StoreUnavailable):
        store.make_bucket()
