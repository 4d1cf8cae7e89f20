"""The record of what happened, and the text people read: events, hash chain, redaction, cleaning, prose."""
