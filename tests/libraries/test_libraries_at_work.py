"""What the entries make of short pieces of code, library by library; the same words on a stranger mean nothing."""

from __future__ import annotations

import textwrap

import pytest

from backlint.effect import Effect
from backlint.testing import project_from

EFFECTS = [
    # Jobs.
    ("from app.jobs import job\ndef f():\n    job.delay()", "enqueues", "celery"),
    ("from rq import Queue\ndef f(job):\n    Queue(connection=c).enqueue(job)", "enqueues", "rq"),
    (
        "from arq import create_pool\nasync def f():\n    p = await create_pool()\n    await p.enqueue_job('x')",
        "enqueues",
        "arq",
    ),
    ("import dramatiq\n@dramatiq.actor\ndef job(): ...\ndef f():\n    job.send()", "enqueues", "dramatiq"),
    (
        "from huey import RedisHuey\nhuey = RedisHuey()\n@huey.task()\ndef job(): ...\ndef f():\n    job()",
        "enqueues",
        "huey",
    ),
    (
        "from saq import Queue\nq = Queue.from_url('x')\nasync def f():\n    await q.enqueue('x')",
        "enqueues",
        "saq",
    ),
    (
        "from taskiq_redis import ListQueueBroker\nb = ListQueueBroker('x')\n@b.task\nasync def job(): ...\nasync def f():\n    await job.kiq()",
        "enqueues",
        "taskiq",
    ),
    (
        "from procrastinate import App\napp = App(connector=c)\n@app.task\ndef job(): ...\ndef f():\n    job.defer(a=1)",
        "enqueues",
        "procrastinate",
    ),
    (
        "from django_q.tasks import async_task\ndef job(): ...\ndef f():\n    async_task(job)",
        "enqueues",
        "django_q",
    ),
    (
        "import threading\ndef job(): ...\ndef f():\n    threading.Thread(target=job).start()",
        "spawns",
        "threading",
    ),
    # Clients.
    ("import requests\ndef f(u):\n    requests.get(u)", "calls-network", "requests"),
    (
        "import httpx\nasync def f(u):\n    async with httpx.AsyncClient() as c:\n        await c.get(u)",
        "calls-network",
        "httpx",
    ),
    (
        "import aiohttp\nasync def f(u):\n    async with aiohttp.ClientSession() as s:\n        await s.get(u)",
        "calls-network",
        "aiohttp",
    ),
    ("from urllib.request import urlopen\ndef f(u):\n    urlopen(u)", "calls-network", "urllib"),
    ("import urllib3\ndef f(u):\n    urllib3.PoolManager().request('GET', u)", "calls-network", "urllib3"),
    ("import boto3\ndef f():\n    boto3.client('s3').list_buckets()", "calls-network", "boto3"),
    (
        "import aioboto3\nasync def f():\n    async with aioboto3.Session().client('s3') as s3:\n        await s3.list_buckets()",
        "calls-network",
        "aioboto3",
    ),
    ("import redis\ndef f():\n    redis.Redis().get('x')", "caches", "redis"),
    ("import aioredis\nasync def f():\n    await aioredis.from_url('x').get('x')", "caches", "aioredis"),
    ("from pymemcache import Client\ndef f():\n    Client('x').get('x')", "caches", "pymemcache"),
    (
        "from aiocache import RedisCache\nasync def f():\n    await RedisCache().get('x')",
        "caches",
        "aiocache",
    ),
    ("import smtplib\ndef f(m):\n    smtplib.SMTP('x').send_message(m)", "sends-mail", "smtplib"),
    ("import resend\ndef f(m):\n    resend.Emails.send(m)", "sends-mail", "resend"),
    ("import grpc\ndef f():\n    grpc.insecure_channel('x').unary_unary('y')(1)", "calls-network", "grpc"),
    ("import stripe\ndef f():\n    stripe.Charge.create(amount=1)", "calls-network", "stripe"),
    (
        "from openai import OpenAI\ndef f():\n    OpenAI().chat.completions.create(model='x')",
        "calls-network",
        "openai",
    ),
    (
        "from anthropic import Anthropic\ndef f():\n    Anthropic().messages.create(model='x')",
        "calls-network",
        "anthropic",
    ),
    ("import litellm\nasync def f():\n    await litellm.acompletion(model='x')", "calls-network", "litellm"),
    ("import ollama\ndef f():\n    ollama.chat(model='x')", "calls-network", "ollama"),
    ("import cohere\ndef f():\n    cohere.ClientV2().chat(model='x')", "calls-network", "cohere"),
    (
        "from groq import Groq\ndef f():\n    Groq().chat.completions.create(model='x')",
        "calls-network",
        "groq",
    ),
    (
        "from langchain_openai import ChatOpenAI\ndef f():\n    ChatOpenAI().invoke('x')",
        "calls-network",
        "langchain",
    ),
    (
        "from google import genai\ndef f():\n    genai.Client().models.generate_content(model='x')",
        "calls-network",
        "google_genai",
    ),
    (
        "from pinecone import Pinecone\ndef f():\n    Pinecone().Index('x').query(vector=[1])",
        "queries",
        "pinecone",
    ),
    ("from qdrant_client import QdrantClient\ndef f():\n    QdrantClient().upsert('x')", "writes", "qdrant"),
    (
        "from twilio.rest import Client\ndef f():\n    Client().messages.create(to='x')",
        "calls-network",
        "twilio",
    ),
    (
        "from slack_sdk import WebClient\ndef f():\n    WebClient().chat_postMessage(channel='x')",
        "calls-network",
        "slack_sdk",
    ),
    (
        "from minio import Minio\ndef f():\n    Minio('x').put_object('a', 'b', c, 1)",
        "calls-network",
        "minio",
    ),
    (
        "from google.cloud import storage\ndef f():\n    storage.Client().bucket('x').blob('y').upload_from_string('z')",
        "calls-network",
        "google_cloud_storage",
    ),
    (
        "from azure.storage.blob import BlobServiceClient\ndef f():\n    BlobServiceClient('x').get_blob_client('a', 'b').upload_blob(c)",
        "calls-network",
        "azure_storage_blob",
    ),
    (
        "from elasticsearch import Elasticsearch\ndef f():\n    Elasticsearch().search(index='x')",
        "queries",
        "elasticsearch",
    ),
    (
        "from opensearchpy import OpenSearch\ndef f():\n    OpenSearch().index(index='x', body={})",
        "writes",
        "opensearch",
    ),
    ("from kafka import KafkaProducer\ndef f():\n    KafkaProducer().send('x', b'y')", "enqueues", "kafka"),
    (
        "from aiokafka import AIOKafkaProducer\nasync def f():\n    await AIOKafkaProducer().send_and_wait('x', b'y')",
        "enqueues",
        "aiokafka",
    ),
    (
        "from confluent_kafka import Producer\ndef f():\n    Producer({}).produce('x', b'y')",
        "enqueues",
        "confluent_kafka",
    ),
    (
        "import pika\ndef f():\n    pika.BlockingConnection(p).channel().basic_publish('', 'x', b'y')",
        "enqueues",
        "pika",
    ),
    (
        "import aio_pika\nasync def f(m):\n    c = await aio_pika.connect_robust('x')\n    ch = await c.channel()\n    await ch.default_exchange.publish(m, 'x')",
        "enqueues",
        "aio_pika",
    ),
    (
        "import nats\nasync def f():\n    nc = await nats.connect()\n    await nc.publish('x', b'y')",
        "enqueues",
        "nats",
    ),
    (
        "import websockets\nasync def f():\n    async with websockets.connect('x') as ws:\n        await ws.send('y')",
        "calls-network",
        "websockets",
    ),
    ("import paramiko\ndef f():\n    paramiko.SSHClient().exec_command('ls')", "calls-network", "paramiko"),
    ("import socket\ndef f():\n    socket.create_connection(('x', 1))", "calls-network", "socket"),
    ("import subprocess\ndef f():\n    subprocess.run(['ls'])", "runs-process", "subprocess"),
    # Databases.
    (
        "import asyncmy\nasync def f():\n    c = await asyncmy.connect()\n    cur = c.cursor()\n    await cur.execute('SELECT 1')",
        "queries",
        "asyncmy",
    ),
    (
        "import aiomysql\nasync def f():\n    c = await aiomysql.connect()\n    cur = await c.cursor()\n    await cur.execute('SELECT 1')",
        "queries",
        "aiomysql",
    ),
    ("import pyodbc\ndef f():\n    pyodbc.connect('x').execute('DELETE FROM t')", "writes", "pyodbc"),
    (
        "import clickhouse_connect\ndef f():\n    clickhouse_connect.get_client().query('SELECT 1')",
        "queries",
        "clickhouse",
    ),
    (
        "from neo4j import GraphDatabase\ndef f():\n    with GraphDatabase.driver('x').session() as s:\n        s.run('x')",
        "queries",
        "neo4j",
    ),
    (
        "import ormar\nclass Row(ormar.Model): ...\nasync def f():\n    await Row.objects.filter(a=1).all()",
        "queries",
        "ormar",
    ),
    (
        "from advanced_alchemy.repository import SQLAlchemyAsyncRepository as R\nclass Row: ...\nclass Rows(R[Row]): ...\nasync def f(session):\n    await Rows(session=session).add(Row())",
        "writes",
        "advanced_alchemy",
    ),
    # Logs.
    ("import logging\ndef f():\n    logging.getLogger(__name__).info('x')", "logs", "logging"),
    ("import structlog\ndef f():\n    structlog.get_logger().info('x')", "logs", "structlog"),
    ("from loguru import logger\ndef f():\n    logger.info('x')", "logs", "loguru"),
    ("def f():\n    print('x')", "logs", "print"),
    ("import sentry_sdk\ndef f(e):\n    sentry_sdk.capture_exception(e)", "logs", "sentry"),
    # Passwords.
    ("import bcrypt\ndef f(p):\n    bcrypt.hashpw(p, bcrypt.gensalt())", "hashes-password", "bcrypt"),
    (
        "from argon2 import PasswordHasher\ndef f(p):\n    PasswordHasher().hash(p)",
        "hashes-password",
        "argon2",
    ),
    (
        "from passlib.context import CryptContext\ndef f(p):\n    CryptContext().hash(p)",
        "hashes-password",
        "passlib",
    ),
]
JOBS_FILE = "from celery import shared_task\n@shared_task\ndef job(): ...\n"


