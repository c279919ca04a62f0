"""Commands, watchers, logging: the original's lower layer. What is here lies in `smog.compat2015.core`."""
