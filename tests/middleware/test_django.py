import sys
import types
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View

from sessiond import current_session
from sessiond.django import SessionMiddleware, require
from sessiond.middleware.marks import RuleNotAppliedError
from tests.support.middleware import backends
from tests.support.middleware.answers import ask_wsgi
from tests.support.middleware.validators import Scripted

BEARER = [("Authorization", "Bearer a.b.c")]
backends.configure_django()


def test_a_decorated_view_without_the_middleware_is_not_entered() -> None:
    with pytest.raises(RuleNotAppliedError):
        require()(lambda request: HttpResponse())(RequestFactory().get("/orders"))


def test_class_based_views() -> None:
    @method_decorator(require(scopes=["orders:read"]), name="dispatch")
    class Orders(View):
        def get(self, request: Any) -> Any:
            return HttpResponse(request.sessiond.subject)

    module = types.ModuleType("tests_urls_of_class_based_views")
    module.urlpatterns = [path("orders", Orders.as_view())]
    sys.modules[module.__name__] = module
    asked = Scripted()
    with backends.behind_middleware(module.__name__, client=asked):
        answer = ask_wsgi(backends.WSGIHandler(), BEARER)
    assert (answer.body, asked.policies[0].scopes) == (b"alice", ("orders:read",))
    assert current_session() is None


def test_a_client_is_made_for_a_target() -> None:
    with override_settings(SESSIOND={"target": "127.0.0.1:1", "client_options": {"cache": None}}):
        SessionMiddleware(lambda request: HttpResponse())
    with override_settings(SESSIOND={}), pytest.raises(ImproperlyConfigured, match="there is no target"):
        SessionMiddleware(lambda request: HttpResponse())
    with override_settings(SESSIOND={"target": "127.0.0.1:1", "cookies": "-"}), pytest.raises(TypeError):
        SessionMiddleware(lambda request: HttpResponse())