def effects(source: str) -> set[str]:
    project = project_from({"app/main.py": textwrap.dedent(source), "app/jobs.py": JOBS_FILE})
    function = next(found for found in project.functions if found.symbol == "app.main.f")
    return {effect.value for effect in Effect if function.key in project.effects.steps(effect)}


@pytest.mark.parametrize(("source", "effect", "library"), EFFECTS, ids=[row[2] for row in EFFECTS])
def test_effects(source: str, effect: str, library: str) -> None:
    assert effect in effects(source)


@pytest.mark.parametrize(("source", "effect", "library"), EFFECTS, ids=[row[2] for row in EFFECTS])
def test_the_same_words_of_a_stranger_do_nothing(source: str, effect: str, library: str) -> None:
    if library in _BY_THEMSELVES:
        return
    lines = source.split("\n")
    imported = [line for line in lines if line.startswith(("import ", "from "))]
    strange = source.replace(imported[0], _stranger(imported[0]))
    assert not effects(strange)


_BY_THEMSELVES = frozenset({"print", "asyncmy", "aiomysql", "pyodbc"})
"""Builtins, and statements of SQL, which are known whoever executes them."""


def _stranger(line: str) -> str:
    """`from mystery.x import y` for `from x import y`; `import mystery.x as x` for `import x`."""
    if line.startswith("from "):
        return line.replace("from ", "from mystery.", 1)
    name = line.removeprefix("import ")
    return f"from mystery import {name}" if "." not in name else f"import mystery.{name}"


