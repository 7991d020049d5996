"""Owns which way the audio comes in. Called by `pbx`."""

from callwarden.settings import Media
from gateway.media.reception import MediaListener
from gateway.media.websocket import WebsocketMedia


def media_listener(media: Media) -> MediaListener:
    """The listener of the configured transport. aiortc is loaded only where RTP is used."""
    if media.transport == "websocket":
        return WebsocketMedia(media)
    from gateway.media.rtp import RtpMedia

    return RtpMedia(media)
