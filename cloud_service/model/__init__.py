"""Remaining-life models: trained from histories in CSV, kept in files that hold numbers only, with a card."""
