"""What operators do by hand: dead letters, backup, restore."""
