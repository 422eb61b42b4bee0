"""Notify: mails that analysis decided on (outbox of `state.db`) → people."""
