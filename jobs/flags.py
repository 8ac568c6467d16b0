"""The flags of `matthan index`, as the front door and `python -m jobs.index` both have them. Imports nothing heavy."""

import argparse


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


def seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"wanted more than 0, given {text}")
    return value


def rate(text: str) -> float | None:
    return None if text == "auto" else seconds(text)
