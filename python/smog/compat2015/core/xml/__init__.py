"""XML, by the original's name: `smog.core.xml.helper`."""
