"""Whether the books are right: what `verify` re-derives, what manifests sign, who did what."""
