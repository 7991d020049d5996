"""What the rooms agree on: the wire (`v1`), the configuration file, the command line, the form of
a log line. Every room may import it; it imports none of them."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("callwarden")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
