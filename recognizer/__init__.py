"""Audio in, utterances and findings out.

`service` serves it over gRPC and `scan` runs it on recordings, both through one `analysis` on one
`pool` of worker processes. sherpa-onnx can end its process, so only the workers load it.
"""
