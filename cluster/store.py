"""The object store: footage, clips, crops, exports and the lake's files, in a folder or behind anything that speaks S3."""

import errno
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from analytics.errors import Refused, Unreadable
from analytics.identity import digest
from cluster.settings import S3, Settings

_CACHE_BYTES = 20 * 2**30
"""Copies of objects are kept on local disk up to this size; the longest unused go first."""


class Store(Protocol):
    """Objects by key, `a/b/c`. A reader never sees half an object. Errors are `Refused` and name the key and the remedy."""

    def put(self, key: str, data: bytes | Path) -> str:
        """Writes an object, replacing one of that key at once; returns its URI."""
        ...

    def get(self, key: str) -> bytes: ...

    def fetch(self, key: str, *, immutable: bool = False) -> Path:
        """A local file with the object's content, read only. `immutable`: the key's content never changes once written."""
        ...

    def fetch_all(self, keys: Iterable[str]) -> list[Path]:
        """Local files of many immutable objects, in their order."""
        ...

    def exists(self, key: str) -> bool: ...

    def size(self, key: str) -> int:
        """Bytes."""
        ...

    def keys(self, prefix: str = "") -> Iterator[str]:
        """All keys that start with `prefix`, ascending."""
        ...

    def delete(self, key: str) -> None:
        """Deletes an object; one that is not there is no error."""
        ...

    def uri(self, key: str) -> str:
        """`file:///…` or `s3://bucket/key`."""
        ...

    def check(self) -> None:
        """Raises `Refused` with the remedy where the store cannot be reached or used."""
        ...

    def sweep(self, older_h: float) -> None:
        """Deletes what writers that were killed left half-written, once it is that old. Readers never saw it."""
        ...


def open_store(settings: Settings) -> Store:
    """The store that the settings name."""
    if not settings.on_s3:
        return FolderStore(Path(settings.store))
    bucket, _, prefix = settings.store.removeprefix("s3://").partition("/")
    return S3Store(bucket, prefix, _keys_of(settings, settings.store), settings.cache / "objects")


def localise(settings: Settings, uri: str) -> Path:
    """A local path to what a URI of the footage table names: `file:///…`, a plain path, or `s3://` in any bucket at hand.

    Raises:
        Unreadable: the object is not there any more.
        Refused: the store cannot be asked.
    """
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        store = S3Store(parts.netloc, "", _keys_of(settings, uri), settings.cache / "objects")
        key = uri.removeprefix(f"s3://{parts.netloc}/")
        if not store.exists(key):
            raise Unreadable(
                en=f"There is no {uri} any more: put it back, or take it out with `matthan footage remove`",
                vi=f"Không còn {uri}: hãy chép lại, hoặc bỏ khỏi sổ bằng `matthan footage remove`",
            )
        return store.fetch(key)
    return Path(unquote(parts.path)) if parts.scheme == "file" else Path(uri)


def refusal(error: BaseException, what: str) -> Refused | None:
    """What to tell a person about a failed read or write of `what`; None where the error is not one of a known kind."""
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or any(f"os error {n})" in text for n in (28, 122, 27)):
        return Refused(
            en=f"No space left to write {what}. Free some, or choose another MATTHAN_STORE; what was committed before is unharmed.",
            vi=f"Hết chỗ để ghi {what}. Hãy giải phóng đĩa hoặc chọn MATTHAN_STORE khác; những gì đã lưu vẫn nguyên vẹn.",
        )
    if number in (errno.EACCES, errno.EPERM, errno.EROFS) or any(f"os error {n})" in text for n in (13, 1, 30)):
        return Refused(
            en=f"Not allowed to write or read {what}. Give this user the right to, or choose another MATTHAN_STORE.",
            vi=f"Không có quyền đọc hoặc ghi {what}. Hãy cấp quyền cho người dùng này hoặc chọn MATTHAN_STORE khác.",
        )
    return None


def _checked(key: str) -> str:
    if not key or key.startswith("/") or any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError(f"store key: wanted parts/joined/by/slashes, given {key!r}")
    return key


def _nothing_there(uri: str) -> Refused:
    return Refused(
        en=f"There is no {uri}. It was removed, or never written; index or add it again.",
        vi=f"Không có {uri}. Tệp đã bị xóa hoặc chưa từng được ghi; hãy lập chỉ mục hoặc thêm lại.",
    )


