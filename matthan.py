"""The front door: one command line, nothing else. It parses and dispatches; every command's work is a function in `jobs/`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from analytics.errors import Refused
from jobs import flags
from jobs.flags import WRONG, Parser

if TYPE_CHECKING:
    from cluster.settings import Settings

FORMATS = ("table", "json", "csv", "parquet", "html")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Returns:
        0 done, also when nothing was found; 1 unexpected; 2 the command or a configuration is wrong; 3 done, but some footage
        could not be read; 130 interrupted.
    """
    from cluster import settings as configuration

    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        settings = configuration.load()
        broken = None
    except Refused as refusal:  # --help works all the same
        settings, broken = configuration.load({}), refusal
    parser = build(settings.language)
    try:
        given = parser.parse_args(words)
    except SystemExit as end:  # argparse has said why
        return int(end.code or 0)
    if broken is not None:
        return _say(broken.say(settings.language), WRONG)
    return _run(settings, given, words)


def _run(settings: "Settings", given: argparse.Namespace, words: Sequence[str]) -> int:
    from jobs.terminal import guarded

    def command(terminal: Any) -> int:
        module, name = given.does.split(":")
        act: Callable[[Any, Any, Any], int] = getattr(import_module(module), name)
        return act(settings, given, terminal)

    return guarded(settings, command, words)


def _say(message: str, code: int) -> int:
    print(f"matthan: {message}", file=sys.stderr)
    return code


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib.metadata import version

        print(f"matthan {version('matthan')}")
        parser.exit()


def build(language: str) -> argparse.ArgumentParser:
    """The whole command line, in "vi" or "en"."""
    return _Commands(language == "vi").parser


