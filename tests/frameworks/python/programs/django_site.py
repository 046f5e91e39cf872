"""A site in one file, whose client is opened by the first import of its view."""

import os
import time

import castalia
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="of a test")
django.setup()
config = castalia.Client().config("application")
heard: list[str] = []


@config.on_change(keys=["greeting"])
def _(event: castalia.ChangeEvent) -> None:
    heard.append(event.changes["greeting"].new_value or "")


def read(_: HttpRequest) -> JsonResponse:
    """Busy for a moment, so that another worker takes the next request."""
    time.sleep(0.05)
    return JsonResponse({"worker": os.getpid(), "greeting": config["greeting"], "heard": heard})


urlpatterns = [path("", read)]
application = get_wsgi_application()
