"""Speed, as ratios measured in one run: `make bench`, or `make bench BENCH="wire edge"` for some of it."""
