"""Owns where a model computes: whether this box can do what was asked for, and that the engine does
it.

The engine takes the CPU with a line on stderr where it cannot have the GPU. Invariant: here that is
a refusal, at the start and at each later start of a worker.
"""

import ctypes
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NODES: Final = ("/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/nvhost-ctrl-gpu", "/dev/dxg")
"""Device nodes of NVIDIA's drivers: a card, Jetson, WSL."""
_PROVIDER: Final = "libonnxruntime_providers_cuda*.so*"
_DRIVER: Final = "libcuda.so.1"
_FALLS_BACK: Final = "fallback to cpu"
FALLEN_BACK: Final = "the engine takes the CPU instead"
GUIDE: Final = "docs/gpu.md says how to set one up; or set the device to cpu"


class NoDevice(RuntimeError):
    """The device that was asked for is not to be had; the text says why and what to do."""


def require(device: str) -> None:
    """Raises NoDevice when this box cannot compute on `device`: `cpu`, `cuda` or `cuda:N`."""
    provider, _, number = device.partition(":")
    if provider == "cpu":
        return
    if not has_provider():
        raise NoDevice(
            f"{device}: the installed sherpa-onnx computes on the CPU alone: install k2-fsa's CUDA "
            f"wheel; {GUIDE}"
        )
    if not any(Path(each).exists() for each in _NODES):
        raise NoDevice(f"{device}: no NVIDIA driver is loaded (no /dev/nvidiactl); {GUIDE}")
    count = _gpus(device)
    if int(number or 0) >= count:
        raise NoDevice(f"{device}: the driver offers {count} GPUs, counted from 0; {GUIDE}")


def environment(device: str) -> dict[str, str]:
    """What a worker's process must find, so that the engine's only GPU is the one meant."""
    _, _, number = device.partition(":")
    if not number:
        return {}
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": number}


@contextmanager
def as_asked(device: str) -> Iterator[None]:
    """Around whatever loads a model, in the process that loads it. Raises NoDevice where the engine
    says that it takes the CPU instead; what it says is passed on to stderr."""
    if device == "cpu":
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            lines = said.read().decode(errors="replace")
            sys.stderr.write(lines)
    if _FALLS_BACK in lines.lower():
        raise NoDevice(f"{device}: {FALLEN_BACK}; {GUIDE}")


def has_provider() -> bool:
    """Whether the wheel brings the CUDA provider, by its files: to load it is for the workers."""
    found = importlib.util.find_spec("sherpa_onnx")
    places = found.submodule_search_locations if found else None
    return any(any(Path(place).rglob(_PROVIDER)) for place in places or ())


def _gpus(device: str) -> int:
    """How many GPUs the driver offers. Raises NoDevice."""
    count = ctypes.c_int()
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        raise NoDevice(f"{device}: the driver's {_DRIVER} is not installed; {GUIDE}") from None
    status = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if status:
        raise NoDevice(f"{device}: the driver does not start (CUDA error {status}); {GUIDE}")
    return count.value
