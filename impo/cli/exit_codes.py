"""Exit codes of the command, which `impo.cli.main` explains, and what it says after Ctrl-C."""

CONVERGED, INTERNAL, BAD_INPUT, NOT_CONVERGED, INTERRUPTED, UNREAD = 0, 1, 2, 3, 130, 141
AFTER_CTRL_C = "impo: interrupted; what is finished is kept."
