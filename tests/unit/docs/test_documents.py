"""Commands are found where documents show them."""

import pytest

from ...docs.documents import Shown, commands_of, shown

TEXT = """
Type `make demo`, or `ipsecping` alone; `status.paths` is no command. `LAB=existing make demo` is one.

```console
$ ipsecping ping 10.50.1.10 -c 2   # two packets
seq=1

seq=2
$ make it
```

```console
docker build . \\
  -t image    # build it
cp a b && cp c d
```

```json
{"make": "no command"}
```
"""


def test_blocks_and_running_text_show_commands() -> None:
    assert list(commands_of("a.md", TEXT)) == [
        Shown("a.md", "ipsecping ping 10.50.1.10 -c 2", "seq=1\n\nseq=2"),
        Shown("a.md", "make it"),
        Shown("a.md", "docker build . -t image"),
        Shown("a.md", "cp a b && cp c d"),
        Shown("a.md", "make demo", in_text=True),
        Shown("a.md", "LAB=existing make demo", in_text=True),
    ]


def test_a_command_that_is_no_longer_shown_is_said_to_be() -> None:
    with pytest.raises(ValueError, match="shows no command that begins with 'ipsecping pong'"):
        shown("ipsecping pong")
