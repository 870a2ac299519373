"""The command line: arguments and printing, one file a command group."""