class _Commands:
    """Every command with its flags, and the function that does it (`does`: "module:function")."""

    def __init__(self, vi: bool) -> None:
        Parser.vi = vi
        self.vi = vi
        self._language = "vi" if vi else "en"
        self.parser = Parser(
            prog="matthan",
            description=self._(
                "Mắt Thần: searches a city's archived camera footage.", "Mắt Thần: tìm trong phim lưu trữ của camera thành phố."
            ),
            epilog=self._(
                "Times are ISO 8601; without a zone they are Asia/Ho_Chi_Minh (MATTHAN_TIMEZONE). Settings: MATTHAN_HOME, "
                "MATTHAN_CAMERAS,\nMATTHAN_WEIGHTS, MATTHAN_STORE, MATTHAN_LANGUAGE (vi, en), or matthan.toml in MATTHAN_HOME.\n"
                "Exit codes: 0 done, 1 unexpected, 2 command or configuration wrong, 3 done but some footage could not be read.",
                "Thời gian theo ISO 8601; không ghi múi giờ là giờ Việt Nam (MATTHAN_TIMEZONE). Cấu hình: MATTHAN_HOME, "
                "MATTHAN_CAMERAS,\nMATTHAN_WEIGHTS, MATTHAN_STORE, MATTHAN_LANGUAGE (vi, en), hoặc matthan.toml trong MATTHAN_HOME.\n"
                "Mã thoát: 0 xong, 1 lỗi bất ngờ, 2 lệnh hoặc cấu hình sai, 3 xong nhưng có phim không đọc được.",
            ),
        )
        told = self._("show the version", "xem phiên bản")
        self.parser.add_argument("--version", action=_Version, nargs=0, help=told)
        self._top = self.parser.add_subparsers(
            metavar=self._("COMMAND", "LỆNH"), required=True, dest="command", title=self._("commands", "các lệnh")
        )
        self._demo_and_doctor()
        self._models()
        self._cameras()
        self._footage()
        self._index()
        self._search()
        self._other_questions()
        self._drill()
        self._bench()

    def _(self, en: str, vi: str) -> str:
        return vi if self.vi else en

    def _add(self, under: Any, name: str, does: str | None, en: str, vi: str) -> argparse.ArgumentParser:
        told = self._(en, vi)
        made: argparse.ArgumentParser = under.add_parser(name, help=told, description=f"{told[0].upper()}{told[1:]}.")
        if does:
            made.set_defaults(does=does)
        return made

    def _group(self, name: str, en: str, vi: str) -> Any:
        parser = self._add(self._top, name, None, en, vi)
        return parser.add_subparsers(metavar=self._("WHAT", "VIỆC"), required=True, dest="what", title=self._("what", "việc"))

    def _format(self, parser: argparse.ArgumentParser, formats: Sequence[str] = FORMATS) -> None:
        told = self._("how the answer is written (default: table)", "dạng của câu trả lời (mặc định: table)")
        parser.add_argument("--format", choices=formats, default="table", help=told)
        if "parquet" in formats:
            into = self._("write the answer to a file instead of standard output", "ghi câu trả lời vào tệp thay vì đầu ra chuẩn")
            parser.add_argument("--out", metavar="FILE", help=into)

    def _span(self, parser: argparse.ArgumentParser) -> None:
        since = self._("from this time on (default: where the footage begins)", "từ thời điểm này (mặc định: từ đầu phim)")
        until = self._("up to this time (default: where the footage ends)", "đến thời điểm này (mặc định: đến hết phim)")
        parser.add_argument("--from", dest="since", metavar="TIME", help=since)
        parser.add_argument("--to", dest="until", metavar="TIME", help=until)

    def _demo_and_doctor(self) -> None:
        demo = self._add(
            self._top,
            "demo",
            "jobs.demo:command",
            "render a small scene, index it, search it, and show what was found beside the truth",
            "dựng một cảnh nhỏ, lập chỉ mục, tìm kiếm và so kết quả với sự thật",
        )
        demo.add_argument("--seed", type=int, default=7, help=self._("which scene (default: 7)", "cảnh nào (mặc định: 7)"))
        doctor = self._add(
            self._top,
            "doctor",
            "jobs.doctor:command",
            "what this machine has, what is missing, how to get it",
            "máy này có gì, thiếu gì, lấy ở đâu",
        )
        self._format(doctor, ("table", "json"))

    def _models(self) -> None:
        group = self._group("models", "the catalogue of networks", "danh mục mô hình")
        listed = self._add(group, "list", "jobs.catalogue:list_", "the models that have a name", "các mô hình có tên")
        self._format(listed, ("table", "json", "csv"))
        pull = self._add(
            group,
            "pull",
            "jobs.catalogue:pull",
            "fetch a model's weights once, checked by their hash",
            "tải trọng số của mô hình một lần, kiểm bằng mã băm",
        )
        pull.add_argument("name", metavar="NAME", help=self._("a name of the catalogue", "một tên trong danh mục"))
        bench = self._add(
            group,
            "bench",
            "jobs.catalogue:bench",
            "measure the backends on this machine and remember the fastest",
            "đo các backend trên máy này và nhớ cái nhanh nhất",
        )
        bench.add_argument(
            "--model", default="street", metavar="NAME|FILE", help=self._("which model (default: street)", "mô hình nào (mặc định: street)")
        )
        bench.add_argument(
            "--footage",
            metavar="FILE",
            help=self._(
                "whose pictures to measure with (default: registered footage)", "đo bằng hình của tệp nào (mặc định: phim đã ghi nhận)"
            ),
        )
        bench.add_argument(
            "--all",
            action="store_true",
            help=self._("every backend, precision and number of threads", "mọi backend, độ chính xác và số luồng"),
        )
        self._format(bench, ("table", "json"))

    def _cameras(self) -> None:
        group = self._group("cameras", "the camera files", "các tệp camera")
        self._format(self._add(group, "list", "jobs.cameras:list_", "all cameras", "mọi camera"), ("table", "json", "csv"))
        show = self._add(group, "show", "jobs.cameras:show", "one camera, as it is understood", "một camera, như chương trình hiểu")
        show.add_argument("camera", metavar="ID")
        self._format(show, ("table", "json"))
        check = self._add(group, "check", "jobs.cameras:check", "look for mistakes in the camera files", "tìm lỗi trong các tệp camera")
        check.add_argument("cameras", metavar="ID|FILE", nargs="*", help=self._("only these", "chỉ những camera này"))
        still = self._add(
            group,
            "still",
            "jobs.cameras:still",
            "a picture with a pixel grid and what is drawn so far, to place lines, zones and ground points",
            "một ảnh có lưới tọa độ và những gì đã vẽ, để đặt vạch, vùng và điểm mặt đất",
        )
        still.add_argument("camera", metavar="ID")
        still.add_argument(
            "--at",
            metavar="TIME",
            help=self._("when (default: the middle of the latest footage)", "lúc nào (mặc định: giữa đoạn phim mới nhất)"),
        )
        still.add_argument("--out", required=True, metavar="FILE.jpg|.png", help=self._("the picture to write", "tệp ảnh sẽ ghi"))
        schema = self._add(
            group,
            "schema",
            "jobs.cameras:schema",
            "every field of a camera file, and every kind of rule",
            "mọi mục của tệp camera và mọi loại luật",
        )
        self._format(schema, ("table", "json"))

    def _footage(self) -> None:
        group = self._group("footage", "the register of recordings", "sổ các đoạn phim")
        add = self._add(
            group, "add", "jobs.registering:add", "register files, folders or s3:// addresses", "ghi nhận tệp, thư mục hoặc địa chỉ s3://"
        )
        add.add_argument("paths", metavar="PATH|s3://…", nargs="+")
        flags.starts(add, self._language)
        listed = self._add(group, "list", "jobs.registering:list_", "what is registered", "những gì đã ghi nhận")
        listed.add_argument("--camera", metavar="ID")
        self._format(listed, ("table", "json", "csv"))
        remove = self._add(
            group,
            "remove",
            "jobs.registering:remove",
            "take footage out of the register, and what was found in it; files stay",
            "bỏ đoạn phim khỏi sổ cùng những gì tìm được trong đó; tệp vẫn còn",
        )
        remove.add_argument("names", metavar="PATH|SHA256", nargs="+")
        remove.add_argument("--camera", metavar="ID")

    def _index(self) -> None:
        index = self._add(
            self._top,
            "index",
            "jobs.indexing:command",
            "look at footage, so that it can be searched; again does only what is missing",
            "xem phim để tìm kiếm được; chạy lại chỉ làm phần còn thiếu",
        )
        flags.index(index, self._language)

    def _search(self) -> None:
        search = self._add(self._top, "search", "jobs.finding:search_", "find objects and events", "tìm đối tượng và sự kiện")
        self._span(search)
        add = search.add_argument
        add("--camera", metavar="ID", action="append", help=self._("only this camera; may be repeated", "chỉ camera này; có thể lặp lại"))
        add(
            "--object",
            metavar="CLASS",
            help=self._("person, bicycle, motorcycle, car, bus, truck", "person, bicycle, motorcycle, car, bus, truck"),
        )
        add(
            "--colour",
            "--color",
            dest="colour",
            metavar="COLOUR",
            help=self._("red, white, …", "red (đỏ), white (trắng), …"),
        )
        add(
            "--event",
            metavar="KIND",
            help=self._("wrong_way, illegal_stop, speeding, …", "wrong_way (ngược chiều), illegal_stop, speeding, …"),
        )
        add("--zone", metavar="NAME", help=self._("seen in this zone, or an event of it", "đi qua vùng này, hoặc sự kiện của vùng"))
        add(
            "--direction",
            metavar="N|NE|…|up|down|left|right",
            help=self._("where it went: by the compass or in the picture", "đi về hướng nào: theo la bàn hoặc trong ảnh"),
        )
        add(
            "--min-speed",
            type=float,
            metavar="KMH",
            help=self._("km/h, where the camera's ground is known", "km/h, khi camera có mặt đất đã đo"),
        )
        add("--min-duration", type=float, metavar="S", help=self._("seconds in view", "số giây xuất hiện"))
        add("--near", metavar="LAT,LON,M", help=self._("cameras within so many metres", "các camera trong bán kính từng này mét"))
        add("--limit", type=flags.positive, metavar="N", help=self._("at most so many hits", "nhiều nhất từng này kết quả"))
        add(
            "--index-missing",
            action="store_true",
            help=self._("first look at footage that was not looked at", "trước hết xem phần phim chưa xem"),
        )
        self._format(search)

    def _other_questions(self) -> None:
        counts = self._add(self._top, "counts", "jobs.finding:counts_", "how many crossed the lines", "bao nhiêu lượt qua các vạch")
        counts.add_argument("--camera", metavar="ID", required=True)
        self._span(counts)
        counts.add_argument("--line", metavar="NAME", help=self._("only this line", "chỉ vạch này"))
        counts.add_argument(
            "--by",
            metavar="class,direction,15min",
            help=self._("one row for each (default: class,direction)", "mỗi giá trị một dòng (mặc định: class,direction)"),
        )
        self._format(counts)
        rewind = self._add(
            self._top,
            "rewind",
            "jobs.finding:rewind",
            "new rules over what was seen before; no video is touched",
            "chạy luật mới trên những gì đã xem; không đụng tới phim",
        )
        rewind.add_argument("rules", metavar="RULES.yaml", help=self._("the rules: list alone", "riêng danh sách rules:"))
        rewind.add_argument("--camera", metavar="ID", required=True)
        self._span(rewind)
        self._format(rewind)
        coverage = self._add(
            self._top,
            "coverage",
            "jobs.finding:coverage_",
            "what was looked at, what not, and why",
            "phần nào đã xem, phần nào chưa và vì sao",
        )
        coverage.add_argument("--camera", metavar="ID", required=True)
        self._span(coverage)
        self._format(coverage)
        show = self._add(self._top, "show", "jobs.show:command", "the clip or picture behind a hit", "đoạn phim hoặc ảnh của một kết quả")
        show.add_argument("hit", metavar="HIT_ID", help=self._("as search gives it", "như lệnh search cho biết"))
        show.add_argument(
            "--out",
            required=True,
            metavar="clip.mp4|still.jpg",
            help=self._("what to write: .mp4, .jpg or .png", "tệp sẽ ghi: .mp4, .jpg hoặc .png"),
        )

    def _drill(self) -> None:
        group = self._group("drill", "rendered scenes with known truth", "cảnh dựng với sự thật đã biết")
        render = self._add(group, "render", "jobs.drill:render_command", "render a scene", "dựng một cảnh")
        render.add_argument("scene", metavar="SCENE", help="demo, street, night, gate, jam")
        render.add_argument(
            "--seed", type=int, default=0, metavar="N", help=self._("which one of its kind (default: 0)", "bản nào (mặc định: 0)")
        )
        render.add_argument(
            "--seconds", type=flags.seconds, default=60.0, metavar="S", help=self._("how long (default: 60)", "dài bao lâu (mặc định: 60)")
        )
        render.add_argument(
            "--fps",
            type=flags.seconds,
            default=12.5,
            metavar="N",
            help=self._("frames a second (default: 12.5)", "số hình mỗi giây (mặc định: 12.5)"),
        )
        render.add_argument(
            "--out",
            required=True,
            metavar="DIR",
            help=self._("the folder for video, truth and camera file", "thư mục cho phim, sự thật và tệp camera"),
        )
        score = self._add(group, "score", "jobs.drill:score_command", "events found against the truth", "so sự kiện tìm được với sự thật")
        score.add_argument(
            "--seeds",
            type=flags.positive,
            default=None,
            metavar="N",
            help=self._("how many of each scene (default: 4)", "mỗi cảnh bao nhiêu bản (mặc định: 4)"),
        )
        score.add_argument("--scenes", nargs="+", metavar="SCENE", help=self._("only these", "chỉ các cảnh này"))
        score.add_argument(
            "--fps",
            type=flags.seconds,
            default=12.5,
            metavar="N",
            help=self._("frames a second (default: 12.5)", "số hình mỗi giây (mặc định: 12.5)"),
        )
        self._format(score, ("table", "json"))

    def _bench(self) -> None:
        group = self._group("bench", "measure the speed of this machine", "đo tốc độ trên máy này")
        made = {}
        for name, en, vi in (
            ("engine", "the engine alone, from observations", "riêng phần lõi, từ các quan sát"),
            ("archive", "indexing against the usual recipe, CPU and counts", "lập chỉ mục so với cách thường dùng, CPU và số đếm"),
            ("search", "questions to ten million stored tracks", "câu hỏi trên mười triệu vết đã lưu"),
        ):
            made[name] = self._add(group, name, f"jobs.bench_{name}:command", en, vi)
            self._format(made[name], ("table", "json"))
        made["archive"].add_argument(
            "--seconds", type=flags.seconds, metavar="S", help=self._("length of the file (default: 600)", "độ dài tệp (mặc định: 600)")
        )
        made["search"].add_argument(
            "--tracks",
            type=flags.positive,
            metavar="N",
            help=self._("how many (default: 10 million)", "bao nhiêu vết (mặc định: 10 triệu)"),
        )
        made["search"].add_argument("--keep", action="store_true", help=self._("keep them for a second run", "giữ lại cho lần chạy sau"))


if __name__ == "__main__":
    sys.exit(main())
