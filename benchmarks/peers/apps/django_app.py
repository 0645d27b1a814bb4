"""django-affiliate-system of PyPI as it is, with settings: PostgreSQL, and who asks is told by a header.

What it cannot do is not added: it has one tier, no id of a payment, no key of a withdrawal, and pays out all that there
is.
"""

from __future__ import annotations

import os
import sys

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import include, path
from rest_framework.authentication import BaseAuthentication

host, port = os.environ["DATABASE_ADDRESS"].split(":")
settings.configure(
    SECRET_KEY="of a measurement", ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "django_affiliate_system"],
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "HOST": host, "PORT": port, "USER": "peer",
        "NAME": os.environ["DATABASE_NAME"], "CONN_MAX_AGE": None,
    }},
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [f"{__name__}.FromHeader"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
)  # fmt: skip
application = get_wsgi_application()

from django.contrib.auth import get_user_model  # noqa: E402  when applications are ready


class FromHeader(BaseAuthentication):
    """As a gateway in front of it would tell that has checked the token."""

    def authenticate(self, request):
        name = request.headers.get("x-user")
        return (get_user_model().objects.get(username=name), None) if name else None


urlpatterns = [path("", include("django_affiliate_system.urls"))]


def make(partners: int, threshold: int) -> None:
    """Tables, a rule of 20 %, and so many affiliates."""
    from django.core.management import call_command
    from django_affiliate_system.models import Affiliate, CommissionRule

    call_command("migrate", verbosity=0)
    CommissionRule.objects.create(name="purchase", action_type="purchase", is_percentage=True, value=20)
    users = get_user_model()
    for number in range(partners):
        user = users.objects.create(username=f"partner-{number}", email=f"partner-{number}@example.com")
        Affiliate.objects.create(
            user=user, code=f"CODE{number}", payout_threshold=threshold, payout_method="bank_transfer"
        )


if __name__ == "__main__":
    make(int(sys.argv[1]), 1)
