"""Draw which room imports which, into docs/architecture.md.

    python -m docs.drawing

Reads the imports of snnet/ and app/, those inside functions and for types too. An arrow that other arrows
imply is left out.
"""

from pathlib import Path

import grimp

from snnet import files

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "```mermaid\n", "```\n"


def rooms() -> dict[str, list[str]]:
    """Return every room, a folder or a file beside folders, with the lines of its label."""
    library = sorted(path for path in (ROOT / "snnet").iterdir() if not path.name.startswith("_"))
    labels = {}
    for place in [*library, ROOT / "app"]:
        lines = [f"<b>{place.stem}</b>"]
        for folder in [place, *sorted(path for path in place.glob("*") if path.is_dir())]:
            names = sorted(file.stem for file in folder.glob("[!_]*.py"))
            if names:
                lines.append(("" if folder == place else f"{folder.name}: ") + ", ".join(names))
        labels[".".join(place.relative_to(ROOT).with_suffix("").parts)] = lines
    return labels


def imports(names: list[str]) -> dict[str, set[str]]:
    """Return which rooms each room imports."""
    graph = grimp.build_graph("snnet", "app", exclude_type_checking_imports=False, cache_dir=None)
    for name in names:
        if graph.find_children(name):
            graph.squash_module(name)
    return {name: (graph.find_modules_directly_imported_by(name) & {*names}) - {name} for name in names}


def implied(arrows: dict[str, set[str]], room: str) -> set[str]:
    """Return the rooms that two or more arrows in a row lead to from this one."""
    rooms: set[str] = set()
    ahead = [other for below in arrows[room] for other in arrows[below]]
    while ahead:
        other = ahead.pop()
        if other not in rooms:
            rooms.add(other)
            ahead += arrows[other]
    return rooms


def drawing() -> str:
    """Return the drawing as the text of a Mermaid block."""
    labels = rooms()
    arrows = imports(list(labels))
    lines = ["flowchart TD"]
    lines += [f'    {room}["{"<br>".join(label)}"]' for room, label in labels.items()]
    for room, below in arrows.items():
        lines += [f"    {room} --> {other}" for other in sorted(below - implied(arrows, room))]
    return "\n".join(lines) + "\n"


def with_drawing(text: str) -> str:
    """Return the page's text with the drawing of today."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + drawing() + END + after


if __name__ == "__main__":
    files.write_text(PAGE, with_drawing(PAGE.read_text(encoding="utf-8")))
