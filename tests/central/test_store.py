"""One contract for every place where photos can be kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from central.errors import NotFound
from central.media.store import FolderStore, S3Store, Store, StoreUnavailable, store_of
from central.settings import Settings
from devkit.servers import free_port

BUCKET = "attendance-photos"
JPEG = "image/jpeg"


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    boto3.client(
        "s3",
        endpoint_url=address,
        aws_access_key_id="dev-access",
        aws_secret_access_key="dev-secret",
        region_name="us-east-1",
    ).create_bucket(Bucket=BUCKET)
    yield address
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return at(f"file://{tmp_path}")
    return at(str(request.getfixturevalue("s3_address")))


def at(endpoint: str, **changes: str) -> Store:
    return store_of(Settings.from_env({"S3_ENDPOINT": endpoint, **changes}))


def test_the_endpoint_chooses_the_store(s3_address: str, tmp_path: Path) -> None:
    assert isinstance(at(f"file://{tmp_path}"), FolderStore)
    assert isinstance(at(s3_address), S3Store)


def test_what_was_put_is_what_is_got(store: Store) -> None:
    photo = bytes(range(256)) * 100

    store.put("school-1/2026-03-04/tap-7.jpg", photo, JPEG)

    assert store.get("school-1/2026-03-04/tap-7.jpg") == photo


def test_putting_again_replaces(store: Store) -> None:
    store.put("replaced.jpg", b"first", JPEG)
    store.put("replaced.jpg", b"second", JPEG)

    assert store.get("replaced.jpg") == b"second"


def test_a_missing_photo_is_not_an_outage(store: Store) -> None:
    with pytest.raises(NotFound):
        store.get("never/put.jpg")


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../up.jpg", "a/../../b", "a//b", ".hidden", "a/.b", "UPPER", "a\0b"]
)
def test_a_key_that_is_not_a_plain_path_is_refused(store: Store, key: str) -> None:
    with pytest.raises(ValueError, match="not a plain"):
        store.put(key, b"x", JPEG)
    with pytest.raises(ValueError, match="not a plain"):
        store.get(key)


def test_a_store_in_order_passes_its_check(store: Store) -> None:
    store.check()


def test_a_folder_that_cannot_be_made_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    blocked = at(f"file://{tmp_path}/file")

    for attempt in (
        blocked.check,
        lambda: blocked.put("a.jpg", b"x", JPEG),
        lambda: blocked.get("a.jpg"),
        lambda: blocked.delete("a.jpg"),
    ):
        with pytest.raises(StoreUnavailable):
            attempt()


def test_a_missing_bucket_and_a_dead_server_are_outages(s3_address: str) -> None:
    no_bucket = at(s3_address, S3_BUCKET="no-such-bucket")
    nobody = at(f"http://127.0.0.1:{free_port()}")

    for store in (no_bucket, nobody):
        with pytest.raises(StoreUnavailable):
            store.check()
        with pytest.raises(StoreUnavailable):
            store.put("a.jpg", b"x", JPEG)
        with pytest.raises(StoreUnavailable):
            store.get("a.jpg")
        with pytest.raises(StoreUnavailable):
            store.delete("a.jpg")


def test_a_folder_never_shows_half_a_photo(tmp_path: Path) -> None:
    store = at(f"file://{tmp_path}")

    store.put("a/b.jpg", b"whole", JPEG)

    assert [path.name for path in (tmp_path / BUCKET).rglob("*") if path.is_file()] == ["b.jpg"]


def test_what_is_deleted_is_gone_and_may_be_deleted_again(store: Store) -> None:
    store.put("gone.jpg", b"x", JPEG)

    store.delete("gone.jpg")
    store.delete("gone.jpg")

    with pytest.raises(NotFound):
        store.get("gone.jpg")


def test_a_store_that_gates_cannot_reach_gives_no_address(store: Store) -> None:
    assert store.address_to_put("a.sealed", 5, timedelta(minutes=5)) is None


def test_an_address_lets_a_stranger_put_that_one_file(s3_address: str) -> None:
    store = at(s3_address, S3_PUBLIC_ENDPOINT=s3_address)

    address = store.address_to_put("sealed/1/gate-1/a", 5, timedelta(minutes=5))

    assert address is not None
    assert address.startswith(f"{s3_address}/{BUCKET}/sealed/1/gate-1/a?")
    assert "X-Amz-Expires=300" in address
    assert "content-length" in address
    assert requests.put(address, data=b"photo", timeout=5).ok
    assert store.get("sealed/1/gate-1/a") == b"photo"
