"""The command `impo`, also as `python -m impo`: Ctrl-C ends it while it loads, too."""

import os
import signal
import sys
from typing import Any

from impo.cli.exit_codes import AFTER_CTRL_C, INTERRUPTED

# of workers that Ctrl-C ended: the process that says so has unlinked them
_LEAKED = "ignore:resource_tracker"


def main() -> int:
    """Load the command line, run one command and return its exit code."""
    known = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = f"{known},{_LEAKED}" if known else _LEAKED
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        from impo.cli.main import main as command

        return command()  # Ctrl-C is ignored, as in the background of a shell
    signal.signal(signal.SIGINT, _leave)
    from impo.cli.main import main as command

    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = command()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is written: libraries end
        if code == INTERRUPTED:
            # Python would kill itself by the signal if it came in code made from a string
            sys.stdout.flush()
            os._exit(code)
    except KeyboardInterrupt:
        _leave()
    return code


def _leave(*_: Any) -> None:
    """End the process where no work is under way; libraries may swallow a `KeyboardInterrupt`."""
    os.write(sys.stderr.fileno(), f"{AFTER_CTRL_C}\n".encode())
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
