"""``python -m bridge.cli``: the command ``starbridge``."""

from bridge.cli import main

if __name__ == "__main__":
    main()
