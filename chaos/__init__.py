"""The fault campaign: the whole system as real processes under load, broken at random, and an oracle that keeps books."""
