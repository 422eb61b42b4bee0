"""The wire format: protobuf envelopes, delta + byte-shuffle + zstd bodies, sizes checked before parsing."""
