"""Owns serving a program's figures to Prometheus, from a thread of their own.

Called by each room that has figures. Only what a registry holds is shown.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, start_http_server


def serve(registry: CollectorRegistry, host: str, port: int) -> tuple[int, Callable[[], None]]:
    """Serves /metrics from a thread. Returns the port (0 takes a free one) and how to stop.

    Raises OSError when the port is taken.
    """
    server, thread = start_http_server(port, host, registry)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return server.server_port, stop
