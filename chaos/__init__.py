"""The fault campaign: the whole system as real processes under load, broken at random; an oracle keeps the books."""
