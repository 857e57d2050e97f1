"""Frames of the wire, to and from bytes. Knows no connection."""
