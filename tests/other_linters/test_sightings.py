"""What is seen of other linters' reports, held against what ruff itself reports."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from backlint.finding import Span
from backlint.other_linters.sightings import Sightings

if TYPE_CHECKING:
    from pathlib import Path

CODES = (
    *("S105", "S106", "S107", "S110", "S112", "S113", "S608", "S610", "S611"),
    *("DTZ002", "DTZ003", "DTZ004", "DTZ005", "DTZ006"),
    *("ASYNC210", "ASYNC220", "ASYNC221", "ASYNC222", "ASYNC230", "ASYNC251"),
)
CODE = """
import datetime, httpx, io, os, requests, requests as r, subprocess, time, urllib.request
from datetime import datetime as dt
from requests import get
from django.db.models.expressions import RawSQL

password = "hunter2hunter2"
secret = ""
SECRET_KEY: str = "abcabcabc"
app.config["SECRET_KEY"] = "abc"
login(password="hunter2", api_key="k")
get("x"); r.get("x", **options); requests.post("x", timeout=3)
requests.request("GET", "x", timeout=None)
httpx.get("x")
httpx.Client(timeout=None)
session = requests.Session()
session.get("x")

def connect(host, token="t0ken", *, passwd="", pwd="x"): ...

async def handler(path):
    requests.get("x", timeout=1)
    httpx.stream("GET", "x")
    urllib.request.urlopen("x")
    subprocess.run(["x"]); subprocess.Popen(["x"])
    os.system("x"); os.popen("x"); os.waitpid(1, 0)
    open("x"); io.open("x"); path.open()
    time.sleep(1)
    def inner():
        time.sleep(2)
    session.get("x")

def points():
    dt.now(); dt.now(None); dt.now(tz=None); dt.now(datetime.timezone.utc)
    dt.utcnow(); datetime.datetime.today(); dt.utcfromtimestamp(1)
    dt.fromtimestamp(1); dt.fromtimestamp(1, zone)
    make(default=dt.utcnow)

def swallows():
    for item in items:
        try:
            work(item)
        except Exception:
            continue
    try:
        work()
    except:
        pass
    try:
        work()
    except BaseException:
        pass
    try:
        work()
    except ValueError:
        pass

def queries(cursor, name, Model):
    cursor.execute(f"SELECT a FROM b WHERE c = {name}")
    cursor.execute("SELECT a FROM b WHERE c = %s" % name)
    cursor.execute("SELECT a " + "FROM b WHERE c = " + name)
    cursor.execute("SELECT a FROM b WHERE c = {}".format(name))
    cursor.execute("SELECT a FROM b WHERE c = %s", [name])
    statement = "DELETE FROM b WHERE c = " + name
    cursor.execute(statement)
    Model.objects.extra(where=[f"a = {name}"])
    Model.objects.extra(where=["a = 1"])
    RawSQL(f"select {name}", ())
    RawSQL("select 1", ())
"""


def lines(found: Sightings) -> set[tuple[str, int]]:
    return {(code, line) for code, places in found._places.items() for line, _ in places if code in CODES}


def test_the_same_as_ruff(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text(CODE, encoding="utf-8")
    words = ["check", "--isolated", "--select", ",".join(CODES), "--output-format", "json", str(file)]
    done = subprocess.run([sys.executable, "-m", "ruff", *words], capture_output=True, check=False)
    reported = {(item["code"], item["location"]["row"]) for item in json.loads(done.stdout)}
    assert {code for code, _ in reported} == set(CODES)
    assert lines(Sightings(ast.parse(CODE))) == reported


@pytest.mark.parametrize(
    ("code", "span", "expected"),
    [
        ("S113", Span(1, 9, 1, 40), True),
        ("B113", Span(1, 9, 1, 40), True),
        ("S113", Span(1, 0, 1, 40), False),
        ("S113", Span(2, 8, 2, 40), False),
        ("S105", Span(3, 0, 3, 20), True),
        ("B105", Span(4, 0, 4, 30), True),
        ("S105", Span(4, 0, 4, 30), False),
        ("X999", Span(1, 9, 1, 40), False),
    ],
)
def test_places(code: str, span: Span, expected: bool) -> None:
    text = (
        'requests.get("x")\nsession.get("x", data=requests.get("y"))\n'
        'password = "hunter2"\nd = {"password": "hunter2"}\nimport requests\n'
    )
    assert Sightings(ast.parse(text)).has(code, span) is expected


def test_deep_and_long_strings() -> None:
    long = ast.parse(f"x = {'select ' * 50_000!r} + y")
    assert not lines(Sightings(long))
    deep: ast.expr = ast.Name("x", lineno=1, col_offset=0)
    for _ in range(20_000):
        deep = ast.BinOp(
            deep, ast.Add(), ast.Constant("select ", lineno=1, col_offset=0), lineno=1, col_offset=0
        )
    assert not lines(Sightings(ast.Module([ast.Expr(deep, lineno=1, col_offset=0)], [])))
