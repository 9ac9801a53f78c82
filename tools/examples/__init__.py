"""A complete example of an instance's configuration, demo.toml; ``ringfence demo`` fills it in and runs it."""
