"""Settings: the only reader of the environment and of `matthan.toml`. Read once, frozen, sent to workers as they are."""

import difflib
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from analytics.errors import Refused

_VARIABLES = {
    "MATTHAN_HOME": "home",
    "MATTHAN_CAMERAS": "cameras",
    "MATTHAN_WEIGHTS": "weights",
    "MATTHAN_STORE": "store",
    "MATTHAN_RAY_ADDRESS": "ray_address",
    "MATTHAN_LANGUAGE": "language",
    "MATTHAN_TIMEZONE": "timezone",
}
_S3_VARIABLES = {
    "MATTHAN_S3_ENDPOINT": "endpoint",
    "AWS_ACCESS_KEY_ID": "access_key",
    "AWS_SECRET_ACCESS_KEY": "secret_key",
    "AWS_SESSION_TOKEN": "session_token",
    "AWS_REGION": "region",
    "AWS_DEFAULT_REGION": "region",
}
_TESTS_ONLY = {"MATTHAN_REQUIRE_MINIO"}
"""Read by the tests and by .ci/run, never by the program."""


@dataclass(frozen=True, slots=True)
class S3:
    """How to reach the object store behind an `s3://` address.

    Attributes:
        endpoint: `host:port`, without a scheme; None is Amazon's own.
        secure: whether it is spoken to over TLS.
    """

    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    region: str = "us-east-1"
    secure: bool = True

    @property
    def url(self) -> str:
        """The endpoint with its scheme."""
        return f"{'https' if self.secure else 'http'}://{self.endpoint or 's3.amazonaws.com'}"


