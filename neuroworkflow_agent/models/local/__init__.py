"""The embedded model: a small language model on this machine, with no key and no network."""
