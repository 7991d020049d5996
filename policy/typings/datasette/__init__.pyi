from collections.abc import Callable
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])

def hookimpl(function: Function) -> Function: ...

class Response:
    @staticmethod
    def text(body: str, *, status: int) -> Response: ...
