"""`matthan cameras list | show | check | still | schema`: the camera files at the front door."""

import json
from argparse import Namespace
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from analytics.camera import Camera
from analytics.errors import Refused
from analytics.fields_vi import ABOUT
from analytics.names import unknown
from analytics.rules import registry
from cluster import cameras
from cluster.settings import Settings
from jobs import listing, times
from jobs.finding import cameras_of
from jobs.terminal import Terminal


def list_(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """All cameras."""
    rows: list[dict[str, Any]] = []
    for camera in cameras_of(settings).values():
        place = camera.location
        rows.append(
            {
                "id": camera.id,
                "name": camera.title(settings.language),
                "agency": camera.agency,
                "lat": place.lat if place else None,
                "lon": place.lon if place else None,
                "heading_deg": place.heading_deg if place else None,
                "resolution": list(camera.resolution),
                "lines": list(camera.lines),
                "zones": list(camera.zones),
                "ground": camera.ground is not None,
                "rules": list(dict.fromkeys(rule.kind for rule in camera.rules)),
            }
        )
    headings = (
        ("camera", "camera"),
        ("name", "tên"),
        ("agency", "đơn vị"),
        ("place", "vị trí"),
        ("picture", "hình"),
        ("lines", "vạch"),
        ("zones", "vùng"),
        ("rules", "luật"),
    )
    lines = []
    for row in rows:
        where = "" if row["lat"] is None else f"{row['lat']:.5f}, {row['lon']:.5f}"
        size = "×".join(map(str, row["resolution"]))
        name = "" if row["name"] == row["id"] else row["name"]
        lists = (", ".join(row[key]) for key in ("lines", "zones", "rules"))
        lines.append((row["id"], name, row["agency"] or "", where, size, *lists))
    nothing = (
        f"There are no camera files in {settings.cameras}. `matthan index FILE` makes one; `matthan cameras schema` has all fields.",
        f"Chưa có tệp camera nào trong {settings.cameras}. `matthan index TỆP` tạo một camera; `matthan cameras schema` cho biết các mục.",
    )
    return listing.give(terminal, given.format, "cameras", rows, headings, lines, nothing)


def show(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """One camera with every field, also those that its file leaves out."""
    import yaml

    camera = one(settings, given.camera)
    whole = camera.model_dump(mode="json", by_alias=True)
    if given.format == "json":
        terminal.answer(json.dumps(whole, ensure_ascii=False, indent=1))
    else:
        terminal.answer(f"# {settings.cameras / f'{camera.id}.yaml'}")
        terminal.answer(yaml.safe_dump(whole, allow_unicode=True, sort_keys=False, default_flow_style=None, width=120))
    return 0


def one(settings: Settings, name: str) -> Camera:
    """A camera by its id.

    Raises:
        Refused: there is none, or its file is wrong.
    """
    known = cameras_of(settings, [name])
    if name not in known:
        raise unknown("camera", "camera", name, known)
    return known[name]


def check(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """Reads every camera file and says all that is wrong in each; exit code 2 where something is."""
    fine: list[Camera] = []
    refused: list[Refused] = []
    if given.cameras:
        for file in [_file(settings, name) for name in given.cameras]:
            try:
                fine.append(cameras.load_one(file))
            except Refused as error:
                refused.append(error)
    else:
        known, refused = cameras.check(settings.cameras)
        fine = list(known.values())
    for camera in fine:
        terminal.answer(terminal.say(f"{camera.id}: fine, {len(camera.rules)} rules", f"{camera.id}: đúng, {len(camera.rules)} luật"))
    for refusal in refused:
        terminal.note(refusal.en, refusal.vi)
    if not fine and not refused:
        terminal.note(f"There are no camera files in {settings.cameras}.", f"Chưa có tệp camera nào trong {settings.cameras}.")
    return 2 if refused else 0


def _file(settings: Settings, name: str) -> Path:
    for path in (settings.cameras / f"{name}.yaml", settings.cameras / f"{name}.yml", Path(name)):
        if path.is_file():
            return path
    raise unknown("camera", "camera", name, [p.stem for p in cameras.files(settings.cameras)])


def still(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """A picture with a pixel grid and everything that the camera's file draws so far."""
    from cluster.lake import Lake
    from cluster.stills import stills
    from cluster.store import localise
    from jobs.footage import recall
    from jobs.show import STILLS, write_picture
    from models.drawing import draw_grid

    camera, out = one(settings, given.camera), Path(given.out)
    if out.suffix.lower() not in STILLS:
        raise Refused(en=f"--out {out}: wanted a file that ends in .jpg or .png.", vi=f"--out {out}: cần tệp có đuôi .jpg hoặc .png.")
    files = [f for f in recall(Lake(settings), camera.id) if f.error is None]
    if not files:
        raise Refused(
            en=f"There is no readable footage of {camera.id} to show. Add some: matthan footage add PATH --camera {camera.id}",
            vi=f"Chưa có phim đọc được của {camera.id} để lấy ảnh. Hãy thêm: matthan footage add PATH --camera {camera.id}",
        )
    file = max(files, key=lambda f: f.start)
    at = (file.start + file.end) / 2 + camera.clock_offset_s
    if given.at:
        at = times.parse(given.at, settings.zone)
        within = [f for f in files if f.start <= at - camera.clock_offset_s <= f.end]
        if not within:
            first, last = min(files, key=lambda f: f.start), max(files, key=lambda f: f.end)
            span = f"{times.show(first.start, settings.zone)} – {times.show(last.end, settings.zone)}"
            raise Refused(
                en=f"There is no footage of {camera.id} at {given.at}; there is some within {span}.",
                vi=f"Không có phim của {camera.id} lúc {given.at}; có trong khoảng {span}.",
            )
        file = within[0]
    picture = stills(localise(settings, file.uri), [at - camera.clock_offset_s - file.start])[0]
    write_picture(draw_grid(picture, camera), out)
    terminal.answer(str(out))
    terminal.note(f"{times.show(at, settings.zone)}, {file.path}", f"{times.show(at, settings.zone)}, {file.path}")
    return 0


def schema(settings: Settings, given: Namespace, terminal: Terminal) -> int:
    """Every field of a camera file, and of every kind of rule."""
    whole = Camera.model_json_schema()
    kinds = {kind: config.model_json_schema() for kind, config in sorted(registry.kinds().items())}
    if given.format == "json":
        terminal.answer(json.dumps({"camera": whole, "rules": kinds}, ensure_ascii=False, indent=1))
        return 0
    must = terminal.say("(*) must be there", "(*) bắt buộc")
    terminal.answer(f"# {settings.cameras}/<id>.yaml; {must}")
    vi = settings.language == "vi"
    for line in told(whole, whole.get("$defs", {}), 0, skip={"rules"}, vi=vi):
        terminal.answer(line)
    terminal.answer("rules: " + terminal.say("a list; each is one of", "danh sách; mỗi luật là một trong"))
    for kind, rule in kinds.items():
        at = f"rules[{kind}]"
        about = (vi and ABOUT.get(at)) or (rule.get("description") or "").partition("\n")[0]
        terminal.answer(f"  - kind: {kind}{f'  # {about}' if about else ''}")
        for line in told(rule, rule.get("$defs", {}), 4, skip={"kind"}, at=f"{at}.", vi=vi):
            terminal.answer(line)
    return 0


def told(
    whole: Mapping[str, Any], shared: Mapping[str, Any], indent: int, skip: Collection[str] = (), at: str = "", *, vi: bool = False
) -> Iterator[str]:
    """A JSON schema's fields, one a line, as they stand in the file: `name: type = default  # what it means`, (*) where it must be.

    Args:
        at: where in a camera file these fields stand, as in `analytics.camera_fields`.
        vi: what they mean in Vietnamese; fields of a rule that somebody added stay as they are.
    """
    needed = whole.get("required", ())
    for name, field in whole.get("properties", {}).items():
        if name in skip:
            continue
        meaning = (vi and ABOUT.get(at + name)) or field.get("description")
        about = f"# {meaning}" if meaning else ""
        default = "" if name in needed or field.get("default") in (None, [], {}) else f"= {json.dumps(field['default'])}"
        parts = (f"{name}:", kind_of(field, shared, vi=vi), default, "(*)" if name in needed else "", about)
        yield " " * indent + " ".join(part for part in parts if part)
        below, by_name = _below(field, shared)
        if by_name:
            yield " " * (indent + 2) + NAME[vi] + ":"
        if below is not None:
            inside = f"{at}{name}.<name>." if by_name else f"{at}{name}."
            yield from told(below, shared, indent + (4 if by_name else 2), at=inside, vi=vi)


NAME = ("<name>", "<tên>")
"""What stands for a name that the file gives."""


def kind_of(field: Mapping[str, Any], shared: Mapping[str, Any], *, vi: bool = False) -> str:
    """A field's type in a word or two."""
    if "$ref" in field:
        return kind_of(shared[field["$ref"].rsplit("/", 1)[1]], shared, vi=vi)
    if "anyOf" in field or "allOf" in field:
        several = [kind_of(f, shared, vi=vi) for f in field.get("anyOf", field.get("allOf", ())) if f.get("type") != "null"]
        return " | ".join(dict.fromkeys(several))
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "const" in field:
        return str(field["const"])
    if field.get("type") == "array":
        if "prefixItems" in field:
            return f"[{', '.join(kind_of(f, shared, vi=vi) for f in field['prefixItems'])}]"
        return f"[{kind_of(field.get('items', {}), shared, vi=vi)}, …]"
    if field.get("type") == "object":
        each = kind_of(field["additionalProperties"], shared, vi=vi) if isinstance(field.get("additionalProperties"), dict) else ""
        return f"{{{NAME[vi]}: {each}}}" if each else ""
    words = {
        "string": ("text", "chữ"),
        "number": ("number", "số"),
        "integer": ("whole number", "số nguyên"),
        "boolean": ("true | false", "true | false"),
    }
    return words.get(str(field.get("type")), ("any", "bất kỳ"))[vi]


def _below(field: Mapping[str, Any], shared: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, bool]:
    """The fields under a field, where it has any, and whether they stand under names that the file gives."""
    for candidate in (field, *field.get("anyOf", ()), field.get("additionalProperties")):
        if isinstance(candidate, Mapping) and "$ref" in candidate:
            target = shared[candidate["$ref"].rsplit("/", 1)[1]]
            if "properties" in target:
                return target, candidate is field.get("additionalProperties")
    return None, False
