"""`python -m ipsecping_operator`, and the start of the command ipsecping-operator.

`pip install ipsecping` brings the command without what it needs: then it says what is missing.
"""

import sys

_OURS = ("ipsecping", "ipsecping_operator")


def start() -> None:
    """Run the command line."""
    try:
        from .cli import main

        status = main()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in _OURS:
            raise
        sys.stderr.write(
            f"ipsecping-operator: needs the package {missing}, which is not installed: "
            "pip install 'ipsecping[operator]', or '.[operator]' in a clone\n"
        )
        status = 2
    sys.exit(status)


if __name__ == "__main__":
    start()
