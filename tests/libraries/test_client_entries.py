"""What the entries for clients, frameworks, jobs and the standard library say."""

from functools import cache
from pathlib import Path

import pytest

import backlint_rules
from backlint.effect import Effect, Role
from backlint.libraries.catalogue import Catalogue, compile_entries
from backlint.libraries.entry import ClassEntry, FunctionEntry, Timeout
from backlint.libraries.load import load_entries

FOLDER = Path(backlint_rules.__path__[0]) / "libraries"


@cache
def catalogue() -> Catalogue:
    return compile_entries(load_entries([FOLDER]))


def function(name: str) -> FunctionEntry:
    return catalogue().functions[catalogue().canonical(name)]


def cls(name: str) -> ClassEntry:
    return catalogue().classes[catalogue().canonical(name)]


def method(owner: str, name: str) -> FunctionEntry:
    """The method as a look-up along the bases finds it, else the default method of the nearest base."""
    order = [owner]
    for ancestor in order:
        order += [base for base in cls(ancestor).bases if base not in order]
    for ancestor in order:
        if name in cls(ancestor).methods:
            return cls(ancestor).methods[name]
    return next(entry.default_method for entry in map(cls, order) if entry.default_method is not None)


def bound(timeout: Timeout | None) -> Timeout:
    assert timeout is not None
    return timeout


def callables() -> list[tuple[str, FunctionEntry]]:
    found = list(catalogue().functions.items())
    for name, entry in catalogue().classes.items():
        found += [
            (f"{name}()", entry.init),
            *((f"{name}.{key}", value) for key, value in entry.methods.items()),
        ]
        found += [(f"{name}.__call__", entry.call)] if entry.call is not None else []
        found += [(f"{name}.*", entry.default_method)] if entry.default_method is not None else []
    return found


@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete", "head", "options", "request"])
def test_requests_waits_for_ever_unless_told(verb: str) -> None:
    entry = function(f"requests.{verb}")
    assert set(entry.effects) == {Effect.CALLS_NETWORK, Effect.BLOCKS}
    assert bound(entry.timeout).parameters == ("timeout",)
    assert bound(entry.timeout).default is None
    assert bound(entry.timeout).position is None, "it is taken from **kwargs"


def test_requests_session_has_no_timeout_of_its_own() -> None:
    assert bound(cls("requests.sessions.Session").timeout).parameters == ()
    assert bound(method("requests.Session", "get").timeout).inherits
    assert bound(method("requests.Session", "request").timeout).position == 8


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("httpx.Client", 5),
        ("httpx.AsyncClient", 5),
        ("aiohttp.ClientSession", 300),
        ("aiosmtplib.SMTP", 60),
        ("botocore.config.Config", 60),
        ("stripe.RequestsClient", 80),
        ("openai.OpenAI", 600),
        ("openai.AsyncOpenAI", 600),
        ("anthropic.AsyncAnthropic", 600),
        ("jwt.PyJWKClient", 30),
    ],
)
def test_defaults_of_clients_in_seconds(name: str, seconds: float) -> None:
    assert bound(cls(name).timeout).default == seconds


@pytest.mark.parametrize(
    "name",
    [
        "aiohttp.ClientTimeout",
        "urllib3.PoolManager",
        "http.client.HTTPConnection",
        "smtplib.SMTP",
        "socket.socket",
        "twilio.rest.Client",
        "razorpay.Client",
        "sendgrid.SendGridAPIClient",
        "xmlrpc.client.ServerProxy",
    ],
)
def test_clients_without_a_default(name: str) -> None:
    assert bound(cls(name).timeout).default is None


@pytest.mark.parametrize(
    ("name", "position"),
    [
        ("urllib.request.urlopen", 2),
        ("socket.create_connection", 1),
        ("asyncio.wait_for", 1),
        ("concurrent.futures.wait", 1),
    ],
)
def test_unbounded_functions_take_a_timeout_by_position(name: str, position: int) -> None:
    assert bound(function(name).timeout).position == position
    assert bound(function(name).timeout).default is None


def test_redis_learnt_a_timeout_with_version_8() -> None:
    for name in ("redis.Redis", "redis.StrictRedis", "redis.asyncio.Redis", "redis.ConnectionPool"):
        timeout = bound(cls(name).timeout)
        assert timeout.default is None
        assert timeout.since == {"8.0.0": 5}
        assert "socket_timeout" in timeout.parameters


