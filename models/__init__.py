"""Pure numerics of structural monitoring: functions on arrays, no I/O, no clock."""
