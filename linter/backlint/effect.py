"""The vocabulary of what code does (effects) and what it is for (roles).

Library entries are written in these words, the linker infers them for project
functions, and rules ask for them. An effect travels from callee to caller; a
role belongs to one symbol.
"""

from enum import StrEnum


class Effect(StrEnum):
    """Something a call does that its caller can notice."""

    QUERIES = "queries"
    """Sends a statement to a database and waits for the answer."""
    WRITES = "writes"
    """Changes rows: INSERT, UPDATE, DELETE, save(), bulk operations."""
    COMMITS = "commits"
    FLUSHES = "flushes"
    CALLS_NETWORK = "calls-network"
    """Sends a request to another machine that is not the database."""
    SENDS_MAIL = "sends-mail"
    BLOCKS = "blocks"
    """Holds the thread while it waits or computes."""
    SLEEPS = "sleeps"
    WAITS = "waits"
    """Waits for another thread, process or job."""
    ENQUEUES = "enqueues"
    SPAWNS = "spawns"
    """Starts a thread, task or process."""
    RUNS_PROCESS = "runs-process"
    LOGS = "logs"
    CACHES = "caches"
    """Reads or writes a cache server such as Redis or memcached."""
    CONNECTS = "connects"
    """Opens a connection, pool, engine or client."""
    READS_FILE = "reads-file"
    WRITES_FILE = "writes-file"
    HASHES_PASSWORD = "hashes-password"
    RENDERS = "renders"
    """Heavy local work: reports, images, documents."""


class Role(StrEnum):
    """What a function, class or decorator is for."""

    AUTHENTICATES = "authenticates"
    AUTHORISES = "authorises"
    LIMITS_RATE = "limits-rate"
    REDACTS = "redacts"
    HASHES = "hashes"
    VERIFIES_SIGNATURE = "verifies-signature"
    AUDITS = "audits"
    MEMOISES = "memoises"
    """A decorator or wrapper after which repeated calls do no work."""
    BATCHES = "batches"
    """Cuts an iterable into chunks or pages."""
    PAGINATES = "paginates"
    LOADS_DATA = "loads-data"
    """A data loader: many calls become one query."""
    RETRIES = "retries"
    RUNS_IN_THREAD = "runs-in-thread"
    """Moves its callback off the event loop."""
    BOUNDS_TIME = "bounds-time"
    """A context manager or call that cancels what runs in it after a time."""
    IDENTITY = "identity"
    """Hands its first argument through unchanged."""
    RUNS_LATER = "runs-later"
    """Keeps its callback to run after the current work (`on_commit`, background tasks)."""
    DEFINES_JOB = "defines-job"
    """A decorator that makes a function a job of a task queue."""
    OPENS_TRANSACTION = "opens-transaction"
    """A context manager or decorator whose body runs in one database transaction."""
    STORES_ROWS = "stores-rows"
    """An ORM class: an instance is a row or document."""
    RELATES = "relates"
    """Declares a relation of an ORM class to another; reading it from an instance may query."""
    DEFINES_ROUTE = "defines-route"
    """A decorator, or a base class of views, that makes a function a request handler."""
