"""Complete examples: an instance's configuration (demo.toml) and two strategies. ``ringfence demo`` runs them as they are."""
