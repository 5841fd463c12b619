"""What every method can do."""

from impo.results.progress import Progress as Progress
