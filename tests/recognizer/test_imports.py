"""sherpa-onnx can end its process: only workers load it."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "recognizer.service",
        "recognizer.run",
        "recognizer.scan",
        "recognizer.bench",
        "recognizer.bench_scan",
    ],
)
def test_the_serving_process_does_not_load_the_engine(module: str) -> None:
    program = f"import sys, {module}; assert 'sherpa_onnx' not in sys.modules, 'loaded'"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_a_worker_loads_no_more_than_decoding_needs() -> None:
    heavy = ("grpc", "google.protobuf", "pydantic", "click", "httpx", "policy", "structlog")
    program = f"import sys, recognizer.worker; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"