class FolderStore:
    """Objects as files under a folder. New content is written aside and moved into place."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, key: str, data: bytes | Path) -> str:
        target = self.root / _checked(key)
        part = self.root / ".parts" / uuid.uuid4().hex
        with self._told(key):
            part.parent.mkdir(parents=True, exist_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("wb") as out:
                    if isinstance(data, Path):
                        with data.open("rb") as source:
                            shutil.copyfileobj(source, out, 2**20)
                    else:
                        out.write(data)
                    out.flush()
                    os.fsync(out.fileno())
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
        return self.uri(key)

    def get(self, key: str) -> bytes:
        with self._told(key):
            return (self.root / _checked(key)).read_bytes()

    def fetch(self, key: str, *, immutable: bool = False) -> Path:
        path = self.root / _checked(key)
        if not immutable and not path.is_file():
            raise _nothing_there(self.uri(key))
        return path

    def fetch_all(self, keys: Iterable[str]) -> list[Path]:
        return [self.root / key for key in keys]

    def exists(self, key: str) -> bool:
        return (self.root / _checked(key)).is_file()

    def size(self, key: str) -> int:
        with self._told(key):
            return (self.root / _checked(key)).stat().st_size

    def keys(self, prefix: str = "") -> Iterator[str]:
        start = self.root / prefix.rpartition("/")[0]
        found = (Path(folder) / name for folder, _, names in os.walk(start) for name in names)
        inside = (path.relative_to(self.root).as_posix() for path in found)
        yield from sorted(key for key in inside if key.startswith(prefix) and not key.startswith(".parts/"))

    def delete(self, key: str) -> None:
        with self._told(key):
            (self.root / _checked(key)).unlink(missing_ok=True)

    def uri(self, key: str) -> str:
        return (self.root / key).absolute().as_uri()

    def check(self) -> None:
        with self._told(""):
            self.root.mkdir(parents=True, exist_ok=True)
            if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "no access", str(self.root))

    def sweep(self, older_h: float) -> None:
        _sweep(self.root / ".parts", older_h)

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if (
                error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)
                and error.filename
                and str(error.filename).startswith(str(self.root))
            ):
                raise _nothing_there(self.uri(key)) from error
            told = refusal(error, self.uri(key) if key else str(self.root))
            if told is None:
                raise
            raise told from error


class S3Store:
    """Objects in a bucket, under a prefix. Copies are kept on local disk, named by the object's ETag."""

    def __init__(self, bucket: str, prefix: str, s3: S3, cache: Path) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.s3 = s3
        self.cache = cache / digest(s3.url, bucket)
        self._client: Any = None
        self._fetched_bytes = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return S3Store, (self.bucket, self.prefix, self.s3, self.cache.parent)

    @property
    def client(self) -> Any:
        if self._client is None:
            import urllib3
            from minio import Minio

            # The SDK's own default waits five minutes for a host that does not answer.
            pool = urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=5, read=120),
                maxsize=16,
                retries=urllib3.Retry(total=4, connect=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
            )
            s3 = self.s3
            self._client = Minio(
                s3.endpoint or "s3.amazonaws.com",
                s3.access_key,
                s3.secret_key,
                session_token=s3.session_token,
                secure=s3.secure,
                region=s3.region,
                http_client=pool,
            )
        return self._client

    def put(self, key: str, data: bytes | Path) -> str:
        import io

        name = self.prefix + _checked(key)
        with self._told(key):
            if isinstance(data, Path):
                self.client.fput_object(self.bucket, name, str(data))
            else:
                self.client.put_object(self.bucket, name, io.BytesIO(data), len(data))
        return self.uri(key)

    def get(self, key: str) -> bytes:
        with self._told(key):
            answer = self.client.get_object(self.bucket, self.prefix + _checked(key))
            try:
                content: bytes = answer.read()
            finally:
                answer.close()
                answer.release_conn()
        return content

    def fetch(self, key: str, *, immutable: bool = False) -> Path:
        name = self.prefix + _checked(key)
        if immutable:
            tag = "fixed"
        else:
            with self._told(key):
                tag = str(self.client.stat_object(self.bucket, name).etag).strip('"')
        path = self.cache / tag / name
        if path.is_file():
            os.utime(path)
            return path
        part = self.cache / ".parts" / uuid.uuid4().hex
        with self._told(key):
            part.parent.mkdir(parents=True, exist_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.client.fget_object(self.bucket, name, str(part))
                self._fetched_bytes += part.stat().st_size
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        if self._fetched_bytes > _CACHE_BYTES // 20:
            self._fetched_bytes = 0
            evict(self.cache, _CACHE_BYTES)
        return path

    def fetch_all(self, keys: Iterable[str]) -> list[Path]:
        wanted = list(keys)
        if len(wanted) < 2:
            return [self.fetch(key, immutable=True) for key in wanted]
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda key: self.fetch(key, immutable=True), wanted))

    def exists(self, key: str) -> bool:
        from minio.error import S3Error

        with self._told(key):
            try:
                self.client.stat_object(self.bucket, self.prefix + _checked(key))
            except S3Error as error:
                if error.code == "NoSuchKey":
                    return False
                raise
        return True

    def size(self, key: str) -> int:
        with self._told(key):
            return int(self.client.stat_object(self.bucket, self.prefix + _checked(key)).size)

    def keys(self, prefix: str = "") -> Iterator[str]:
        with self._told(prefix):
            for found in self.client.list_objects(self.bucket, self.prefix + prefix, recursive=True):
                yield str(found.object_name).removeprefix(self.prefix)

    def delete(self, key: str) -> None:
        with self._told(key):
            self.client.remove_object(self.bucket, self.prefix + _checked(key))

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{key}"

    def check(self) -> None:
        with self._told(""):
            # Listing asks for the bucket, the keys and the right to read at once; a HEAD of the bucket says less when it fails.
            next(iter(self.client.list_objects(self.bucket, self.prefix, recursive=False)), None)

    def sweep(self, older_h: float) -> None:
        _sweep(self.cache / ".parts", older_h)  # the server itself forgets uploads that were never finished

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        import urllib3.exceptions
        from minio.error import S3Error

        try:
            yield
        except S3Error as error:
            raise self._refused(str(error.code), key, error.message or "") from error
        except urllib3.exceptions.HTTPError as error:
            raise Refused(
                en=f"{self.uri(key)}: {self.s3.url} does not answer. Start it, or put its address into MATTHAN_S3_ENDPOINT.",
                vi=f"{self.uri(key)}: {self.s3.url} không trả lời. Hãy khởi động nó hoặc sửa MATTHAN_S3_ENDPOINT.",
            ) from error
        except OSError as error:
            told = refusal(error, f"{self.cache} ({self.uri(key)})")
            if told is None:
                raise
            raise told from error

    def _refused(self, code: str, key: str, message: str) -> Refused:
        uri = self.uri(key)
        if code == "NoSuchKey":
            return _nothing_there(uri)
        if code == "NoSuchBucket":
            return Refused(
                en=f"{uri}: {self.s3.url} has no bucket {self.bucket}. Create it (mc mb), or correct MATTHAN_STORE.",
                vi=f"{uri}: {self.s3.url} không có bucket {self.bucket}. Hãy tạo (mc mb) hoặc sửa MATTHAN_STORE.",
            )
        if code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "AllAccessDisabled", "ExpiredToken", "InvalidToken"):
            return Refused(
                en=f"{uri}: {self.s3.url} refuses the key {self.s3.access_key} ({code}). Check AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY and what the key may do in this bucket.",
                vi=f"{uri}: {self.s3.url} từ chối khóa {self.s3.access_key} ({code}). Hãy kiểm tra AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY và quyền của khóa trong bucket này.",
            )
        if "Full" in code or "Quota" in code or code == "InsufficientStorage":
            return Refused(
                en=f"{uri}: {self.s3.url} has no space left ({code}). Free some or add disks.",
                vi=f"{uri}: {self.s3.url} hết chỗ ({code}). Hãy giải phóng hoặc thêm đĩa.",
            )
        return Refused(en=f"{uri}: {self.s3.url} says {code}: {message}", vi=f"{uri}: {self.s3.url} báo {code}: {message}")


