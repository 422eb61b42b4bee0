"""Alerts: evaluate → group → deduplicate → silence → notify → record. Findings in, incidents and mails to send out."""
