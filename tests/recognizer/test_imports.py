"""sherpa-onnx can end its process: only workers load it."""

import subprocess
import sys

_SERVING = (
    "recognizer.service",
    "recognizer.run",
    "recognizer.scan",
    "recognizer.bench",
    "recognizer.bench_scan",
)


def test_no_serving_process_loads_the_engine() -> None:
    """One after another in one process: what all of them do not load, none does alone."""
    program = (
        "import importlib, sys\n"
        "for module in sys.argv[1:]:\n"
        "    importlib.import_module(module)\n"
        "    assert 'sherpa_onnx' not in sys.modules, module"
    )
    command = [sys.executable, "-c", program, *_SERVING]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_a_worker_loads_no_more_than_decoding_needs() -> None:
    heavy = ("grpc", "google.protobuf", "pydantic", "click", "httpx", "policy", "structlog")
    program = f"import sys, recognizer.worker; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"
