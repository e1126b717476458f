"""A pytest plugin that sets the clock ahead: ``pytest -p tests.shifted_clock``.

Python's own clocks only. Those that libraries read in C stay as they are.
"""

from __future__ import annotations

import datetime
import time

SHIFT = 1_000_003  # seconds: another day, hour, minute and second

_time, _time_ns, _localtime, _gmtime = time.time, time.time_ns, time.localtime, time.gmtime


class _Datetime(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> _Datetime:
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def today(cls) -> _Datetime:
        return cls.now()


class _Date(datetime.date):
    @classmethod
    def today(cls) -> _Date:
        return cls.fromtimestamp(time.time())


def pytest_collection() -> None:
    """Set the clock ahead before the test modules are imported."""
    time.time = lambda: _time() + SHIFT
    time.time_ns = lambda: _time_ns() + SHIFT * 10**9
    time.localtime = lambda secs=None: _localtime(time.time() if secs is None else secs)
    time.gmtime = lambda secs=None: _gmtime(time.time() if secs is None else secs)
    datetime.datetime = _Datetime  # type: ignore[misc]
    datetime.date = _Date  # type: ignore[misc]
