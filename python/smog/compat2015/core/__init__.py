"""Commands, watchers, logging: the original's lower layer by its names."""
