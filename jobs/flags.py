"""What command lines share: a parser that speaks the user's language, the flags of `matthan index`, numbers. Imports nothing heavy."""

import argparse
import re
import sys
from typing import Any, NoReturn

WRONG = 2
"""The exit code of a command line that is wrong."""
_USAGE_VI = (
    (r"the following arguments are required: (.*)", "còn thiếu: {}"),
    (r"unrecognized arguments: (.*)", "không hiểu: {}"),
    (r"argument (.*): invalid choice: (.*) \(choose from (.*)\)", "{}: không có {}; chọn một trong {}"),
    (r"argument (.*): expected one argument", "{}: cần một giá trị"),
    (r"argument (.*): expected at least one argument", "{}: cần ít nhất một giá trị"),
    (r"argument (.*): not allowed with argument (.*)", "{}: không dùng cùng {}"),
    (r"argument (.*): invalid \w+ value: (.*)", "{}: không nhận giá trị {}"),
    (r"argument (.*): wanted (.*) or more, given (.*)", "{}: cần từ {} trở lên, đã ghi {}"),
    (r"argument (.*): wanted more than (.*), given (.*)", "{}: cần lớn hơn {}, đã ghi {}"),
    (r"argument (.*): (.*)", "{}: {}"),
)
"""What argparse says, and what `whole`, `positive` and `seconds` below say through it, in Vietnamese."""


class Parser(argparse.ArgumentParser):
    """Speaks the user's language; adds `-h` in it."""

    vi = False

    def __init__(self, **given: Any) -> None:
        super().__init__(**given, add_help=False, formatter_class=_Help, allow_abbrev=False)
        self._positionals.title = "tham số" if self.vi else "arguments"
        self._optionals.title = "tùy chọn" if self.vi else "options"
        self.add_argument("-h", "--help", action="help", help="xem trợ giúp này" if self.vi else "show this help")

    def error(self, message: str) -> NoReturn:
        said = message
        if self.vi:
            for pattern, translation in _USAGE_VI:
                if found := re.fullmatch(pattern, message):
                    said = translation.format(*found.groups())
                    break
        self.print_usage(sys.stderr)
        hint = f"Xem `{self.prog} --help`." if self.vi else f"See `{self.prog} --help`."
        self.exit(WRONG, f"{self.prog}: {said}. {hint}\n")


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str, **given: Any) -> None:
        super().__init__(prog, max_help_position=30, width=min(given.pop("width", None) or 118, 118), **given)

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, ("cách dùng: " if Parser.vi else "usage: ") if prefix is None else prefix)


def index(parser: argparse.ArgumentParser, language: str) -> None:
    """Adds what `jobs.indexing.command` reads."""
    vi = language == "vi"
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        help="tệp, thư mục, s3:// (mặc định: mọi đoạn đã ghi nhận)" if vi else "files, folders, s3:// (default: all that is registered)",
    )
    starts(parser, language)
    parser.add_argument(
        "--fps",
        type=rate,
        default=None,
        metavar="auto|N",
        help="số lần phát hiện mỗi giây; auto theo cảnh (mặc định)" if vi else "detections a second; auto follows the scene (default)",
    )
    parser.add_argument(
        "--model",
        metavar="NAME|FILE",
        help="dùng mô hình nào (mặc định: của camera, nếu không thì street)"
        if vi
        else "with which network (default: the camera's, else street)",
    )
    parser.add_argument("--dense", action="store_true", help="xem mười lần mỗi giây" if vi else "look ten times a second")
    cores = "how many cores to use; 0 works in this process, without Ray (default: all)"
    cores_vi = "dùng bao nhiêu nhân; 0 là chạy ngay trong tiến trình này, không có Ray (mặc định: tất cả)"
    parser.add_argument("--workers", type=whole, metavar="N", help=cores_vi if vi else cores)
    parser.add_argument("--estimate", action="store_true", help="chỉ cho biết sẽ mất bao lâu" if vi else "only say how long it would take")
    told = "dạng của câu trả lời (mặc định: table)" if vi else "how the answer is written (default: table)"
    parser.add_argument("--format", choices=("table", "json"), default="table", help=told)


def starts(parser: argparse.ArgumentParser, language: str) -> None:
    """Whose footage it is and when it begins: flags of everything that registers files."""
    vi = language == "vi"
    parser.add_argument(
        "--camera",
        metavar="ID",
        help="phim của camera nào (mặc định: camera trống theo tên tệp)"
        if vi
        else "whose footage it is (default: a bare camera named after the file)",
    )
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--start",
        metavar="TIME",
        help="tệp đầu bắt đầu lúc nào, các tệp sau nối tiếp (mặc định: giờ tạo ghi trong tệp, nếu không thì giờ của tệp)"
        if vi
        else "when the first file begins, the others follow (default: the container's creation time, else the file's)",
    )
    either.add_argument(
        "--start-from-name",
        metavar="PATTERN",
        help='giờ bắt đầu nằm trong tên tệp, ví dụ "%%Y%%m%%d_%%H%%M%%S"'
        if vi
        else 'when a file begins stands in its name, such as "%%Y%%m%%d_%%H%%M%%S"',
    )


def whole(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"wanted 0 or more, given {text}")
    return value


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"wanted 1 or more, given {text}")
    return value


def seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"wanted more than 0, given {text}")
    return value


def rate(text: str) -> float | None:
    return None if text == "auto" else seconds(text)
