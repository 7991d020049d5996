"""The calls half of the gateway: media, forks, listening, enforcement, doctor."""
