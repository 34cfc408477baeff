"""Which functions answer for which exceptions."""

from __future__ import annotations

from backlint.testing import project_from

ERRORS = """
    class ShopError(Exception):
        pass

    class StockError(ShopError):
        pass
    """


def handlers(code: str, **files: str) -> dict[str, tuple[str, ...]]:
    project = project_from({"app/errors.py": ERRORS, **files, "app/main.py": code})
    return {project.graph.functions[key].symbol: names for key, names in project.error_handlers.items()}


def test_decorators() -> None:
    found = handlers(
        """
        from fastapi import FastAPI
        from app.errors import ShopError

        app = FastAPI()

        @app.exception_handler(ShopError)
        def show(request, exc):
            return None

        def other(request, exc):
            return None
        """
    )
    assert found == {"app.main.show": ("app.errors.ShopError",)}


def test_methods() -> None:
    found = handlers(
        """
        from flask import Flask
        from app.errors import ShopError, StockError

        def show(exc):
            return None

        def make():
            app = Flask(__name__)
            app.register_error_handler(ShopError, show)
            app.register_error_handler(StockError, show)
            return app
        """
    )
    assert found == {"app.main.show": ("app.errors.ShopError", "app.errors.StockError")}


def test_a_dict_of_another_module() -> None:
    found = handlers(
        """
        from litestar import Litestar
        from app import handlers

        app = Litestar(route_handlers=[], exception_handlers=handlers.HANDLERS)
        """,
        **{
            "app/handlers.py": """
                from app.errors import StockError

                def stock(request, exc):
                    return None

                HANDLERS = {StockError: stock, Exception: lambda request, exc: None}
                """
        },
    )
    assert found["app.handlers.stock"] == ("app.errors.StockError",)
    assert ("builtins.Exception",) in found.values()


def test_what_is_not_known_is_left_out() -> None:
    found = handlers(
        """
        from litestar import Litestar
        from somewhere import handlers

        def register(app, exception, handler):
            app.add_exception_handler(exception, handler)

        app = Litestar(route_handlers=[], exception_handlers=handlers)
        """
    )
    assert found == {}
