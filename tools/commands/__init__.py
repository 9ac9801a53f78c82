"""What each command of ``ringfence`` does; ``tools.cli`` names and imports them."""
