from typing import Any

import pytest
from flask import Flask, views

from sessiond import current_session
from sessiond.flask import PUBLIC, optional, protect, require
from sessiond.middleware.marks import RuleNotAppliedError
from tests.support.middleware.answers import ask_wsgi
from tests.support.middleware.validators import Scripted

BEARER = [("Authorization", "Bearer a.b.c")]


def test_a_decorated_view_of_an_application_that_is_not_protected_is_not_entered() -> None:
    app = Flask(__name__)
    app.testing = True
    app.add_url_rule("/orders", view_func=require()(lambda: "entered"), endpoint="orders")
    with pytest.raises(RuleNotAppliedError):
        ask_wsgi(app, BEARER)


def test_what_cannot_be_decorated_is_named_by_its_path() -> None:
    app = Flask(__name__, static_folder=".", static_url_path="/static")
    protect(app, Scripted(), routes={"/static/": PUBLIC})
    assert ask_wsgi(app, path="/static/test_flask.py").status == 200
    assert ask_wsgi(app, path="/static2/test_flask.py").status == 401


def test_class_based_views_and_several_rules() -> None:
    asked, app = Scripted(), Flask(__name__)
    protect(app, asked)

    class Orders(views.View):
        decorators = (require(scopes=["orders:read"]), require(scopes=["more"]))

        def dispatch_request(self) -> Any:
            return current_session().subject

    app.add_url_rule("/orders", view_func=Orders.as_view("orders"))
    assert ask_wsgi(app, BEARER).body == b"alice"
    assert [policy.scopes for policy in asked.policies] == [("orders:read",), ("more",)]


def test_nobody_is_served_behind_a_request() -> None:
    app = Flask(__name__)
    protect(app, Scripted())
    app.add_url_rule("/orders", view_func=optional()(lambda: "-"), endpoint="orders")
    ask_wsgi(app, BEARER)
    assert current_session() is None
