"""# A scan of 500 points, killed and resumed

Long scans are interrupted: a job reaches its limit, a laptop is closed. A scan that is started
again goes on where it was, to the same numbers. Reading: five minutes; computing: a minute.

## The command

A model in the current directory, and a plane of 25 x 20 points:
"""

import subprocess
import sys
import time
from pathlib import Path

Path("mine.py").write_text(
    """from impo import Jump, LindbladModel, Spin, Term


def pair(gain=1.0, loss=1.0):
    coupling = Term(0.5, ("S+", 0, 0), ("S-", 1, 0), plus_hc=True)
    return LindbladModel(
        sites=(Spin(0.5), Spin(0.5)),
        terms=(coupling,),
        jumps=(Jump(gain, "S+", 0), Jump(loss, "S-", 1)),
        name="mine:pair",
        parameters={"gain": gain, "loss": loss},
    )
"""
)
command = (
    "scan mine:pair --over gain=0.1:2.5:25 --over loss=0.2:2.1:20 "
    "--method exact --set gap=false --workers 1 -o scan.h5"
)
impo = [sys.executable, "-m", "impo", *command.split()]

# %% [markdown]
# In a terminal this is `impo scan mine:pair --over ...`. On a cluster it is split into jobs by
# `--task-id $SLURM_ARRAY_TASK_ID --tasks $SLURM_ARRAY_TASK_COUNT`; all jobs see the same
# directory.
#
# ## Killed
#
# Every finished point is a file in `scan.points/`. After some of them the process is killed,
# without a warning:

running = subprocess.Popen(impo, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while len(list(Path("scan.points").glob("*.h5"))) < 100:
    assert running.poll() is None, "it ended too early"
    time.sleep(0.05)
running.kill()
running.wait()
kept = {path: path.stat().st_mtime_ns for path in Path("scan.points").glob("*.h5")}
print(f"killed after {len(kept)} points; a table: {Path('scan.h5').exists()}")
assert not Path("scan.h5").exists()

# %% [markdown]
# ## Resumed
#
# The same command computes the rest. No finished point is computed again:

done = subprocess.run(impo, capture_output=True, text=True, check=False)
print("exit code", done.returncode)
assert done.returncode == 0, done.stderr
assert all(path.stat().st_mtime_ns == written for path, written in kept.items())

# %% [markdown]
# ## The table
#
# It has the axes, numbers with errors, and a verdict for every point.

from impo import load

table = load("scan.h5")
print(table["Sz"].shape, table.verdicts, "verdicts,", table.unconverged, "not converged")
assert table["Sz"].shape == (25, 20, 2)
assert table.unconverged == 0

# %% [markdown]
# Gain on one spin and loss on the other: exchanging both and turning the spins over maps (gain,
# loss) to (loss, gain). A table of 500 points is a good place to look at such a symmetry:

gain, loss = list(table["gain"]), list(table["loss"])
i, j = gain.index(1.0), min(range(len(loss)), key=lambda n: abs(loss[n] - 0.5))
mirrored = table.state(gain=gain[4], loss=loss[8]).expect("Sz").value
here = table.state(gain=gain[i], loss=loss[j]).expect("Sz").value
print(gain[i], loss[j], here, "and", gain[4], loss[8], mirrored)
assert abs(here + mirrored[::-1]).max() < 1e-8

# %% [markdown]
# `impo plot scan.h5` draws the map; `table.to_dataframe()` hands it to pandas.
# [Scans](../scans.md) has warm starts, clusters and what a worker may use.
