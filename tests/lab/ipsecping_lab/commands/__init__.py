"""What each sub-command does; the words on the command line are read in cli.py."""