def _sweep(parts: Path, older_h: float) -> None:
    for path in parts.iterdir() if parts.is_dir() else ():
        if path.stat().st_mtime < time.time() - older_h * 3600:
            path.unlink(missing_ok=True)


def _keys_of(settings: Settings, uri: str) -> S3:
    if settings.s3 is None or not settings.s3.access_key or not settings.s3.secret_key:
        raise Refused(
            en=f"{uri}: no S3 key. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and MATTHAN_S3_ENDPOINT for anything but Amazon).",
            vi=f"{uri}: chưa có khóa S3. Hãy đặt AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (và MATTHAN_S3_ENDPOINT nếu không phải Amazon).",
        )
    return settings.s3


def evict(folder: Path, most_bytes: int, *, grace_s: float = 3600.0) -> int:
    """Deletes the longest unused files until at most `most_bytes` lie under `folder`; spares what was used within the grace.

    Returns:
        bytes deleted.
    """
    files = [(path.stat(), path) for path in folder.rglob("*") if path.is_file()]
    excess = sum(stat.st_size for stat, _ in files) - most_bytes
    deleted = 0
    for stat, path in sorted(files, key=lambda item: item[0].st_mtime):
        if deleted >= excess or stat.st_mtime > time.time() - grace_s:
            break
        path.unlink(missing_ok=True)
        deleted += stat.st_size
    return deleted