def test_redis_commands_cache_without_being_listed() -> None:
    assert set(method("redis.Redis", "zadd").effects) == {Effect.CACHES, Effect.BLOCKS}
    assert method("redis.asyncio.Redis", "zadd").is_async
    assert method("redis.client.Pipeline", "zadd").effects == ()
    expires = bound(method("redis.Redis", "set").expires)
    assert "ex" in expires.parameters
    assert expires.default is None


def test_django_settings_bound_the_mail_server() -> None:
    for name in ("send_mail", "send_mass_mail", "mail_admins"):
        entry = function(f"django.core.mail.{name}")
        assert {Effect.SENDS_MAIL, Effect.CALLS_NETWORK, Effect.BLOCKS} == set(entry.effects)
        assert bound(entry.timeout).settings == ("EMAIL_TIMEOUT",)
        assert bound(entry.timeout).default is None
    assert Effect.SENDS_MAIL in method("django.core.mail.EmailMultiAlternatives", "send").effects


def test_calls_of_a_remote_service_are_known_whatever_their_name() -> None:
    for owner in ("botocore.client.BaseClient", "razorpay.resources.base.Resource"):
        assert Effect.CALLS_NETWORK in method(owner, "anything_at_all").effects
    completions = cls("openai.resources.Chat").attributes["completions"].type
    assert Effect.BLOCKS in method(completions, "create").effects
    assert method("openai.resources.chat.AsyncCompletions", "create").is_async
    assert Effect.CALLS_NETWORK in method("stripe.PaymentIntent", "confirm").effects


@pytest.mark.parametrize(
    "name", ["stripe.Webhook.construct_event", "razorpay.utility.Utility.verify_webhook_signature"]
)
def test_webhooks_are_verified_locally(name: str) -> None:
    owner, _, last = name.rpartition(".")
    entry = method(owner, last)
    assert entry.roles == (Role.VERIFIES_SIGNATURE,)
    assert entry.effects == ()


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("queue.PriorityQueue", "get"),
        ("threading._Lock", "acquire"),
        ("concurrent.futures.Future", "result"),
        ("celery.result.AsyncResult", "get"),
        ("subprocess.Popen", "communicate"),
        ("threading.Thread", "join"),
    ],
)
def test_waiting_is_unbounded_by_default(owner: str, name: str) -> None:
    entry = method(owner, name)
    assert {Effect.WAITS, Effect.BLOCKS} == set(entry.effects)
    assert bound(entry.timeout).default is None


def test_threads_take_their_callback_along() -> None:
    assert function("asyncio.to_thread").calls == (0,)
    assert method("asyncio.AbstractEventLoop", "run_in_executor").calls == (1,)
    assert function("fastapi.concurrency.run_in_threadpool").calls == (0,)
    for entry in (function("asyncio.to_thread"), method("asyncio.AbstractEventLoop", "run_in_executor")):
        assert Role.RUNS_IN_THREAD in entry.roles
        assert entry.returns == "callback"
    assert method("concurrent.futures.ThreadPoolExecutor", "submit").defers == (0,)


def test_signing_in_to_django_queries_and_hashes() -> None:
    assert {Effect.QUERIES, Effect.HASHES_PASSWORD} < set(
        function("django.contrib.auth.authenticate").effects
    )
    assert Effect.WRITES in function("django.contrib.auth.login").effects


def test_sleeping_blocks_only_without_a_loop() -> None:
    assert set(function("time.sleep").effects) == {Effect.SLEEPS, Effect.BLOCKS}
    assert function("asyncio.sleep").effects == (Effect.SLEEPS,)


@pytest.mark.parametrize(
    ("name", "bounded"),
    [
        ("tenacity.retry", False),
        ("backoff.on_exception", False),
        ("stamina.retry", True),
        ("dramatiq.actor", True),
        ("celery.shared_task", True),
    ],
)
def test_how_retries_end(name: str, bounded: bool) -> None:
    retry = function(name).retry
    assert retry is not None
    assert retry.bounded is bounded
    assert retry.bounds


def test_celery_jobs_become_tasks() -> None:
    entry = function("celery.shared_task")
    assert entry == method("celery.Celery", "task")
    assert entry.roles == (Role.DEFINES_JOB,)
    for name in ("delay", "apply_async"):
        enqueue = method(entry.returns, name)
        assert Effect.ENQUEUES in enqueue.effects
        assert enqueue.returns == "celery.result.AsyncResult"


