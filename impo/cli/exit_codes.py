"""Exit codes of the command; `impo.cli.main` says what they mean."""

CONVERGED, INTERNAL, BAD_INPUT, NOT_CONVERGED, INTERRUPTED, UNREAD = 0, 1, 2, 3, 130, 141
