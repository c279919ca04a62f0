"""XML, by the original's name. What is here lies in `smog.compat2015.core.xml`."""
