"""Where photos are kept: an S3-compatible store, or a folder for one machine without one.

Supported: anything that speaks S3 with signature version 4 and path-style addresses (AWS, Garage,
SeaweedFS, Ceph). ``S3_ENDPOINT=file:///folder`` selects the folder.
"""

from __future__ import annotations

import os
import re
import tempfile
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from central.errors import NotFound
from central.settings import Settings

# A key becomes a path in a folder, so it can neither climb out of it nor hide.
_KEY: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
_ABSENT: Final = ("404", "NoSuchKey")


class StoreUnavailable(Exception):
    """The store did not answer, refused us, or has no such bucket. Trying later may help."""


class Store(Protocol):
    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Keep ``content`` under ``key``, replacing what was there; whole or not at all.

        Raises StoreUnavailable, and ValueError for a key that is not a plain lower-case path.
        """

    def get(self, key: str) -> bytes:
        """What was put under ``key``. Raises NotFound or StoreUnavailable."""

    def part(self, key: str, first: int, count: int) -> bytes:
        """At most ``count`` bytes of it, from byte ``first`` on; none beyond its end.

        Raises NotFound or StoreUnavailable.
        """

    def delete(self, key: str) -> None:
        """Forget what is under ``key``, if anything is. Raises StoreUnavailable."""

    def address_to_put(self, key: str, size: int, lifetime: timedelta) -> str | None:
        """Where whoever is told the address may put so many bytes under ``key``, without any
        other right, until ``lifetime`` is over. None: only we reach the store.
        """

    def check(self) -> None:
        """Return if the store could take a photo now; else raise StoreUnavailable."""


def store_of(settings: Settings) -> Store:
    """The store that the settings name. Makes no connection yet."""
    endpoint = urlsplit(settings.s3_endpoint)
    if endpoint.scheme == "file":
        return FolderStore(Path(unquote(endpoint.path)) / settings.s3_bucket)
    return S3Store(settings)


class S3Store:
    """Photos in a bucket."""

    def __init__(self, settings: Settings) -> None:
        self._bucket = settings.s3_bucket
        self._region = settings.s3_region
        self._settings = settings

    @cached_property
    def _client(self) -> Any:  # made when first used: it costs a start half a second
        return self._client_at(self._settings.s3_endpoint)

    @cached_property
    def _public_client(self) -> Any:
        """Signs addresses only; an address is signed with its host."""
        return self._client_at(self._settings.s3_public_endpoint)

    def _client_at(self, endpoint: str) -> Any:
        settings = self._settings
        return boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=settings.s3_access_key,
            aws_secret_access_key=settings.s3_secret_key,
            region_name=settings.s3_region,
            use_ssl=settings.s3_secure,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},  # a bucket of ours is no host name
                connect_timeout=2,
                read_timeout=5,
                retries={"total_max_attempts": 2},
            ),
        )

    def put(self, key: str, content: bytes, content_type: str) -> None:
        _checked(key)
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=content, ContentType=content_type
            )
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable("could not keep the photo") from error

    def get(self, key: str) -> bytes:
        _checked(key)
        try:
            content: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                raise NotFound(f"no photo under {key}") from error
            raise StoreUnavailable("could not read the photo") from error
        except BotoCoreError as error:
            raise StoreUnavailable("could not read the photo") from error
        return content

    def part(self, key: str, first: int, count: int) -> bytes:
        _checked(key)
        if count <= 0:
            return b""
        try:
            answer = self._client.get_object(
                Bucket=self._bucket, Key=key, Range=f"bytes={first}-{first + count - 1}"
            )
            content: bytes = answer["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                raise NotFound(f"nothing under {key}") from error
            if error.response["Error"]["Code"] in ("416", "InvalidRange"):
                return b""
            raise StoreUnavailable("could not read the file") from error
        except BotoCoreError as error:
            raise StoreUnavailable("could not read the file") from error
        return content

    def delete(self, key: str) -> None:
        _checked(key)
        try:
            self._client.delete_object(Bucket=self._bucket, Key=key)
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable("could not delete the photo") from error

    def address_to_put(self, key: str, size: int, lifetime: timedelta) -> str | None:
        _checked(key)
        if not self._settings.s3_public_endpoint:
            return None
        address: str = self._public_client.generate_presigned_url(
            "put_object",
            Params={"Bucket": self._bucket, "Key": key, "ContentLength": size},
            ExpiresIn=int(lifetime.total_seconds()),
        )
        return address

    def check(self) -> None:
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable("the bucket cannot be reached") from error

    def make_bucket(self) -> None:
        """Make the bucket unless it exists. Raises StoreUnavailable."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise StoreUnavailable("the bucket cannot be reached") from error
            self._create_bucket()
        except BotoCoreError as error:
            raise StoreUnavailable("the bucket cannot be reached") from error

    def _create_bucket(self) -> None:
        place: dict[str, Any] = {}
        if self._region != "us-east-1":  # S3's own default, which it refuses to be told
            place = {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        try:
            self._client.create_bucket(Bucket=self._bucket, **place)
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable("the bucket could not be made") from error


class FolderStore:
    """Photos in a folder of this machine, one file each. The content type is in the name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, content: bytes, content_type: str) -> None:
        path = self._folder / _checked(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
                whole = Path(folder, "whole")
                with whole.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                whole.replace(path)  # a reader sees the old photo or the new, never half
        except OSError as error:
            raise StoreUnavailable("could not keep the photo") from error

    def get(self, key: str) -> bytes:
        try:
            return (self._folder / _checked(key)).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"no photo under {key}") from error
        except OSError as error:
            raise StoreUnavailable("could not read the photo") from error

    def part(self, key: str, first: int, count: int) -> bytes:
        try:
            with (self._folder / _checked(key)).open("rb") as file:
                file.seek(first)
                return file.read(max(0, count))
        except FileNotFoundError as error:
            raise NotFound(f"nothing under {key}") from error
        except OSError as error:
            raise StoreUnavailable("could not read the file") from error

    def delete(self, key: str) -> None:
        try:
            (self._folder / _checked(key)).unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailable("could not delete the photo") from error

    def address_to_put(self, key: str, size: int, lifetime: timedelta) -> str | None:
        _checked(key)
        return None

    def check(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder):
                pass
        except OSError as error:
            raise StoreUnavailable("the folder cannot be written") from error


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not a plain lower-case path")
    return key
