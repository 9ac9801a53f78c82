"""Dialects that come with Ringfence, one TOML file each; ``ringfence.gateways.fix.profile`` reads them."""
