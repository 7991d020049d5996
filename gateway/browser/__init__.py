"""Listening to a call in a browser: the page behind a link, and the WebRTC peer that plays it."""
