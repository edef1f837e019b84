"""Where webhooks may lead, how they are signed, when they are tried and when left alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from kernel.errors import InvalidArgument, NotFound
from notification.domain import webhook as w
from notification.posting import Destinations, NotAllowed, new_secret, signatures

ID, OWNER = UUID(int=1), UUID(int=2)
AT = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = {
    "shop.example": ["93.184.216.34"],
    "both.example": ["93.184.216.34", "10.0.0.7"],
    "inside.example": ["10.0.0.7"],
    "here.example": ["127.0.0.1"],
    "mapped.example": ["::ffff:10.0.0.7"],
    "metadata.example": ["169.254.169.254"],
    "v6.example": ["2606:2800:220:1:248:1893:25c8:1946"],
    "nowhere.example": [],
}


def to(setting: str, url: str) -> str:
    def resolve(host: str, _: int) -> list[str]:
        return NAMES.get(host) or ([] if host in NAMES else [host])

    return Destinations(setting, resolve).address_for(url)


def test_nothing_leaves_until_somebody_says_where_to() -> None:
    with pytest.raises(NotAllowed, match="NOTIFICATION_WEBHOOKS_TO is not set"):
        to("", "https://shop.example/hook")


@pytest.mark.parametrize(
    "url",
    [
        *(f"https://{name}/" for name in NAMES if name not in ("shop.example", "v6.example")),
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.1.2.3:8443/x",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "http://shop.example/",
    ],
)
def test_a_star_means_public_hosts_over_https_only(url: str) -> None:
    with pytest.raises(NotAllowed):
        to("*", url)


def test_what_is_named_is_allowed_and_the_checked_address_is_the_one_that_is_told() -> None:
    assert to("*", "https://shop.example/hook") == "93.184.216.34"
    assert to("*", "https://v6.example/") == "2606:2800:220:1:248:1893:25c8:1946"
    assert to("inside.example", "https://INSIDE.example/") == "10.0.0.7"
    assert to("10.0.0.0/24", "https://inside.example/") == "10.0.0.7"
    assert to("*, http://127.0.0.1", "http://here.example:8080/") == "127.0.0.1"
    for setting, url in (
        ("inside.example", "http://inside.example/"),
        ("10.0.0.0/24", "https://both.example/"),
        ("shop.example", "https://inside.example/"),
        ("http://127.0.0.1", "http://10.0.0.7/"),
    ):
        with pytest.raises(NotAllowed):
            to(setting, url)


def test_a_signature_is_what_the_standard_says() -> None:
    """The example of standardwebhooks' own tests."""
    published = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    found = signatures([published], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    other = new_secret()
    both = signatures([other, published], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body).split(" ")
    key = base64.b64decode(other.removeprefix("whsec_"))
    said = hmac.new(key, b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + body, hashlib.sha256).digest()
    assert both == ["v1," + base64.b64encode(said).decode(), found]
    assert len(key) >= 24


@pytest.mark.parametrize(
    "url",
    ["ftp://x/", "//x", "https://", "https://u:p@x/", "https://x/#a", "https://x/ y", "https://x:99999/", "x" * 600],
)
def test_a_url_that_cannot_be_told_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgument, match="url"):
        w.register(ID, "Shop", url, ["crm.pipeline.v1.*"], OWNER)


def a_webhook(*events: w.Event) -> w.Webhook:
    (registered,) = w.register(ID, "Shop", "https://shop.example/", ["crm.pipeline.v1.*"], OWNER)
    found = w.evolve(None, registered)
    for event in events:
        found = w.evolve(found, event)
    return found


def test_it_pauses_and_resumes_once_and_is_removed_for_ever() -> None:
    hook = a_webhook()
    (paused,) = hook.pause("it failed", automatic=True)
    assert hook.resume() == []
    assert a_webhook(paused).pause("again", automatic=False) == []
    assert a_webhook(paused).resume() == [w.WebhookResumed(ID)]
    (removed,) = hook.remove()
    gone = a_webhook(removed)
    assert gone.remove() == []
    with pytest.raises(NotFound):
        gone.resume()
    with pytest.raises(InvalidArgument):
        hook.rotate(AT + timedelta(days=91), AT)
    with pytest.raises(InvalidArgument, match="types"):
        hook.revise("Shop", hook.url, [])


def test_a_delivery_is_tried_for_a_day_and_a_webhook_left_alone_after_one_without_success() -> None:
    rests = [rest for n in range(1, 20) if (rest := w.rest_after(n))]
    assert timedelta(hours=23) < sum(rests, timedelta()) <= timedelta(hours=24)
    assert not w.is_to_be_paused(100, AT, AT + timedelta(hours=1))
    assert not w.is_to_be_paused(3, AT, AT + timedelta(days=2))
    assert w.is_to_be_paused(w.MOST_FAILURES, AT, AT + timedelta(days=1))