@pytest.mark.parametrize(
    "owner", ["logging.Logger", "logging.LoggerAdapter", "structlog.stdlib.BoundLogger", "loguru.logger"]
)
@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "exception", "critical"])
def test_every_argument_of_a_logger_is_logged(owner: str, level: str) -> None:
    attribute = catalogue().attributes.get(owner)
    entry = method(attribute.type if attribute is not None else owner, level)
    assert entry.effects == (Effect.LOGS,)
    assert entry.sinks == {"log": ("*",)}


@pytest.mark.parametrize("name", ["fastapi.Request", "flask.request", "rest_framework.request.Request"])
def test_what_the_client_controls_is_marked(name: str) -> None:
    attribute = catalogue().attributes.get(name)
    request = attribute.type if attribute is not None else name
    assert cls(request).source == "request"


@pytest.mark.parametrize("name", ["requests.get", "httpx.post", "aiohttp.request", "urllib.request.urlopen"])
def test_fetched_addresses_are_a_sink(name: str) -> None:
    assert "url" in function(name).sinks


def test_the_caller_is_marked() -> None:
    assert catalogue().attributes["flask_login.current_user"].source == "caller"
    assert cls("rest_framework.request.Request").attributes["user"].source == "caller"
    assert cls("django.http.HttpRequest").attributes["user"].source == "caller"


def test_roles_of_protection() -> None:
    assert Role.AUTHENTICATES in cls("rest_framework.permissions.IsAuthenticated").roles
    assert cls("rest_framework.permissions.AllowAny").roles == ()
    assert Role.AUTHENTICATES in function("django.contrib.auth.decorators.login_required").roles
    assert Role.AUTHORISES in function("django.contrib.auth.decorators.permission_required").roles
    assert Role.LIMITS_RATE in method("slowapi.Limiter", "limit").roles
    assert Role.LIMITS_RATE in cls("rest_framework.throttling.UserRateThrottle").roles
    assert Role.VERIFIES_SIGNATURE in function("hmac.compare_digest").roles
    assert Role.LOADS_DATA in cls("strawberry.dataloader.DataLoader").roles
    assert cls("fastapi.security.OAuth2PasswordBearer").roles == (), "it only reads the token"


@pytest.mark.parametrize(
    "name",
    [
        "bcrypt.hashpw",
        "werkzeug.security.generate_password_hash",
        "django.contrib.auth.hashers.make_password",
    ],
)
def test_password_hashing_holds_the_thread(name: str) -> None:
    assert {Effect.HASHES_PASSWORD, Effect.BLOCKS} == set(function(name).effects)
    assert "secret" in function(name).cleans


@pytest.mark.parametrize("name", ["list", "len", "sorted", "any", "sum", "next", "set"])
def test_builtins_consume_their_iterable(name: str) -> None:
    assert function(f"builtins.{name}").consumes == (0,)


def test_blocking_clients_say_so() -> None:
    """A call that sends a request holds the thread or is awaited."""
    silent = {
        "grpc.aio.UnaryStreamMultiCallable.__call__",
        "grpc.aio.StreamStreamMultiCallable.__call__",
        "azure.storage.blob.aio.ContainerClient.list_blobs",
        "langchain_core.runnables.Runnable.astream",
        "google.genai.models.AsyncModels.generate_content_stream",
        "httpx.AsyncClient.stream",
        "openai._resource.AsyncAPIResource.list",
        "openai._resource.AsyncAPIResource.stream",
        "anthropic._resource.AsyncAPIResource.list",
        "anthropic._resource.AsyncAPIResource.stream",
    }
    for name, entry in callables():
        if Effect.CALLS_NETWORK not in entry.effects or name in silent or name.endswith(".future"):
            continue
        assert entry.is_async is (Effect.BLOCKS not in entry.effects), name


def test_a_timeout_by_position_has_a_name() -> None:
    everything = [(name, entry.timeout) for name, entry in callables()]
    everything += [(name, entry.timeout) for name, entry in catalogue().classes.items()]
    for name, timeout in everything:
        if timeout is not None and timeout.position is not None:
            assert timeout.parameters, name
        if timeout is not None and timeout.default is None and not timeout.inherits:
            assert timeout.what, name
            assert timeout.suggestion, name
