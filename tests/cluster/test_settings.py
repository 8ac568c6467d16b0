"""Settings: the environment wins over matthan.toml; what is unknown or cannot be meant is refused with the nearest known."""

import pickle
from pathlib import Path

import pytest

from analytics.errors import Refused
from cluster.settings import S3, load


def test_defaults_lie_in_the_users_data_folder() -> None:
    settings = load({"HOME": "/u", "LANG": "vi_VN.UTF-8"})
    home = Path("/u/.local/share/matthan")
    assert settings.home == home
    assert settings.cameras == home / "cameras"
    assert settings.store == str(home / "store")
    assert settings.lake_uri == str(home / "store" / "lake")
    assert (settings.weights, settings.s3, settings.ray_address) == (None, None, None)
    assert (settings.language, settings.timezone) == ("vi", "Asia/Ho_Chi_Minh")
    assert load({"XDG_DATA_HOME": "/d"}).home == Path("/d/matthan")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "matthan.toml").write_text(
        'store = "s3://city"\nlanguage = "vi"\ncameras = "cams"\n[s3]\nendpoint = "http://minio:9000"\naccess_key = "k"\nsecret_key = "x"\n'
    )
    file_alone = load({"MATTHAN_HOME": str(tmp_path)})
    assert file_alone.store == "s3://city"
    assert file_alone.cameras == tmp_path / "cams"
    assert file_alone.s3 == S3("minio:9000", "k", "x", secure=False)
    both = load({"MATTHAN_HOME": str(tmp_path), "MATTHAN_LANGUAGE": "en", "AWS_SECRET_ACCESS_KEY": "y", "MATTHAN_STORE": "/data"})
    assert (both.language, both.store) == ("en", "/data")
    assert both.s3 == S3("minio:9000", "k", "y", secure=False)


def test_a_relative_folder_counts_from_where_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load({"MATTHAN_HOME": "/h", "MATTHAN_STORE": "data"}).store == str(tmp_path / "data")
    assert load({"MATTHAN_HOME": "home"}).home == tmp_path / "home"


@pytest.mark.parametrize(
    ("endpoint", "wanted"),
    [
        ("http://127.0.0.1:9000", ("127.0.0.1:9000", False)),
        ("https://s3.example", ("s3.example", True)),
        ("s3.example:443", ("s3.example:443", True)),
        ("https://s3.example/", ("s3.example", True)),
    ],
)
def test_endpoint(endpoint: str, wanted: tuple[str, bool]) -> None:
    s3 = load({"HOME": "/u", "MATTHAN_S3_ENDPOINT": endpoint}).s3
    assert s3 is not None
    assert (s3.endpoint, s3.secure) == wanted


@pytest.mark.parametrize(
    ("environment", "file", "says"),
    [
        ({"MATTHAN_STOER": "/x"}, "", "Did you mean MATTHAN_STORE?"),
        ({}, "stroe = '/x'", "Did you mean store?"),
        ({}, "[s3]\nsecret_ky = 'x'", "Did you mean secret_key?"),
        ({}, "store = ", "is not TOML"),
        ({}, "store = 3", "store is a text"),
        ({}, "s3 = 'x'", "s3 is a section"),
        ({"MATTHAN_STORE": "s3://"}, "", "wants a bucket"),
        ({"MATTHAN_STORE": "gs://b"}, "", "neither a folder nor s3://bucket"),
        ({"MATTHAN_LANGUAGE": "fr"}, "", "wanted vi or en"),
        ({"MATTHAN_TIMEZONE": "Asia/Hanoi"}, "", "Asia/Ho_Chi_Minh"),
        ({"MATTHAN_S3_ENDPOINT": "ftp://x"}, "", "http://host:port"),
    ],
)
def test_refused(environment: dict[str, str], file: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "matthan.toml").write_text(file)
    with pytest.raises(Refused, match=says) as caught:
        load({"MATTHAN_HOME": str(tmp_path), **environment})
    assert caught.value.say("vi") != caught.value.say("en")


def test_they_travel_and_keep_their_secrets() -> None:
    settings = load(
        {"HOME": "/u", "AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_REGION": "eu-1", "AWS_DEFAULT_REGION": "us-2"}
    )
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert "hush" not in repr(settings)
    assert settings.s3 is not None
    assert settings.s3.region == "eu-1"


def test_another_process_can_load_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTHAN_RAY_ADDRESS", "elsewhere:6379")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-2")
    for environment in (
        {"HOME": "/u"},
        {"MATTHAN_HOME": "/h", "MATTHAN_STORE": "s3://city/a", "MATTHAN_S3_ENDPOINT": "http://m:9000", "AWS_ACCESS_KEY_ID": "k"},
        {"MATTHAN_HOME": "/h", "MATTHAN_WEIGHTS": "/w", "MATTHAN_LANGUAGE": "vi", "MATTHAN_TIMEZONE": "UTC", "AWS_REGION": "eu-1"},
    ):
        settings = load(environment)
        assert load(settings.environment()) == settings
