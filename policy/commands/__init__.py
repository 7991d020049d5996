"""The subcommands that policy contributes to `callwarden`. Only the command line imports them."""
