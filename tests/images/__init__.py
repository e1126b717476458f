"""How images are opened: each file here says what one module of bridge.images promises."""
