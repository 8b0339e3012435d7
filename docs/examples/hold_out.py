"""Choose the sessions that nobody reads, by hash of their names."""

from pathlib import Path

from pipeline.research import holdout

names = ["S-01", "S-02", "S-03", "S-04", "S-05", "S-06"]
held_out, rest = holdout.split(names, 2)
Path("held-out.txt").write_text("\n".join(held_out) + "\n")
print("held out:", *sorted(held_out))
print("to read:", *sorted(rest))
