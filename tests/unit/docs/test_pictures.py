"""The pictures of the documents: their text has room, whatever font the reader has."""

from pathlib import Path

import pytest

from ...docs import pictures

ROOT = Path(__file__).resolve().parents[3]
PICTURES = sorted((ROOT / "docs").glob("*.svg"))
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100" font-size="10">'
HEAD += "<style>.box { fill: #fff } .title { font-weight: 600 } .mid { text-anchor: middle }</style>"


def faults(folder: Path, content: str) -> list[str]:
    file = folder / "picture.svg"
    file.write_text(f"{HEAD}{content}</svg>")
    return list(pictures.faults(pictures.read(file)))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda file: file.name)
def test_the_text_of_a_picture_has_room(picture: Path) -> None:
    assert list(pictures.faults(pictures.read(picture))) == []


BOX = '<rect class="box" x="10" y="10" width="80" height="40"/>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('<text x="20" y="30">short</text>', None),
        ('<text x="20" y="30">just too long for it</text>', "of a box"),
        ('<text x="20" y="30">mm in bold</text>', None),
        ('<text class="title" x="20" y="30">mm in bold</text>', "of a box"),
        ('<text class="mid" x="50" y="30">the middle</text>', None),
        ('<text x="20" y="48">low</text>', "of a box"),
        ('<text x="100" y="30">there is no more room for it</text>', "out of the picture"),
        ('<text x="100" y="80">one</text><text x="110" y="80">two</text>', "runs over 'two'"),
    ],
)
def test_text_that_has_no_room_is_found(tmp_path: Path, content: str, said: str | None) -> None:
    found = faults(tmp_path, BOX + content)
    assert [said in each for each in found] == [True] if said else found == []


def test_what_cannot_be_placed_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot place"):
        faults(tmp_path, '<g transform="scale(2)"><text x="0" y="9">a</text></g>')
