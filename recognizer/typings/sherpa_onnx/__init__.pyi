"""What `recognizer.sherpa` uses of sherpa-onnx 2.0, as it behaves there."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

class OnlineStream:
    def accept_waveform(self, sample_rate: float, waveform: NDArray[np.float32]) -> None: ...
    def input_finished(self) -> None: ...

class OnlineRecognizerResult:
    tokens: list[str]
    timestamps: list[float]
    start_time: float

class OnlineRecognizer:
    @classmethod
    def from_transducer(
        cls,
        tokens: str,
        encoder: str,
        decoder: str,
        joiner: str,
        num_threads: int = ...,
        sample_rate: float = ...,
        enable_endpoint_detection: bool = ...,
        rule1_min_trailing_silence: float = ...,
        rule2_min_trailing_silence: float = ...,
        rule3_min_utterance_length: float = ...,
        decoding_method: str = ...,
        max_active_paths: int = ...,
        provider: str = ...,
    ) -> OnlineRecognizer: ...
    @classmethod
    def from_zipformer2_ctc(
        cls,
        tokens: str,
        model: str,
        num_threads: int = ...,
        sample_rate: float = ...,
        enable_endpoint_detection: bool = ...,
        rule1_min_trailing_silence: float = ...,
        rule2_min_trailing_silence: float = ...,
        rule3_min_utterance_length: float = ...,
        decoding_method: str = ...,
        provider: str = ...,
    ) -> OnlineRecognizer: ...
    @classmethod
    def from_paraformer(
        cls,
        tokens: str,
        encoder: str,
        decoder: str,
        num_threads: int = ...,
        sample_rate: float = ...,
        enable_endpoint_detection: bool = ...,
        rule1_min_trailing_silence: float = ...,
        rule2_min_trailing_silence: float = ...,
        rule3_min_utterance_length: float = ...,
        decoding_method: str = ...,
        provider: str = ...,
    ) -> OnlineRecognizer: ...
    def create_stream(self) -> OnlineStream: ...
    def is_ready(self, s: OnlineStream) -> bool: ...
    def decode_stream(self, s: OnlineStream) -> None: ...
    def decode_streams(self, ss: Sequence[OnlineStream]) -> None: ...
    def get_result_all(self, s: OnlineStream) -> OnlineRecognizerResult: ...
    def tokens(self, s: OnlineStream) -> list[str]: ...
    def timestamps(self, s: OnlineStream) -> list[float]: ...
    def start_time(self, s: OnlineStream) -> float: ...
    def is_endpoint(self, s: OnlineStream) -> bool: ...
    def reset(self, s: OnlineStream) -> None: ...

class OfflineRecognitionResult:
    tokens: Sequence[str]
    timestamps: Sequence[float]
    emotion: str
    lang: str

class OfflineStream:
    result: OfflineRecognitionResult
    def accept_waveform(self, sample_rate: float, waveform: NDArray[np.float32]) -> None: ...

class OfflineRecognizer:
    @classmethod
    def from_sense_voice(
        cls,
        model: str,
        tokens: str,
        num_threads: int = ...,
        provider: str = ...,
        language: str = ...,
    ) -> OfflineRecognizer: ...
    @classmethod
    def from_paraformer(
        cls, paraformer: str, tokens: str, num_threads: int = ..., provider: str = ...
    ) -> OfflineRecognizer: ...
    @classmethod
    def from_telespeech_ctc(
        cls, model: str, tokens: str, num_threads: int = ..., provider: str = ...
    ) -> OfflineRecognizer: ...
    @classmethod
    def from_dolphin_ctc(
        cls, model: str, tokens: str, num_threads: int = ..., provider: str = ...
    ) -> OfflineRecognizer: ...
    @classmethod
    def from_whisper(
        cls,
        encoder: str,
        decoder: str,
        tokens: str,
        language: str = ...,
        num_threads: int = ...,
        provider: str = ...,
    ) -> OfflineRecognizer: ...
    def create_stream(self) -> OfflineStream: ...
    def decode_streams(self, ss: Sequence[OfflineStream]) -> None: ...

class KeywordSpotter:
    def __init__(
        self,
        tokens: str,
        encoder: str,
        decoder: str,
        joiner: str,
        keywords_file: str,
        num_threads: int = ...,
        sample_rate: float = ...,
        keywords_score: float = ...,
        keywords_threshold: float = ...,
        provider: str = ...,
    ) -> None: ...
    def create_stream(self, keywords: str | None = ...) -> OnlineStream: ...
    def is_ready(self, s: OnlineStream) -> bool: ...
    def decode_stream(self, s: OnlineStream) -> None: ...
    def reset_stream(self, s: OnlineStream) -> None: ...
    def get_result(self, s: OnlineStream) -> str: ...

class SileroVadModelConfig:
    def __init__(self, *, model: str, min_silence_duration: float = ...) -> None: ...

class VadModelConfig:
    def __init__(self, *, silero_vad: SileroVadModelConfig, sample_rate: int = ...) -> None: ...

class SpeechSegment:
    start: int
    samples: Sequence[float]

class VoiceActivityDetector:
    def __init__(self, config: VadModelConfig, buffer_size_in_seconds: float = ...) -> None: ...
    def reset(self) -> None: ...
    def accept_waveform(self, samples: NDArray[np.float32]) -> None: ...
    def flush(self) -> None: ...
    def empty(self) -> bool: ...
    def pop(self) -> None: ...
    @property
    def front(self) -> SpeechSegment: ...

class OfflineTtsKokoroModelConfig:
    def __init__(
        self,
        model: str,
        voices: str,
        tokens: str,
        lexicon: str = ...,
        data_dir: str = ...,
        dict_dir: str = ...,
        length_scale: float = ...,
        lang: str = ...,
    ) -> None: ...

class OfflineTtsModelConfig:
    def __init__(self, *, kokoro: OfflineTtsKokoroModelConfig, num_threads: int = ...) -> None: ...

class OfflineTtsConfig:
    def __init__(self, model: OfflineTtsModelConfig, rule_fsts: str = ...) -> None: ...

class GeneratedAudio:
    samples: Sequence[float]
    sample_rate: int

class OfflineTts:
    def __init__(self, config: OfflineTtsConfig) -> None: ...
    def generate(self, text: str, sid: int = ..., speed: float = ...) -> GeneratedAudio: ...
