"""Where the texts of a picture (docs/*.svg) end with the widest of the fonts that readers commonly have.

A picture names families of sans-serif fonts and a browser takes what there is. DejaVu Sans is wider than
Liberation Sans (Arial, Helvetica), Noto Sans and Roboto: what has room in it has room in all of them.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SVG = "{http://www.w3.org/2000/svg}"
# Advance widths of DejaVu Sans and of its bold face for U+0020 to U+007E, in thousandths of the font's size.
_PLAIN = [
    *(318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636),
    *(636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775),
    *(752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390),
    *(337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612),
    *(635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838),
]
_BOLD = [
    *(348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696),
    *(696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821),
    *(837, 372, 372, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457),
    *(365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687),
    *(716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838),
]
_OTHER = 1000
"""Of a character that is not in the table: hardly one is wider."""
ASCENT, DESCENT = 0.93, 0.24
"""How far DejaVu Sans reaches above and below the baseline, in parts of its size."""


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the picture, in its units."""

    left: float
    top: float
    right: float
    bottom: float
    what: str

    def holds(self, other: "Area", *, margin: float = 0) -> bool:
        """Whether the other lies within, at least `margin` from the edges."""
        return (
            self.left + margin <= other.left
            and other.right <= self.right - margin
            and self.top + margin <= other.top
            and other.bottom <= self.bottom - margin
        )

    def meets(self, other: "Area") -> bool:
        """Whether the two have more than an edge in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture shows, as areas."""

    whole: Area
    boxes: tuple[Area, ...]
    texts: tuple[Area, ...]


def width(text: str, *, size: float, bold: bool, spacing: float = 0) -> float:
    """How wide a line of text is in DejaVu Sans."""
    table = _BOLD if bold else _PLAIN
    total = sum(table[ord(each) - 32] if " " <= each <= "~" else _OTHER for each in text)
    return total * size / 1000 + spacing * len(text)


def read(file: Path) -> Picture:
    """The areas of a picture with `rect`, `text` and a style sheet of classes; no transformations.

    Raises:
        ValueError: it holds what this cannot place (a transformation, a text in parts).
    """
    root = ET.parse(file).getroot()
    styles = dict(_rules("".join(root.findtext(f"{_SVG}style", ""))))
    left, top, right, bottom = (float(each) for each in root.attrib["viewBox"].split())
    boxes = [_box(each) for each in root.iter(f"{_SVG}rect") if "box" in each.get("class", "").split()]
    texts = []
    for each in root.iter():
        if "transform" in each.attrib or each.tag == f"{_SVG}tspan":
            raise ValueError(f"{file.name}: cannot place {ET.tostring(each, 'unicode')}")
        if each.tag == f"{_SVG}text":
            texts.append(_text(each, styles, float(root.attrib["font-size"])))
    return Picture(Area(left, top, left + right, top + bottom, file.name), tuple(boxes), tuple(texts))


def faults(picture: Picture, *, margin: float = 8) -> Iterator[str]:
    """Texts that come closer to a box's edge than `margin`, or run over each other or out of the picture."""
    for place, text in enumerate(picture.texts):
        if not picture.whole.holds(text):
            yield f"{text.what!r} runs out of the picture"
        for box in picture.boxes:
            if box.meets(text) and not box.holds(text, margin=margin):
                place_of = f"{text.left:.0f} to {text.right:.0f} of a box {box.left:g} to {box.right:g}"
                yield f"{text.what!r} takes {place_of}"
        for other in picture.texts[place + 1 :]:
            if text.meets(other):
                yield f"{text.what!r} runs over {other.what!r}"


def _rules(sheet: str) -> Iterator[tuple[str, dict[str, str]]]:
    for name, body in re.findall(r"\.(\w+)\s*\{([^}]*)\}", sheet):
        pairs = (each.partition(":") for each in body.split(";"))
        yield name, {key.strip(): value.strip() for key, _, value in pairs if value}


def _box(rect: ET.Element) -> Area:
    x, y, wide, high = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
    return Area(x, y, x + wide, y + high, "box")


def _text(element: ET.Element, styles: dict[str, dict[str, str]], size: float) -> Area:
    style: dict[str, str] = {}
    for name in element.get("class", "").split():
        style |= styles.get(name, {})
    size = float(style.get("font-size", f"{size}px").removesuffix("px"))
    x, y, said = float(element.attrib["x"]), float(element.attrib["y"]), element.text or ""
    wide = width(
        said,
        size=size,
        bold=int(style.get("font-weight", 400)) >= 600,
        spacing=float(style.get("letter-spacing", "0px").removesuffix("px")),
    )
    match style.get("text-anchor", element.get("text-anchor", "start")):
        case "middle":
            x -= wide / 2
        case "end":
            x -= wide
    return Area(x, y - ASCENT * size, x + wide, y + DESCENT * size, said)
