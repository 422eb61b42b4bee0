"""Findings in plain words: what mails and pages say to people who are no engineers."""
