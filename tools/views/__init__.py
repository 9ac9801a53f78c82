"""Pictures of a running instance: readers of its regions that return rows, shared by the command line, the demo and the tests."""