JOBS = [
    "from celery import shared_task\n@shared_task\ndef job(): ...",
    "from celery import Celery\napp = Celery()\n@app.task\ndef job(): ...",
    "from rq import Queue\ndef job(): ...\ndef f():\n    Queue(connection=c).enqueue(job)",
    "def job(ctx): ...\nclass WorkerSettings:\n    functions = [job]\nimport arq",
    "import dramatiq\n@dramatiq.actor\ndef job(): ...",
    "from huey import RedisHuey\nhuey = RedisHuey()\n@huey.task()\ndef job(): ...",
    "from apscheduler.schedulers.background import BackgroundScheduler\ndef job(): ...\ns = BackgroundScheduler()\ns.add_job(job, 'interval')",
    "from taskiq import InMemoryBroker\nb = InMemoryBroker()\n@b.task(retry_on_error=True)\nasync def job(): ...",
    "from procrastinate import App\napp = App(connector=c)\n@app.task(queue='x')\ndef job(): ...",
    "from saq import Queue, Worker\nq = Queue.from_url('x')\nasync def job(ctx): ...\nw = Worker(q, functions=[job])",
    "from saq import Queue\nq = Queue.from_url('x')\nasync def job(ctx): ...\nsettings = {'queue': q, 'functions': [job]}",
    "from django_q.tasks import async_task\ndef job(): ...\ndef f():\n    async_task(job, 1)",
    "import schedule\ndef job(): ...\nschedule.every(10).minutes.do(job)",
    "from rocketry import Rocketry\napp = Rocketry()\n@app.task('every 1 min')\ndef job(): ...",
]


@pytest.mark.parametrize("source", JOBS, ids=[row.split("\n")[0] for row in JOBS])
def test_jobs(source: str) -> None:
    project = project_from({"app/main.py": source})
    names = {project.graph.functions[key].name for key in project.jobs}
    assert names == {"job"}


GUARDS = [
    ("from flask_login import login_required", "@login_required", "authenticates"),
    ("from flask_jwt_extended import jwt_required", "@jwt_required()", "authenticates"),
    (
        "from flask_httpauth import HTTPTokenAuth\nauth = HTTPTokenAuth()",
        "@auth.login_required",
        "authenticates",
    ),
    ("from flask_security import auth_required", "@auth_required('token')", "authenticates"),
    ("from flask_security import roles_required", "@roles_required('admin')", "authorises"),
    ("from flask_principal import Permission\nadmin = Permission()", "@admin.require(403)", "authorises"),
    ("from flask_limiter import Limiter\nlimiter = Limiter()", "@limiter.limit('5/minute')", "limits-rate"),
    ("from mystery import login_required", "@login_required", "unknown"),
    ("from mystery import cached", "@cached", ""),
]


@pytest.mark.parametrize(("imports", "decorator", "role"), GUARDS)
def test_guards_of_flask(imports: str, decorator: str, role: str) -> None:
    source = (
        f"from flask import Flask\n{imports}\napp = Flask('x')\n@app.get('/')\n{decorator}\ndef f(): ...\n"
    )
    (route,) = project_from({"app/main.py": source}).routes
    found = {"unknown" if guard.unresolved else "+".join(guard.roles) for guard in route.guards}
    assert found == ({role} if role else set())
