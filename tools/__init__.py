"""What people run: supervisor, sidecar, command line, replay, demo."""
