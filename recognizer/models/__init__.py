"""Speech models: what a usable one is, where they are looked for, how they are fetched."""