@dataclass(frozen=True, slots=True)
class Settings:
    """What this installation uses.

    Attributes:
        home: folder of `matthan.toml`, and by default of everything else.
        cameras: folder of the camera files.
        weights: a folder of weights looked into before anything is downloaded.
        store: a folder, or `s3://bucket` with an optional prefix.
        s3: set where `store` is an `s3://` address, and where S3 keys are at hand for footage that lies there.
        ray_address: the Ray cluster; None starts a local one.
        timezone: how times without a zone are read.
    """

    home: Path
    cameras: Path
    store: str
    weights: Path | None = None
    s3: S3 | None = None
    ray_address: str | None = None
    language: Literal["vi", "en"] = "en"
    timezone: str = "Asia/Ho_Chi_Minh"

    @property
    def cache(self) -> Path:
        """Copies of immutable objects, pulled weights, remembered measurements: all of it can be thrown away."""
        return self.home / "cache"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def on_s3(self) -> bool:
        return self.store.startswith("s3://")

    @property
    def lake_uri(self) -> str:
        """Where the lake's tables lie: a folder's path or an `s3://` address."""
        return f"{self.store.rstrip('/')}/lake"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def environment(self) -> dict[str, str]:
        """This process's environment, but with what makes another one load these same settings."""
        s3 = self.s3
        given = {
            "MATTHAN_HOME": str(self.home),
            "MATTHAN_CAMERAS": str(self.cameras),
            "MATTHAN_WEIGHTS": str(self.weights) if self.weights else None,
            "MATTHAN_STORE": self.store,
            "MATTHAN_RAY_ADDRESS": self.ray_address,
            "MATTHAN_LANGUAGE": self.language,
            "MATTHAN_TIMEZONE": self.timezone,
            "MATTHAN_S3_ENDPOINT": s3.url if s3 and s3.endpoint else None,
            "AWS_ACCESS_KEY_ID": s3.access_key if s3 else None,
            "AWS_SECRET_ACCESS_KEY": s3.secret_key if s3 else None,
            "AWS_SESSION_TOKEN": s3.session_token if s3 else None,
            "AWS_REGION": s3.region if s3 else None,
        }
        rest = {name: value for name, value in os.environ.items() if name not in (*_VARIABLES, *_S3_VARIABLES)}
        return rest | {name: value for name, value in given.items() if value is not None}


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Reads the environment, then `matthan.toml` in the home folder; the environment wins.

    Raises:
        Refused: an unknown key, or a value that cannot be meant.
    """
    env = dict(os.environ if environ is None else environ)
    _check_known([k for k in env if k.startswith("MATTHAN_")], [*_VARIABLES, "MATTHAN_S3_ENDPOINT", *_TESTS_ONLY], "the environment")
    home = Path(env["MATTHAN_HOME"]).expanduser().absolute() if env.get("MATTHAN_HOME") else _data_folder(env) / "matthan"
    given = _file(home / "matthan.toml")
    s3 = given.pop("s3", {})
    given |= {key: _from_here(key, env[name]) for name, key in _VARIABLES.items() if env.get(name) and key != "home"}
    s3 |= {key: env[name] for name, key in reversed(_S3_VARIABLES.items()) if env.get(name)}
    return Settings(
        home=home,
        cameras=_folder(given.get("cameras"), home) or home / "cameras",
        weights=_folder(given.get("weights"), home),
        store=_store(given.get("store"), home),
        s3=_s3(s3) if s3 else None,
        ray_address=given.get("ray_address"),
        language=_language(given.get("language"), env),
        timezone=_timezone(given.get("timezone")),
    )


def _data_folder(env: Mapping[str, str]) -> Path:
    if env.get("XDG_DATA_HOME"):
        return Path(env["XDG_DATA_HOME"])
    user = Path(env["HOME"]) if env.get("HOME") else Path.home()
    return user / "Library" / "Application Support" if sys.platform == "darwin" else user / ".local" / "share"


def _file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(en=f"{path} is not TOML: {error}.", vi=f"{path} không phải TOML: {error}.") from error
    _check_known(given, [*(k for k in _VARIABLES.values() if k != "home"), "s3"], str(path))
    if not isinstance(given.get("s3", {}), dict):
        raise Refused(en=f"{path}: s3 is a section, [s3].", vi=f"{path}: s3 là một mục, [s3].")
    _check_known(given.get("s3", {}), [*dict.fromkeys(_S3_VARIABLES.values()), "secure"], f"{path}, [s3]")
    for key, value in given.items():
        if key != "s3" and not isinstance(value, str):
            raise Refused(en=f"{path}: {key} is a text, given {value!r}.", vi=f"{path}: {key} là chữ, không phải {value!r}.")
    return given


def _check_known(given: Any, known: list[str], where: str) -> None:
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.5)
            en, vi = (f" Did you mean {near[0]}?", f" Ý bạn là {near[0]}?") if near else ("", "")
            raise Refused(
                en=f"{where}: unknown key {key}.{en} Known: {', '.join(known)}.",
                vi=f"{where}: không có khóa {key}.{vi} Các khóa: {', '.join(known)}.",
            )


def _from_here(key: str, value: str) -> str:
    """A folder named in the environment counts from the current folder; one named in `matthan.toml` from the home."""
    is_folder = key in ("cameras", "weights", "store") and "://" not in value
    return str(Path(value).expanduser().absolute()) if is_folder else value


def _folder(value: str | None, home: Path) -> Path | None:
    return (home / Path(value).expanduser()).absolute() if value else None


def _store(value: str | None, home: Path) -> str:
    if not value:
        return str(home / "store")
    if value.startswith("s3://"):
        if not value.removeprefix("s3://").strip("/"):
            raise Refused(en="MATTHAN_STORE: s3:// wants a bucket: s3://bucket.", vi="MATTHAN_STORE: s3:// cần tên bucket: s3://bucket.")
        return value.rstrip("/")
    if "://" in value:
        raise Refused(
            en=f"MATTHAN_STORE: {value} is neither a folder nor s3://bucket.",
            vi=f"MATTHAN_STORE: {value} không phải thư mục, cũng không phải s3://bucket.",
        )
    return str(_folder(value, home))


def _s3(given: dict[str, Any]) -> S3:
    endpoint = given.get("endpoint")
    secure = given.get("secure", True)
    if endpoint:
        scheme, _, rest = endpoint.rpartition("://")
        if scheme not in ("", "http", "https") or not rest.strip("/") or "/" in rest.strip("/"):
            raise Refused(
                en=f"S3 endpoint {endpoint}: wanted http://host:port or https://host.",
                vi=f"Điểm cuối S3 {endpoint}: cần http://host:port hoặc https://host.",
            )
        endpoint = rest.strip("/")
        secure = scheme == "https" if scheme else secure
    return S3(
        endpoint=endpoint or None,
        access_key=given.get("access_key"),
        secret_key=given.get("secret_key"),
        session_token=given.get("session_token"),
        region=given.get("region") or "us-east-1",
        secure=bool(secure),
    )


def _language(value: str | None, env: Mapping[str, str]) -> Literal["vi", "en"]:
    if value is None:
        spoken = env.get("LC_ALL") or env.get("LC_MESSAGES") or env.get("LANG") or ""
        return "vi" if spoken.lower().startswith("vi") else "en"
    if value == "vi":
        return "vi"
    if value == "en":
        return "en"
    raise Refused(en=f"Language {value}: wanted vi or en.", vi=f"Ngôn ngữ {value}: cần vi hoặc en.")


def _timezone(value: str | None) -> str:
    if value:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise Refused(
                en=f"Time zone {value} is unknown; wanted a name such as Asia/Ho_Chi_Minh.",
                vi=f"Không có múi giờ {value}; cần tên như Asia/Ho_Chi_Minh.",
            ) from error
    return value or "Asia/Ho_Chi_Minh"
