"""The counselling conversations of ``shared/data``, and the eight that nobody reads.

`HELD_OUT` was fixed by hash before the first pattern of the rules of issue C was written: the
eight conversations whose transcript_id has the smallest SHA-256. **Do not read their words**, and
do not print what they say or why it was coded: programs may process them, people look at numbers.
The other fifteen are for whoever writes rules.
"""

HELD_OUT = ("53", "8", "119", "107", "59", "10", "18", "126")
"""Values of transcript_id; 37 of 106 codes and 33 of 99 benign rows are theirs."""
