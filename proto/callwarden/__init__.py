"""What the rooms agree on: the wire (`v1`), the configuration file, the command line, the form of
a log line. Every room may import it; it imports none of them."""

import os
from importlib.metadata import PackageNotFoundError, version

# Nothing here forks without exec, and gRPC's fork handlers can hang a child that is about to exec.
# gRPC reads it when it is first imported, which is after this package.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# Our children are other programs. gRPC's fork handlers, there for children that go on in Python,
# make those fail to start while a call is under way. Read when grpc is first imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

try:
    __version__ = version("callwarden")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
