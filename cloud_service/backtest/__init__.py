"""`telltale backtest`: stored history against changed limits.

history (store, journal) → the same step and alert stages twice: as set, and as changed → alerts a day
"""
